//! The address plan: every node's MAC and IPv4 addresses follow from its id, on the service network (`eth0`) and the
//! transfer network (`eth1`). Real hosts and simulated ones use the same addresses.

use crate::id::{NodeId, ServiceId};
use serde::{Deserialize, Serialize};
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use std::fmt;

/// Prefix length of both networks.
pub const PREFIX_LEN: u8 = 16;
/// The TCP port on which a target waits for a state transfer.
pub const TRANSFER_PORT: u16 = 7_400;

/// An IPv4 address and a UDP (or TCP) port.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address.
    pub addr: Ipv4Address,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.addr, self.port)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The MAC address of a node's interface on the service network. Locally administered.
pub const fn service_mac(node: NodeId) -> EthernetAddress {
    let [hi, lo] = node.0.to_be_bytes();
    EthernetAddress([0x02, b'z', b'g', 0, hi, lo])
}

/// The MAC address of a node's interface on the transfer network.
pub const fn transfer_mac(node: NodeId) -> EthernetAddress {
    let [hi, lo] = node.0.to_be_bytes();
    EthernetAddress([0x02, b'z', b'g', 1, hi, lo])
}

/// The MAC address with which the switches answer for a service's virtual address.
pub const fn virtual_mac(service: ServiceId) -> EthernetAddress {
    let [hi, lo] = service.0.to_be_bytes();
    EthernetAddress([0x02, b'z', b'g', 0xff, hi, lo])
}

/// Whose service-network MAC this is, if it follows the plan.
pub const fn node_of_mac(mac: EthernetAddress) -> Option<NodeId> {
    match mac.0 {
        [0x02, b'z', b'g', 0, hi, lo] => Some(NodeId(u16::from_be_bytes([hi, lo]))),
        _ => None,
    }
}

/// Whose virtual MAC this is, if it follows the plan.
pub const fn service_of_mac(mac: EthernetAddress) -> Option<ServiceId> {
    match mac.0 {
        [0x02, b'z', b'g', 0xff, hi, lo] => Some(ServiceId(u16::from_be_bytes([hi, lo]))),
        _ => None,
    }
}

/// The node with this address on the service network, if it follows the plan.
pub const fn node_at_service_addr(addr: Ipv4Address) -> Option<NodeId> {
    node_at(addr, 90)
}

/// The node with this address on the transfer network, if it follows the plan.
pub const fn node_at_transfer_addr(addr: Ipv4Address) -> Option<NodeId> {
    node_at(addr, 91)
}

const fn node_at(addr: Ipv4Address, network: u8) -> Option<NodeId> {
    match addr.octets() {
        [10, second, hi, lo] if second == network => match u16::from_be_bytes([hi, lo]).checked_sub(1) {
            Some(node) => Some(NodeId(node)),
            None => None,
        },
        _ => None,
    }
}

/// A node's own address on the service network, 10.90.0.0/16 (node + 1, so that the first is not the network's).
pub const fn service_addr(node: NodeId) -> Ipv4Address {
    let [hi, lo] = (node.0 + 1).to_be_bytes();
    Ipv4Address::new(10, 90, hi, lo)
}

/// A node's own address on the transfer network, 10.91.0.0/16.
pub const fn transfer_addr(node: NodeId) -> Ipv4Address {
    let [hi, lo] = (node.0 + 1).to_be_bytes();
    Ipv4Address::new(10, 91, hi, lo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_of_the_plan_leads_back_to_its_node_and_no_other_mac_does() {
        assert_eq!(node_of_mac(service_mac(NodeId(0x1234))), Some(NodeId(0x1234)));
        assert_eq!(node_of_mac(transfer_mac(NodeId(1))), None);
        assert_eq!(node_of_mac(virtual_mac(ServiceId(1))), None);
        assert_eq!(service_of_mac(virtual_mac(ServiceId(0x1234))), Some(ServiceId(0x1234)));
        assert_eq!(service_of_mac(service_mac(NodeId(1))), None);
    }

    #[test]
    fn an_address_of_the_plan_leads_back_to_its_node_and_no_other_address_does() {
        for node in [NodeId(0), NodeId(255), NodeId(0x1234)] {
            assert_eq!(node_at_service_addr(service_addr(node)), Some(node));
            assert_eq!(node_at_transfer_addr(transfer_addr(node)), Some(node));
            assert_eq!(node_at_service_addr(transfer_addr(node)), None);
        }
        assert_eq!(node_at_service_addr(Ipv4Address::new(10, 90, 0, 0)), None, "the network's own");
    }
}
