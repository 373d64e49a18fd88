//! Campaigns: the same testbed simulated again and again, by every scheme, under both rules of handover, at every size of state (the
//! paper's Table I and its figures 3 and 4). Which runs there are, what is kept of each, and what they say together. Pure; whoever
//! simulates the runs hands their results in, in whatever order they came.
//!
//! ```text
//! Plan ──share of a shard──▶ (a simulation each) ──RunResult──▶ Run ──┬──────────────────────campaign──▶ Campaign ──▶ JSON, table
//!                                                                     └──▶ Part ──▶ shard.json ──merge──┘
//! ```

mod group;
mod merge;
mod model;
mod plan;
mod run;
mod shard;
mod statistics;
mod table;
#[cfg(test)]
mod table1;
#[cfg(test)]
mod testing;

pub use group::campaign;
pub use merge::{MergeError, merge};
pub use model::{Campaign, Configuration, Group, GroupRequests, PART_SCHEMA, Part, Removed, SCHEMA};
pub use plan::{Plan, RunId};
pub use run::{Run, run};
pub use shard::{Shard, ShardError};
pub use statistics::Summary;
pub use table::table;

/// The paper's Table I as a testbed file, every row a line: `testbeds/table1.yaml`.
pub const TABLE_1: &str = include_str!("../../../testbeds/table1.yaml");
