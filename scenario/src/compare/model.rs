//! `compare.json` as types: the names, nesting and order of "zerogap.compare/1". A name, once published, keeps its meaning;
//! additions are fine. What `result.json` has too means the same as there. Times and spreads of times are nanoseconds.

use super::plan::Contender;
use super::predict::Predictions;
use super::spread::Spread;
use crate::results::{Requests, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// The schema's name and version.
pub const SCHEMA: &str = "zerogap.compare/1";

/// A comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// [`SCHEMA`].
    pub schema: String,
    /// An answer later than this after its request was due is late.
    pub threshold_ns: u64,
    /// The sizes of the state, as asked for.
    pub states_bytes: Vec<u64>,
    /// The schemes as asked for, then `control`.
    pub schemes: Vec<Contender>,
    /// How often each of them ran at each size.
    pub repeat: u32,
    /// One for each size and scheme, in the order of these lists.
    pub groups: Vec<Group>,
    /// Every run, in the same order, the repetitions of a group one after the other.
    pub cells: Vec<Cell>,
    /// The runs beside the same in virtual time, if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predictions: Option<Predictions>,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cell {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it; `control` is a run without a migration.
    pub scheme: Contender,
    /// Which repetition, from 1.
    pub repetition: u32,
    /// Where its files are, within the comparison's directory.
    pub directory: String,
    /// Whether its client noticed.
    pub verdict: Verdict,
    /// What decided the verdict, a sentence each; for people.
    pub because: Vec<String>,
    /// From the trigger to the end of its completed migration: what windows of the control are as long as.
    pub window_ns: Option<u64>,
    /// The worst of its migrations; null in the control.
    pub added_delay_max_ns: Option<u64>,
    /// The longest interruption of the whole run, whoever is to blame; 0 if none.
    pub downtime_ns: u64,
    /// The longest interruption that overlaps a migration; null in the control.
    pub migration_downtime_ns: Option<u64>,
    /// The worst of its completed migrations; null if none completed.
    pub migration_time_ns: Option<u64>,
    /// What became of the requests of the whole run.
    pub requests: Requests,
    /// What the machine did to it.
    pub host: CellHost,
    /// When the run began, since the Unix epoch.
    pub started_unix_ns: u64,
}

/// What the machine did to a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CellHost {
    /// How many stalls.
    pub stalls: u64,
    /// The longest.
    pub stall_max_ns: u64,
    /// The longest that overlaps a migration; 0 if none, and in the control.
    pub stall_in_migration_max_ns: u64,
    /// Whether the figures are rather the machine's: while the request that was delayed most by a migration was under way, the
    /// machine stood still for at least half of the added delay at one time; or the verdict is `inconclusive`.
    pub stalled: bool,
}

/// The runs of a scheme, or of the control, at one size of state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it.
    pub scheme: Contender,
    /// How many runs.
    pub runs: u64,
    /// How many of them by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Over the runs; of the control: over windows as long as the longest scheme's migrations.
    pub added_delay_max_ns: Option<Spread>,
    /// Over the runs.
    pub downtime_ns: Option<Spread>,
    /// Over the runs; of the control: over the same windows.
    pub migration_downtime_ns: Option<Spread>,
    /// Over the runs in which a migration completed.
    pub migration_time_ns: Option<Spread>,
    /// All runs' requests together.
    pub requests: GroupRequests,
    /// What the machine did to the runs.
    pub host: GroupHost,
    /// What the control was like meanwhile; null for the control itself, and where no migration completed or no control run
    /// holds a window that long.
    pub control: Option<Control>,
}

/// Requests of several runs together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupRequests {
    /// Sent by the clients.
    pub sent: u64,
    /// Answered later than the threshold after they were due.
    pub late: u64,
    /// Never answered.
    pub lost: u64,
}

/// What the machine did to several runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupHost {
    /// The runs whose figures are rather the machine's.
    pub runs_stalled: u64,
    /// All stalls.
    pub stalls: u64,
    /// The longest.
    pub stall_max_ns: u64,
}

/// The control runs at a scheme's size, in windows as long as its migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Control {
    /// How long: the median of the scheme's migrations, from trigger to end.
    pub window_ns: u64,
    /// Over the windows of all control runs: highest response RTT in the window less the run's median.
    pub added_delay_max_ns: Spread,
    /// The scheme's median added delay less the windows' median.
    pub added_delay_over_control_ns: i64,
}

impl Comparison {
    /// `compare.json`: indented, with a line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("comparisons have string keys only") + "\n"
    }
}
