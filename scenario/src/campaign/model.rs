//! `campaign.json` and `shard.json` as types: the names, nesting and order of "zerogap.campaign/1" and "zerogap.campaign-shard/1".
//! A name, once published, keeps its meaning; additions are fine. Nothing in them tells of the machine that simulated: no time, no
//! threads. Times are nanoseconds.

use super::plan::Plan;
use super::run::Run;
use super::shard::Shard;
use super::statistics::Summary;
use crate::file::Testbed;
use crate::results::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;

/// The schema of `campaign.json`: its name and version.
pub const SCHEMA: &str = "zerogap.campaign/1";
/// The schema of `shard.json`: its name and version.
pub const PART_SCHEMA: &str = "zerogap.campaign-shard/1";

/// Everything that the figures depend on. Equal configurations have equal runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Configuration {
    /// The program that simulated, and its version.
    pub program: String,
    /// Which runs there are.
    pub plan: Plan,
    /// What all runs share; of size, scheme, seed and handover each has its own.
    pub testbed: Testbed,
}

/// A campaign.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Campaign {
    /// [`SCHEMA`].
    pub schema: String,
    /// An answer later than this after its request was due is late.
    pub threshold_ns: u64,
    /// One for each size, scheme and rule, in the order of the plan's lists.
    pub groups: Vec<Group>,
    /// What `notify` removes from the added delay, for each size and scheme; empty unless both rules were simulated.
    pub removed_by_notify: Vec<Removed>,
    /// What the figures depend on.
    pub configuration: Configuration,
    /// Every run, in the order of the groups, the repetitions of a group one after the other.
    #[serde(skip)]
    pub runs: Vec<Run>,
}

/// The repetitions of a scheme at one size of state under one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it.
    pub scheme: Scheme,
    /// Whether the switch that the AGV came to waited for the SDN controller.
    pub handover: HandoverMode,
    /// How many runs.
    pub runs: u64,
    /// How many of them by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// The paper's figure 3.
    pub added_delay_max_ns: Option<Summary>,
    /// Over all runs; 0 for those that nobody noticed.
    pub downtime_ns: Option<Summary>,
    /// The paper's figure 4; over the runs in which a migration completed.
    pub migration_time_ns: Option<Summary>,
    /// The runs' median response RTTs.
    pub rtt_p50_ns: Option<Summary>,
    /// All runs' requests together.
    pub requests: GroupRequests,
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

/// What a rule removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it.
    pub scheme: Scheme,
    /// The added delay under `reactive` less that under `notify`, repetition by repetition, which share their seeds.
    pub added_delay_max_ns: Option<Summary>,
}

/// What one shard of a campaign simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// [`PART_SCHEMA`].
    pub schema: String,
    /// Which one.
    pub shard: Shard,
    /// What the whole campaign's figures depend on.
    pub configuration: Configuration,
    /// Its runs.
    #[serde(skip_serializing)]
    pub runs: Vec<Run>,
}

impl Part {
    /// What this shard simulated.
    pub fn new(shard: Shard, configuration: Configuration, runs: Vec<Run>) -> Self {
        Self { schema: PART_SCHEMA.to_owned(), shard, configuration, runs }
    }

    /// `shard.json`: a line for each run, with a line's end.
    pub fn to_json(&self) -> String {
        with_runs(self, &self.runs)
    }
}

impl Campaign {
    /// `campaign.json`: a line for each run, with a line's end.
    pub fn to_json(&self) -> String {
        with_runs(self, &self.runs)
    }
}

/// The head indented, then the runs, each on a line of its own: a thousand of them can still be read.
fn with_runs(head: &impl Serialize, runs: &[Run]) -> String {
    const PLAIN: &str = "heads and runs have string keys only";
    let head = serde_json::to_string_pretty(head).expect(PLAIN);
    let head = head.strip_suffix("\n}").unwrap_or(&head);
    let lines: Vec<String> =
        runs.iter().map(|run| format!("\n    {}", serde_json::to_string(run).expect(PLAIN))).collect();
    let end = if lines.is_empty() { "" } else { "\n  " };
    format!("{head},\n  \"runs\": [{}{end}]\n}}\n", lines.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::campaign;
    use crate::campaign::testing::{all, configuration, part};
    use serde_json::Value;

    #[test]
    fn a_part_reads_back_as_it_was_written() {
        let part = part(&configuration(3), Shard::new(2, 5).unwrap());
        assert!(!part.runs.is_empty());
        assert_eq!(serde_json::from_str::<Part>(&part.to_json()).unwrap(), part);
    }

    #[test]
    fn a_part_without_runs_reads_back_too() {
        let part = Part::new(Shard::WHOLE, configuration(1), Vec::new());
        assert_eq!(serde_json::from_str::<Part>(&part.to_json()).unwrap(), part);
    }

    #[test]
    fn a_campaign_is_json_with_a_line_for_each_run_and_tells_nothing_of_the_machine() {
        let configuration = configuration(3);
        let json = campaign(configuration.clone(), all(&configuration.plan)).to_json();
        let value: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["runs"].as_array().map(Vec::len), Some(24));
        assert_eq!(json.lines().filter(|line| line.starts_with("    {\"state_bytes\"")).count(), 24);
        let top: Vec<&String> = value.as_object().unwrap().keys().collect();
        assert_eq!(top, ["configuration", "groups", "removed_by_notify", "runs", "schema", "threshold_ns"]);
    }
}
