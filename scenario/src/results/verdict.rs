//! The verdict on a run, the sentences that explain it, and what its number of requests allows to claim.
//!
//! The first of these that fits:
//! 1. `failed`: fewer migrations completed than were wanted; or the serving servers' states differ at their last common
//!    offset; or requests were answered twice although no link doubles frames (the switch releases at most one answer a
//!    request); or no request was sent at all, so that nothing was measured.
//! 2. `interrupted`: an interruption that the host's stalls do not excuse.
//! 3. `inconclusive`: interruptions, each excused by the host's stalls: without them the run might have been uninterrupted.
//! 4. `uninterrupted`: no request late or lost.
//!
//! Reordered answers are counted but decide nothing: answers are never held back for order's sake.

use super::facts::Facts;
use super::model::{Cause, Interruption, Requests};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Whether the client noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No request was late or lost, and all migrations wanted completed.
    Uninterrupted,
    /// Requests were late or lost.
    Interrupted,
    /// The run did not do what it was for, or broke a guarantee.
    Failed,
    /// Only the machine's stalls stood against the run.
    Inconclusive,
}

impl Verdict {
    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Uninterrupted => "uninterrupted",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// The exit code of the commands that run one experiment.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Uninterrupted => 0,
            Self::Interrupted | Self::Failed => 1,
            Self::Inconclusive => 4,
        }
    }
}

/// What the number of requests allows to claim, at 95 % confidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Requests sent.
    pub requests: u64,
    /// Requests late or lost, whoever is to blame.
    pub missed: u64,
    /// 1 − 3/N for N requests without a miss (the rule of three); null if any was missed or N is 3 or less.
    pub availability_min: Option<f64>,
    /// The same as a sentence.
    pub statement: String,
}

/// The verdict and what decided it.
pub(super) fn judge(
    facts: &Facts,
    requests: &Requests,
    interruptions: &[Interruption],
    completed: usize,
) -> (Verdict, Vec<String>) {
    let failures = failures(facts, requests, completed);
    let (excused, blamed): (Vec<_>, Vec<_>) = interruptions.iter().partition(|i| i.cause == Cause::Host);
    if !failures.is_empty() {
        (Verdict::Failed, failures)
    } else if !blamed.is_empty() {
        (Verdict::Interrupted, vec![said(&blamed, "not explained by stalls of the machine")])
    } else if !excused.is_empty() {
        let host = said(&excused, "all explained by stalls of the machine");
        (Verdict::Inconclusive, vec![host, "repeat the run on a quieter machine".to_owned()])
    } else {
        (Verdict::Uninterrupted, vec![format!("all {} requests were answered in time", requests.sent)])
    }
}

/// What `requests` allow to claim.
pub(super) fn evidence(requests: &Requests) -> Evidence {
    let (sent, missed) = (requests.sent, requests.late + requests.lost);
    let availability_min = (missed == 0 && sent > 3).then(|| 1.0 - 3.0 / sent as f64);
    let statement = match availability_min {
        Some(least) => {
            format!("{sent} requests, none late or lost: availability of at least {least:.6} (95 %)")
        }
        None => format!("{missed} of {sent} requests were late or lost: no availability is claimed"),
    };
    Evidence { requests: sent, missed, availability_min, statement }
}

fn failures(facts: &Facts, requests: &Requests, completed: usize) -> Vec<String> {
    let mut failures = Vec::new();
    if requests.sent == 0 {
        failures.push("no request was sent, so nothing was measured".to_owned());
    }
    if completed < facts.migrations_wanted as usize {
        failures.push(format!("{completed} of {} migrations completed", facts.migrations_wanted));
    }
    if facts.state_digests.values().collect::<BTreeSet<_>>().len() > 1 {
        failures.push("the serving servers' states differ at their last common offset".to_owned());
    }
    if requests.duplicated > 0 && !facts.links_duplicate {
        failures.push(format!("{} answers came twice, and no link doubles frames", requests.duplicated));
    }
    failures
}

fn said(interruptions: &[&Interruption], what: &str) -> String {
    let missed: u64 = interruptions.iter().map(|i| i.requests).sum();
    let (requests, times) = (plural(missed, "request"), plural(interruptions.len() as u64, "interruption"));
    format!("{requests} late or lost in {times}, {what}")
}

/// A number and its noun.
pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::testing::facts;
    use zerogap_proto::{NodeId, Phase};

    fn answered(sent: u64) -> Requests {
        Requests { sent, answered: sent, ..Requests::default() }
    }

    fn by(cause: Cause) -> Interruption {
        Interruption { start_ns: 0, end_ns: 20, requests: 2, phase: Phase::Initial, cause }
    }

    fn verdict(requests: Requests, interruptions: &[Interruption], completed: usize) -> Verdict {
        judge(&facts(1), &requests, interruptions, completed).0
    }

    #[test]
    fn only_interruptions_that_the_host_does_not_excuse_count_against_the_scheme() {
        assert_eq!(verdict(answered(9), &[], 1), Verdict::Uninterrupted);
        assert_eq!(verdict(answered(9), &[by(Cause::Host)], 1), Verdict::Inconclusive);
        for cause in [Cause::Migration, Cause::Fault, Cause::Unknown] {
            assert_eq!(verdict(answered(9), &[by(cause)], 1), Verdict::Interrupted);
            assert_eq!(verdict(answered(9), &[by(Cause::Host), by(cause)], 1), Verdict::Interrupted);
        }
    }

    #[test]
    fn a_wanted_migration_that_did_not_complete_fails_the_run_whatever_else_happened() {
        assert_eq!(verdict(answered(9), &[], 0), Verdict::Failed);
        assert_eq!(verdict(answered(9), &[by(Cause::Host)], 0), Verdict::Failed);
        assert_eq!(verdict(answered(9), &[], 2), Verdict::Uninterrupted, "more than wanted is fine");
    }

    #[test]
    fn a_run_without_requests_proves_nothing() {
        assert_eq!(verdict(answered(0), &[], 1), Verdict::Failed);
    }

    #[test]
    fn serving_states_must_be_equal() {
        let mut facts = facts(0);
        facts.state_digests = [(NodeId(1), 7), (NodeId(2), 7)].into();
        assert_eq!(judge(&facts, &answered(9), &[], 0).0, Verdict::Uninterrupted);
        facts.state_digests.insert(NodeId(2), 8);
        assert_eq!(judge(&facts, &answered(9), &[], 0).0, Verdict::Failed);
    }

    #[test]
    fn doubled_answers_are_a_failure_unless_the_links_double_frames_and_reordered_ones_never_are() {
        let mut facts = facts(0);
        let odd = Requests { duplicated: 1, reordered: 3, ..answered(9) };
        assert_eq!(judge(&facts, &odd, &[], 0).0, Verdict::Failed);
        facts.links_duplicate = true;
        assert_eq!(judge(&facts, &odd, &[], 0).0, Verdict::Uninterrupted);
    }

    #[test]
    fn exit_codes_are_the_contract_s() {
        use Verdict::{Failed, Inconclusive, Interrupted, Uninterrupted};
        assert_eq!([Uninterrupted, Interrupted, Failed, Inconclusive].map(Verdict::exit_code), [0, 1, 1, 4]);
    }

    #[test]
    fn availability_is_claimed_only_without_a_miss_and_only_as_far_as_the_number_of_requests_carries() {
        assert_eq!(evidence(&answered(6_000)).availability_min, Some(0.9995));
        assert_eq!(evidence(&answered(4)).availability_min, Some(0.25));
        assert_eq!(evidence(&answered(3)).availability_min, None);
        assert_eq!(evidence(&Requests { late: 1, ..answered(6_000) }).availability_min, None);
        assert_eq!(
            evidence(&answered(6_000)).statement,
            "6000 requests, none late or lost: availability of at least 0.999500 (95 %)"
        );
    }
}
