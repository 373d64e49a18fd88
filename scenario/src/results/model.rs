//! `result.json` as types: the names, nesting and order of the contract "zerogap.result/1". A name, once published, keeps
//! its meaning; additions are fine. All times are nanoseconds since the start of the run.

use super::facts::World;
use super::figures::Figures;
use super::fleet::FleetFigures;
use super::radio::RadioFigures;
use super::verdict::{Evidence, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zerogap_proto::{AbortReason, DropReason, Goal, MigrationId, Phase, ReviewTally, Scheme};

/// The schema's name and version.
pub const SCHEMA: &str = "zerogap.result/1";

/// All that is known of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResult {
    /// [`SCHEMA`].
    pub schema: String,
    /// Where the run took place.
    pub world: World,
    /// The scheme of its migrations.
    pub scheme: Scheme,
    /// The seed of all its randomness.
    pub seed: u64,
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Whether the client noticed.
    pub verdict: Verdict,
    /// What decided the verdict, a sentence each; for people.
    pub because: Vec<String>,
    /// An answer later than this after its request was due is late.
    pub threshold_ns: u64,
    /// What became of the requests.
    pub requests: Requests,
    /// Response RTT: from when the request was due.
    pub rtt_ns: Figures,
    /// Service RTT: from when the request was sent.
    pub service_rtt_ns: Figures,
    /// Response RTT by window.
    pub windows: Windows,
    /// Maximal runs of consecutive requests that were late or lost.
    pub interruptions: Vec<Interruption>,
    /// The longest interruption; 0 if none.
    pub downtime_ns: u64,
    /// The worst of the migrations; 0 in a control run, null if there was nothing to compare with.
    pub added_delay_max_ns: Option<u64>,
    /// The worst of the completed migrations; 0 in a control run, null if none completed.
    pub migration_time_ns: Option<u64>,
    /// The migrations in the order in which they began.
    pub migrations: Vec<MigrationFigures>,
    /// Digest (hex) of each serving server's state at the run's last common offset, by name.
    pub state_digests: BTreeMap<String, String>,
    /// What each switch counted, by name.
    pub switches: BTreeMap<String, SwitchFigures>,
    /// What was counted on each access point's channel, by name, where the radio is modelled.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub radio: BTreeMap<String, RadioFigures>,
    /// What the machine did to the run.
    pub host: Host,
    /// What the number of requests allows to claim.
    pub evidence: Evidence,
    /// How much of the journal was kept.
    pub journal: JournalFigures,
    /// The nodes' names in the order of their ids.
    pub nodes: Vec<String>,
    /// When the run began, since the Unix epoch; 0 in virtual time.
    pub started_unix_ns: u64,
    /// What only a fleet has; absent where there is one AGV.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetFigures>,
}

/// What became of the requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Sent by the client.
    pub sent: u64,
    /// Answered, in time or late.
    pub answered: u64,
    /// Never answered.
    pub lost: u64,
    /// Answered later than the threshold after they were due.
    pub late: u64,
    /// Further answers to requests that were answered already.
    pub duplicated: u64,
    /// Answered after a later request was.
    pub reordered: u64,
}

/// Response RTT by window; each answered request stands in exactly one of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// Answered before the first migration's trigger.
    pub before: Figures,
    /// Under way at any time between a migration's trigger and its end.
    pub migration: Figures,
    /// Due after the last migration's end.
    pub after: Figures,
    /// Between two migrations.
    pub between: Figures,
}

/// A maximal run of consecutive requests that were late or lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interruption {
    /// When the first of them was due.
    pub start_ns: u64,
    /// When the answer came that ended it.
    pub end_ns: u64,
    /// How many requests were late or lost.
    pub requests: u64,
    /// The phase at its start; if none was under way then, the first that began before its end.
    pub phase: Phase,
    /// Who is to blame.
    pub cause: Cause,
}

impl Interruption {
    /// How long it lasted.
    pub const fn length_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// Who is to blame for an interruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// It overlaps a migration.
    Migration,
    /// It overlaps a fault of the testbed file or follows one closely.
    Fault,
    /// The machine stalled; without that every one of its requests would have been in time.
    Host,
    /// None of these.
    Unknown,
}

impl Cause {
    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Migration => "migration",
            Self::Fault => "fault",
            Self::Host => "host",
            Self::Unknown => "unknown",
        }
    }
}

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationFigures {
    /// Its number.
    pub id: MigrationId,
    /// The AGV whose service was moved; absent where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How the service was moved.
    pub scheme: Scheme,
    /// What it was for.
    pub goal: Goal,
    /// How it ended.
    pub outcome: Ending,
    /// Why it was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<AbortReason>,
    /// Highest response RTT in its window minus the median since the previous migration; null without a median or window.
    pub added_delay_max_ns: Option<u64>,
    /// The longest interruption that overlaps it; 0 if none.
    pub downtime_ns: u64,
    /// From the trigger to Complete; null if it did not complete.
    pub migration_time_ns: Option<u64>,
    /// Its phases. `Migration` is the paper's, from the beginning to the review; `Snapshot` to `Replay` are its parts.
    pub phases: Vec<PhaseSpan>,
    /// Bytes of state sent to all targets together; null if unknown.
    pub state_bytes_sent: Option<u64>,
    /// For how long nobody served, by order: from the freezing of the source until it or the targets went on. Absent where the
    /// scheme freezes nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen_ns: Option<u64>,
    /// Requests that came in that time. The log kept them; they were answered late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_kept: Option<u64>,
    /// The rounds of a pre-copy or hybrid.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<RoundFigures>,
    /// What post-copy or hybrid pulled after the switch-over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull: Option<PullFigures>,
    /// Requests that the targets read before they were live.
    pub requests_replayed: u64,
    /// What the review counted.
    pub review: ReviewTally,
    /// Response RTT in its window.
    pub rtt_ns: Figures,
}

/// A round in which state was copied while the source served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundFigures {
    /// Pages sent, zero pages not counted.
    pub pages: u64,
    /// Bytes sent.
    pub bytes: u64,
    /// From its image until the last byte was taken by the connection.
    pub took_ns: u64,
    /// Pages written by the app meanwhile.
    pub dirty_pages: u64,
}

/// What was pulled after the switch-over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullFigures {
    /// Pages that came after the target had gone on.
    pub pages: u64,
    /// Times that the app waited for a page.
    pub faults: u64,
    /// For how long it did, all together.
    pub blocked_ns: u64,
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The goal was reached.
    Complete,
    /// It was not; the source goes on.
    Aborted,
    /// The run ended before it did.
    Unfinished,
}

impl Ending {
    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Aborted => "aborted",
            Self::Unfinished => "unfinished",
        }
    }
}

/// A phase of a migration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseSpan {
    /// Its name.
    pub name: String,
    /// When it was entered.
    pub start_ns: u64,
    /// When the next one was entered or the migration ended.
    pub end_ns: u64,
}

/// What a switch counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchFigures {
    /// Frames that came in by any port.
    pub frames_in: u64,
    /// Frames that were sent out by any port; copies count.
    pub frames_out: u64,
    /// Frames that went no further, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}

/// What the machine did to the run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The longest stall; 0 if none.
    pub stall_max_ns: u64,
    /// The stalls by start.
    pub stalls: Vec<StallSpan>,
}

/// A stall of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StallSpan {
    /// When it began.
    pub start_ns: u64,
    /// How long it was.
    pub length_ns: u64,
}

/// How much of the journal was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalFigures {
    /// Events kept.
    pub events: u64,
    /// Events dropped because the journal was full.
    pub dropped: u64,
}

impl RunResult {
    /// `result.json`: indented, with a line's end.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("results have string keys only") + "\n"
    }

    /// The migrations that moved the service and completed: what the run was asked for.
    pub fn migrations_completed(&self) -> usize {
        let moved = |m: &&MigrationFigures| m.goal == Goal::SwitchOver && m.outcome == Ending::Complete;
        self.migrations.iter().filter(moved).count()
    }
}
