//! The file of a standalone switch: ports, flows, groups, meters, and the services' addresses. Only the types and their
//! checks; whoever reads the file knows its format. Errors name the place in the file.

use super::bundle::{Bundle, BundleError, Change, Place};
use super::flow::FlowSpec;
use super::group::GroupSpec;
use super::meter::MeterSpec;
use super::names::{PortNames, fault_of};
use super::tables::Tables;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;
use std::path::PathBuf;
use thiserror::Error;
use zerogap_proto::{Endpoint, Instant, ServiceId};

/// The file. Everything may be left out: a switch without flows learns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SwitchFile {
    /// The ports; the index is the port's number.
    pub ports: Vec<PortConfig>,
    /// The flows that are there from the start.
    pub flows: Vec<FlowSpec<String>>,
    /// The groups that flows lead to.
    pub groups: Vec<GroupSpec<String>>,
    /// The meters that flows use.
    pub meters: Vec<MeterSpec>,
    /// The services that flows hand frames to.
    pub services: Vec<ServiceEntry>,
}

/// One port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PortConfig {
    /// Its name, and that of its interface.
    pub name: String,
    /// What it is.
    #[serde(default, rename = "type")]
    pub kind: PortType,
    /// The network namespace that its interface is in, a name under /run/netns; the switch's own if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub netns: Option<String>,
    /// A file to which all its frames are written (pcapng).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<PathBuf>,
}

/// What a port is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PortType {
    /// A TAP that the switch creates.
    #[default]
    Tap,
    /// A TAP that the switch creates, whose frames may lack checksums and stand for several segments.
    TapOffload,
    /// An interface that is there already, by a packet socket.
    Attach,
    /// One end of a trunk to another switch of the same process, which has a port of the same name and type.
    Trunk,
}

/// A service's number and virtual address, `{id: 1, endpoint: 10.0.0.100:7000}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ServiceEntry {
    /// Its number.
    #[schemars(with = "u16")]
    pub id: ServiceId,
    /// Where clients find it.
    #[serde(serialize_with = "write_endpoint", deserialize_with = "read_endpoint")]
    #[schemars(with = "String")]
    pub endpoint: Endpoint,
}

/// Why a file makes no switch.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{path}: {what}")]
pub struct ConfigError {
    /// The field, such as `flows[3].match`.
    pub path: String,
    /// What is wrong with it.
    pub what: String,
}

impl SwitchFile {
    /// What the ports are called.
    pub fn names(&self) -> PortNames {
        PortNames::new(self.ports.iter().map(|port| port.name.clone()))
    }

    /// The tables that the file describes, `names` being those of all ports of the switch (see [`Self::names`]).
    ///
    /// # Errors
    /// The first mistake in the file.
    pub fn tables(&self, now: Instant, names: &PortNames) -> Result<Tables, ConfigError> {
        self.check_ports()?;
        self.check_services()?;
        let bundle = names.resolve(self.bundle()).map_err(|error| self.blame(&error))?;
        Tables::default().with(now, &bundle).map_err(|error| self.blame(&error))
    }

    /// Meters and groups before the flows that refer to them.
    fn bundle(&self) -> Bundle<String> {
        let meters = self.meters.iter().map(|meter| Change::AddMeter(*meter));
        let groups = self.groups.iter().map(|group| Change::AddGroup(group.clone()));
        let flows = self.flows.iter().map(|flow| Change::AddFlow(flow.clone()));
        Bundle(meters.chain(groups).chain(flows).collect())
    }

    /// The same error, its place given in the file's words.
    fn blame(&self, error: &BundleError) -> ConfigError {
        let (meters, groups) = (self.meters.len(), self.groups.len());
        let entry = match error.place {
            Place::Change(index) if index < meters => format!("meters[{index}]"),
            Place::Change(index) if index < meters + groups => format!("groups[{}]", index - meters),
            Place::Change(index) => format!("flows[{}]", index - meters - groups),
            Place::Flow(id) => format!("flow {id}"),
        };
        let problem = error.problem.to_string();
        let (within, what) = problem.split_once(": ").unwrap_or(("", &problem));
        ConfigError { path: format!("{entry}{within}"), what: what.into() }
    }

    fn check_ports(&self) -> Result<(), ConfigError> {
        let mut known = BTreeSet::new();
        for (index, PortConfig { name, .. }) in self.ports.iter().enumerate() {
            let fault =
                fault_of(name).or_else(|| (!known.insert(name)).then_some("is the name of two ports"));
            if let Some(fault) = fault {
                let path = format!("ports[{index}].name");
                return Err(ConfigError { path, what: format!("`{name}` {fault}") });
            }
        }
        Ok(())
    }

    fn check_services(&self) -> Result<(), ConfigError> {
        let (mut ids, mut endpoints) = (BTreeSet::new(), BTreeSet::new());
        for (index, ServiceEntry { id, endpoint }) in self.services.iter().enumerate() {
            let path = |field| format!("services[{index}].{field}");
            if !ids.insert(id) {
                return Err(ConfigError {
                    path: path("id"),
                    what: format!("{} is the number of two services", id.0),
                });
            }
            if !endpoints.insert(endpoint) {
                let what = format!("{endpoint} is the address of two services");
                return Err(ConfigError { path: path("endpoint"), what });
            }
        }
        let flows = self.flows.iter().enumerate();
        let of_flows = flows.map(|(index, flow)| (format!("flows[{index}].actions"), &flow.actions));
        let of_groups = self.groups.iter().enumerate().flat_map(|(index, group)| {
            let path = move |bucket| format!("groups[{index}].buckets[{bucket}].actions");
            group.buckets.iter().enumerate().map(move |(bucket, way)| (path(bucket), &way.actions))
        });
        for (path, actions) in of_flows.chain(of_groups) {
            let used = actions.iter().filter_map(|action| action.service());
            if let Some(unknown) = used.into_iter().find(|id| !ids.contains(id)) {
                return Err(ConfigError { path, what: format!("there is no service {}", unknown.0) });
            }
        }
        Ok(())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
fn write_endpoint<S: Serializer>(endpoint: &Endpoint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(endpoint)
}

fn read_endpoint<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Endpoint, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parts = text
        .split_once(':')
        .and_then(|(addr, port)| Some(Endpoint { addr: addr.parse().ok()?, port: port.parse().ok()? }));
    parts.ok_or_else(|| {
        D::Error::custom(format!("`{text}` is not an address and port such as 10.0.0.100:7000"))
    })
}
