//! What a host is made of: its name, interfaces, addresses and neighbours. Checked as a whole before anything is started.

use crate::sys::packet::MESSAGE_MAX;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use zerogap_proto::NodeId;
use zerogap_proto::address::{PREFIX_LEN, service_addr, service_mac, transfer_addr, transfer_mac};

/// A node's name must leave room for everything else on a command line and in a message.
const NAME_MAX: usize = 64;
const MTU_DEFAULT: u32 = 1_500;
/// Of the interface for transfers: jumbo frames, a sixth of the system calls and of the switch's work. To the modelled link they are
/// segments like all others, between which requests pass.
const MTU_TRANSFER: u32 = 9_000;
/// Long enough for a burst of replay; the kernel's default of a TAP is 1000 too, but not on every distribution.
const TXQUEUELEN_DEFAULT: u32 = 1_000;

/// A host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSpec {
    /// Its node.
    pub node: NodeId,
    /// The node's name; its processes carry it in their command lines.
    pub name: String,
    /// What runs in it.
    pub kind: HostKind,
    /// The service network.
    pub eth0: Interface,
    /// The virtual address of the service that it may serve, held on `eth0` besides its own.
    pub service: Option<Ipv4Addr>,
    /// The transfer network (servers).
    pub eth1: Option<Interface>,
    /// Addresses that it has besides, for further nodes that its process plays.
    pub further: Vec<(Nic, Ipv4Addr)>,
    /// Neighbours that it knows for good.
    pub neighbours: Vec<Neighbour>,
    /// Frames that may wait in each interface for the switch to read them.
    pub txqueuelen: u32,
}

/// What runs in a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HostKind {
    /// An edge server.
    Server,
    /// An AGV.
    Client,
}

/// A network interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interface {
    /// Its MAC address.
    pub mac: [u8; 6],
    /// Its IPv4 address.
    pub addr: Ipv4Addr,
    /// Length of its network's prefix in bits.
    pub prefix_len: u8,
    /// The longest IP packet in bytes.
    pub mtu: u32,
}

/// One of a host's interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nic {
    /// The service network.
    Eth0,
    /// The transfer network.
    Eth1,
}

/// A permanent neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// Behind which interface.
    pub nic: Nic,
    /// Its address.
    pub addr: Ipv4Addr,
    /// Its MAC address.
    pub mac: [u8; 6],
}

/// Why hosts cannot be started together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpecError {
    /// Not a name that can stand on a command line.
    BadName(String),
    /// Two hosts claim the same thing.
    Clash {
        /// What they both claim.
        what: String,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// A neighbour behind an interface that the host does not have.
    NoSuchNic {
        /// The host.
        name: String,
        /// The interface.
        nic: Nic,
    },
    /// More neighbours or addresses than fit one message to the host.
    TooLong(String),
}

impl HostKind {
    /// The subcommand that runs the node's process.
    pub const fn subcommand(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "agv",
        }
    }
}

impl Nic {
    /// Its name in the host.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Eth0 => "eth0",
            Self::Eth1 => "eth1",
        }
    }
}

impl HostSpec {
    /// A server's host with the addresses of the plan (`zerogap_proto::address`).
    pub fn server(node: NodeId, name: &str, service: Ipv4Addr) -> Self {
        let eth1 = Interface {
            mac: transfer_mac(node).0,
            addr: transfer_addr(node),
            prefix_len: PREFIX_LEN,
            mtu: MTU_TRANSFER,
        };
        Self { service: Some(service), eth1: Some(eth1), ..Self::bare(node, name, HostKind::Server) }
    }

    /// A client's host with the addresses of the plan.
    pub fn client(node: NodeId, name: &str) -> Self {
        Self::bare(node, name, HostKind::Client)
    }

    /// The interface that this name stands for, if the host has it.
    pub fn interface(&self, nic: Nic) -> Option<Interface> {
        match nic {
            Nic::Eth0 => Some(self.eth0),
            Nic::Eth1 => self.eth1,
        }
    }

    /// The interfaces that it has.
    pub fn interfaces(&self) -> impl Iterator<Item = (Nic, Interface)> {
        [Nic::Eth0, Nic::Eth1].into_iter().filter_map(|nic| Some((nic, self.interface(nic)?)))
    }

    /// Whether it can be started at all.
    ///
    /// # Errors
    /// Everything in [`SpecError`] but a clash.
    pub fn check(&self) -> Result<(), SpecError> {
        let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let name = &self.name;
        if name.is_empty() || name.len() > NAME_MAX || name.starts_with('-') || !name.chars().all(good) {
            return Err(SpecError::BadName(name.clone()));
        }
        match self.neighbours.iter().find(|n| self.interface(n.nic).is_none()) {
            Some(n) => Err(SpecError::NoSuchNic { name: name.clone(), nic: n.nic }),
            // One takes at most 16 bytes of a message.
            None if self.neighbours.len() + self.further.len() > MESSAGE_MAX / 20 => {
                Err(SpecError::TooLong(name.clone()))
            }
            None => Ok(()),
        }
    }

    fn bare(node: NodeId, name: &str, kind: HostKind) -> Self {
        let eth0 = Interface {
            mac: service_mac(node).0,
            addr: service_addr(node),
            prefix_len: PREFIX_LEN,
            mtu: MTU_DEFAULT,
        };
        Self {
            node,
            name: name.to_string(),
            kind,
            eth0,
            service: None,
            eth1: None,
            further: Vec::new(),
            neighbours: Vec::new(),
            txqueuelen: TXQUEUELEN_DEFAULT,
        }
    }
}

/// Whether these hosts can stand beside each other: every name, node, MAC and address only once. Service addresses are
/// shared on purpose, but are nobody's own.
///
/// # Errors
/// The first [`SpecError`] found.
pub fn check_all(specs: &[HostSpec]) -> Result<(), SpecError> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut claim = |what: String, name| match owners.insert(what.clone(), name) {
        None => Ok(()),
        Some(first) => Err(SpecError::Clash { what, first: first.to_string(), second: String::from(name) }),
    };
    for spec in specs {
        spec.check()?;
        let name = spec.name.as_str();
        claim(format!("the name {name}"), name)?;
        claim(format!("the node {}", spec.node), name)?;
        for (_, interface) in spec.interfaces() {
            claim(format!("the address {}", interface.addr), name)?;
            claim(format!("the MAC address {:02x?}", interface.mac), name)?;
        }
        for (_, addr) in &spec.further {
            claim(format!("the address {addr}"), name)?;
        }
    }
    for spec in specs {
        if let Some(service) = spec.service
            && let Some(owner) = owners.get(&format!("the address {service}"))
        {
            let what = format!("the address {service} (a service's here)");
            return Err(SpecError::Clash { what, first: (*owner).to_string(), second: spec.name.clone() });
        }
    }
    Ok(())
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadName(name) => write!(
                f,
                "{name:?} cannot be a node's name: use up to {NAME_MAX} letters, digits, '-', '_' and '.'"
            ),
            Self::Clash { what, first, second } => {
                write!(f, "{first} and {second} both have {what}: give one of them another")
            }
            Self::NoSuchNic { name, nic } => {
                write!(f, "{name} has a neighbour behind {}, which it does not have", nic.name())
            }
            Self::TooLong(name) => write!(f, "{name} has too many permanent neighbours and addresses"),
        }
    }
}

impl std::error::Error for SpecError {}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 90, 255, 1);

    #[test]
    fn hosts_of_the_plan_do_not_clash_and_may_share_a_service_address() {
        let specs = [
            HostSpec::server(NodeId(0), "edge-a1", SERVICE),
            HostSpec::server(NodeId(1), "edge-a2", SERVICE),
            HostSpec::client(NodeId(2), "agv"),
        ];
        assert_eq!(check_all(&specs), Ok(()));
    }

    #[test]
    fn what_two_hosts_both_claim_is_named_with_both_of_them() {
        let a = HostSpec::server(NodeId(0), "edge-a1", SERVICE);
        let said = |b: HostSpec| check_all(&[a.clone(), b]).unwrap_err().to_string();
        assert!(said(HostSpec::client(NodeId(1), "edge-a1")).contains("the name edge-a1"));
        assert!(said(HostSpec::client(NodeId(0), "agv")).contains("edge-a1 and agv both have the node n0"));
        let mut b = HostSpec::client(NodeId(1), "agv");
        b.eth0.addr = a.eth1.unwrap().addr;
        assert!(said(b).contains("both have the address 10.91.0.1"));
        let mut b = HostSpec::client(NodeId(1), "agv");
        b.eth0.addr = SERVICE;
        assert!(said(b).contains("a service's here"));
    }

    #[test]
    fn names_that_would_confuse_a_command_line_are_refused() {
        for name in ["", "-x", "a b", "a/b", "ä"] {
            let spec = HostSpec::client(NodeId(0), name);
            assert_eq!(spec.check(), Err(SpecError::BadName(name.to_string())));
        }
    }

    #[test]
    fn a_neighbour_needs_an_interface_that_exists() {
        let mut spec = HostSpec::client(NodeId(0), "agv");
        spec.neighbours.push(Neighbour { nic: Nic::Eth1, addr: SERVICE, mac: [2; 6] });
        assert!(matches!(spec.check(), Err(SpecError::NoSuchNic { nic: Nic::Eth1, .. })));
    }
}
