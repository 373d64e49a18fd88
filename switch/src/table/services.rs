//! The services in a standalone switch's file: what is written of each, what is checked, and the flows that lead its frames to it.
//! Least is written: a server is a port of the switch, unless others are behind that port as well.

use super::action::{Action, Output};
use super::config::{ConfigError, PortConfig, PortType};
use super::field::{EthType, Mac, Masked};
use super::flow::FlowSpec;
use super::layout::{ETH_ARP, ETH_IPV4};
use super::matching::Match;
use super::names::PortNames;
use crate::anchor::{AnchorConfig, ServerPlace};
use crate::service::{Selection, ServiceConfig};
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use smoltcp::wire::Ipv4Address;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use zerogap_proto::{Duration, Endpoint, Incarnation, NodeId, ServiceId};

/// The priority of the flows that lead to a service: above the usual one, with room for others before them.
pub const SERVICE_PRIORITY: u16 = 60_000;
/// Servers of one service.
const SERVERS_MAX: usize = 16;

/// A service, `{id: 1, endpoint: 10.0.0.100:7000, servers: [{port: a}, {port: b}]}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Its number.
    #[schemars(with = "u16")]
    pub id: ServiceId,
    /// Where clients find it. The address is the service's alone.
    #[serde(serialize_with = "write_endpoint", deserialize_with = "read_endpoint")]
    #[schemars(with = "String")]
    pub endpoint: Endpoint,
    /// Who serves, in order of preference.
    pub servers: Vec<ServerEntry>,
    /// Which answer goes out.
    #[serde(default)]
    pub selection: Selection,
    /// When it loses patience.
    #[serde(default)]
    pub timers: Timers,
    /// How much it remembers.
    #[serde(default)]
    pub bounds: Bounds,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServerEntry {
    /// The port behind which it is.
    pub port: String,
    /// What it is called; as its port if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its MAC address; that of the port's own interface if left out, which is right for a TAP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
}

/// The timers of a service, in microseconds. The testbed's if left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timers {
    /// How long the preferred answer may be missing before another one goes out.
    pub failover_after_us: u32,
    /// When an unanswered request is first sent again.
    pub resend_after_us: u32,
    /// Missing answers in a row after which the next server is preferred.
    pub absences_to_promote: u32,
}

/// The bounds of a service. The testbed's if left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Requests that a server may have unanswered at one time.
    pub window: u32,
    /// Requests that the log keeps.
    pub log_entries: u32,
    /// Sequence numbers of a client over which copies of a request are recognised.
    pub admission_window: u32,
    /// Clients that are remembered.
    pub clients_max: u32,
}

impl Default for Timers {
    fn default() -> Self {
        Self { failover_after_us: 2_000, resend_after_us: 1_800, absences_to_promote: 3 }
    }
}

impl Default for Bounds {
    fn default() -> Self {
        Self { window: 64, log_entries: 16_384, admission_window: 1_024, clients_max: 64 }
    }
}

impl ServerEntry {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.port)
    }
}

impl ServiceEntry {
    /// The service as its anchor needs it. Must be sound, see `check`; a port that is not there leaves its server out.
    pub fn anchor(&self, names: &PortNames) -> AnchorConfig {
        let place = |server: &ServerEntry| {
            let (name, mac) = (server.name().to_owned(), server.mac.map(|Mac(mac)| mac));
            Some(ServerPlace { name, port: names.id(&server.port)?, mac })
        };
        let servers: Vec<ServerPlace> = self.servers.iter().filter_map(place).collect();
        let (timers, bounds) = (self.timers, self.bounds);
        let service = ServiceConfig {
            id: self.id,
            endpoint: self.endpoint,
            servers: (0..servers.len()).map(|nth| (NodeId(nth as u16), Incarnation::of_life(0))).collect(),
            selection: self.selection,
            failover_after: Duration::from_micros(timers.failover_after_us.into()),
            absences_to_promote: timers.absences_to_promote,
            window: bounds.window as usize,
            resend_after: Duration::from_micros(timers.resend_after_us.into()),
            log_entries: bounds.log_entries as usize,
            admission_window: bounds.admission_window,
            clients_max: bounds.clients_max as usize,
        };
        AnchorConfig { service, servers }
    }

    /// The flows that lead to it: whatever is for its address, or speaks for it.
    fn flows(&self) -> impl Iterator<Item = FlowSpec<String>> {
        let address = Some(Masked::exactly(self.endpoint.addr));
        let (ipv4, arp) = (Some(EthType(ETH_IPV4)), Some(EthType(ETH_ARP)));
        let matches = [
            Match { eth_type: ipv4, ipv4_dst: address, ..Match::default() },
            Match { eth_type: ipv4, ipv4_src: address, ..Match::default() },
            Match { eth_type: arp, arp_tpa: address, ..Match::default() },
            Match { eth_type: arp, arp_spa: address, ..Match::default() },
        ];
        let id = self.id;
        matches.into_iter().map(move |matching| flow(SERVICE_PRIORITY, matching, Action::Service(id)))
    }

    fn check_servers(&self, names: &PortNames, ports: &[PortConfig], path: &str) -> Result<(), ConfigError> {
        if !(1..=SERVERS_MAX).contains(&self.servers.len()) {
            let what = format!("{} servers are not 1 to {SERVERS_MAX}", self.servers.len());
            return wrong(format!("{path}.servers"), what);
        }
        let (mut called, mut places) = (BTreeSet::new(), BTreeSet::new());
        for (nth, server) in self.servers.iter().enumerate() {
            let (path, name) = (format!("{path}.servers[{nth}]"), server.name());
            if let Err(error) = names.known(server.port.clone()) {
                return wrong(format!("{path}.port"), error.to_string());
            }
            let kind = ports.iter().find(|port| port.name == server.port).map(|port| port.kind);
            if matches!(kind, Some(PortType::Attach | PortType::Trunk)) && server.mac.is_none() {
                let what = "a server behind an attached port needs its `mac`, which cannot be seen from here";
                return wrong(path, what.to_owned());
            }
            if !called.insert(name) {
                let what = format!("two servers are called `{name}`: give each a `name` of its own");
                return wrong(path, what);
            }
            if !places.insert((&server.port, server.mac.map(|Mac(mac)| mac.0))) {
                let what = format!("two servers are the same host at {}: give each its `mac`", server.port);
                return wrong(path, what);
            }
        }
        Ok(())
    }

    fn check_bounds(&self, path: &str) -> Result<(), ConfigError> {
        let Timers { failover_after_us, resend_after_us, absences_to_promote } = self.timers;
        let Bounds { window, log_entries, admission_window, clients_max } = self.bounds;
        let table: [(&str, u32, RangeInclusive<u32>); 7] = [
            ("timers.failover_after_us", failover_after_us, 100..=60_000_000),
            ("timers.resend_after_us", resend_after_us, 100..=60_000_000),
            ("timers.absences_to_promote", absences_to_promote, 1..=1_000_000),
            ("bounds.log_entries", log_entries, 1..=1 << 20),
            ("bounds.window", window, 1..=log_entries),
            ("bounds.admission_window", admission_window, 1..=1 << 20),
            ("bounds.clients_max", clients_max, 1..=65_536),
        ];
        match table.into_iter().find(|(_, value, range)| !range.contains(value)) {
            Some((field, value, range)) => {
                let what = format!("{value} is not {} to {}", range.start(), range.end());
                wrong(format!("{path}.{field}"), what)
            }
            None => Ok(()),
        }
    }
}

/// Whether these services can be beside each other.
///
/// # Errors
/// The first mistake.
pub(super) fn check(
    services: &[ServiceEntry],
    names: &PortNames,
    ports: &[PortConfig],
) -> Result<(), ConfigError> {
    let (mut ids, mut addresses) = (BTreeSet::new(), BTreeSet::new());
    for (index, service) in services.iter().enumerate() {
        let (path, Endpoint { addr, port }) = (format!("services[{index}]"), service.endpoint);
        if !ids.insert(service.id) {
            return wrong(format!("{path}.id"), format!("{} is the number of two services", service.id.0));
        }
        let is_hosts = !addr.is_unspecified() && !addr.is_multicast() && !addr.is_broadcast() && port > 0;
        if !is_hosts {
            let what = format!("{} is nothing that a host can send to", service.endpoint);
            return wrong(format!("{path}.endpoint"), what);
        }
        if !addresses.insert(addr) {
            let what = format!("{addr} is the address of two services: each needs one for itself");
            return wrong(format!("{path}.endpoint"), what);
        }
        service.check_servers(names, ports, &path)?;
        service.check_bounds(&path)?;
    }
    Ok(())
}

/// The flows that lead to all of them. A switch that has no other flows learns beside them.
pub(super) fn flows(services: &[ServiceEntry], has_others: bool) -> Vec<FlowSpec<String>> {
    let learns = !services.is_empty() && !has_others;
    let normal = learns.then(|| flow(0, Match::default(), Action::Output(Output::Normal)));
    services.iter().flat_map(ServiceEntry::flows).chain(normal).collect()
}

fn flow(priority: u16, matching: Match<String>, action: Action<String>) -> FlowSpec<String> {
    let actions = vec![action];
    FlowSpec { priority, matching, actions, cookie: 0, idle_timeout_s: 0, hard_timeout_s: 0 }
}

fn wrong(path: String, what: String) -> Result<(), ConfigError> {
    Err(ConfigError { path, what })
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn write_endpoint<S: Serializer>(endpoint: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(endpoint)
}

fn read_endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Endpoint, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parse = |(addr, port): (&str, &str)| {
        Some(Endpoint { addr: addr.parse::<Ipv4Address>().ok()?, port: port.parse().ok()? })
    };
    text.split_once(':').and_then(parse).ok_or_else(|| {
        D::Error::custom(format!("`{text}` is not an address and port such as 10.0.0.100:7000"))
    })
}
