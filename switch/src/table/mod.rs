//! The flow table of a switch in its own right, in OpenFlow's words: matches, priorities, actions, groups, meters, and
//! bundles that change them all at once or not at all. Pure: time, liveness and frames come in as arguments.
//!
//! ```text
//! frame ──Key::parse──▶ Key ──Cache / Tables::find──▶ Flow ──Tables::execute──▶ Outlet (ports, flood, service, …)
//!                                    ▲                  └──▶ FlowCounters (one per worker)
//! file, ctl ──resolve──▶ Bundle ──Tables::with──▶ the next Tables, swapped in as a whole
//! ```

mod action;
mod bundle;
mod cache;
mod config;
mod counters;
mod draft;
mod execute;
mod field;
mod flow;
mod group;
mod key;
mod layout;
mod matching;
mod meter;
mod names;
mod pattern;
mod rewrite;
mod schema;
mod space;
mod tables;

pub use action::{Action, ActionError, Output, SetFields};
pub use bundle::{Bundle, BundleError, Change, Filter, Place, Problem};
pub use cache::Cache;
pub use config::{ConfigError, PortConfig, PortType, ServiceEntry, SwitchFile};
pub use counters::{Count, FlowCounters};
pub use execute::{Arrival, Destination, Fate, Outlet, Unsent};
pub use field::{ArpOp, EthType, FieldError, IpProto, Mac, Maskable, Masked, Number, Vlan};
pub use flow::{Flow, FlowId, FlowSpec};
pub use group::{Bucket, BucketCount, Group, GroupError, GroupId, GroupKind, GroupSpec};
pub use key::Key;
pub use matching::{Match, MatchError};
pub use meter::{Meter, MeterError, MeterId, MeterSpec};
pub use names::{PortNames, UnknownPort};
pub use tables::{FLOWS_MAX, Tables};

#[cfg(test)]
mod tests;
