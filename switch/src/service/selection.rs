//! Selection: which serving server's answer goes out. A pure function of one ballot; the fail-over rule (release the
//! standby's when the preferred one is overdue) is the same code with `timed_out` set.

use super::ballot::Ballot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zerogap_proto::{Health, NodeId};

/// Which answer goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The primary's, the paper's rule, with fail-over to the standby.
    #[default]
    Preferred,
    /// The first that comes.
    First,
    /// The one that a strict majority of three or more serving servers give; with fewer, the preferred one after
    /// waiting for all.
    Vote,
}

/// Whose answer is to be released now, if any. `serving` is in order of preference.
pub fn choose(selection: Selection, serving: &[(NodeId, Health)], ballot: &Ballot) -> Option<NodeId> {
    // Whoever is quarantined is a last resort: not while somebody healthy can still answer.
    let healthy = serving.iter().any(|(_, health)| *health == Health::Healthy);
    let believed: Vec<(NodeId, Health)> =
        serving.iter().copied().filter(|(_, health)| !healthy || *health != Health::Quarantined).collect();
    let answered = |&(server, _): &(NodeId, Health)| ballot.has_answer_of(server).then_some(server);
    match selection {
        Selection::First => believed.iter().find_map(answered),
        Selection::Preferred => preferred(&believed, ballot),
        Selection::Vote => match majority(serving, ballot) {
            Some(server) => Some(server),
            None if ballot.is_timed_out() || all_in(serving, ballot) => preferred(&believed, ballot),
            None => None,
        },
    }
}

/// The first in order that has answered, as long as nobody before it is still worth waiting for.
fn preferred(serving: &[(NodeId, Health)], ballot: &Ballot) -> Option<NodeId> {
    for &(server, health) in serving {
        if ballot.has_answer_of(server) {
            return Some(server);
        }
        if health == Health::Healthy && !ballot.is_timed_out() {
            return None;
        }
    }
    None
}

fn majority(serving: &[(NodeId, Health)], ballot: &Ballot) -> Option<NodeId> {
    if serving.len() < 3 {
        return None;
    }
    let votes = |server| serving.iter().filter(|(other, _)| ballot.agree(server, *other)).count();
    serving.iter().map(|&(server, _)| server).find(|&server| votes(server) * 2 > serving.len())
}

fn all_in(serving: &[(NodeId, Health)], ballot: &Ballot) -> bool {
    serving.iter().all(|&(server, health)| ballot.has_answer_of(server) || health != Health::Healthy)
}

#[cfg(test)]
mod tests {
    use super::super::ballot::Answer;
    use super::*;
    use zerogap_proto::Frame;

    const P: NodeId = NodeId(1);
    const S: NodeId = NodeId(2);
    const T: NodeId = NodeId(3);
    use Health::{Absent, Healthy, Quarantined};

    fn ballot(votes: &[(NodeId, u8)], timed_out: bool) -> Ballot {
        let mut ballot = Ballot::default();
        for &(server, value) in votes {
            ballot.vote(Answer { server, frame: Frame::new(&[value; 60]), payload_at: 0 });
        }
        if timed_out {
            ballot.time_out();
        }
        ballot
    }

    #[test]
    fn preferred_waits_for_the_primary_until_it_is_overdue() {
        let pair = [(P, Healthy), (S, Healthy)];
        let table = [
            (vec![], false, None),
            (vec![(S, 1)], false, None),
            (vec![(S, 1)], true, Some(S)),
            (vec![(S, 1), (P, 1)], false, Some(P)),
            (vec![(S, 1), (P, 1)], true, Some(P)),
            (vec![], true, None),
        ];
        for (votes, timed_out, expected) in table {
            let chosen = choose(Selection::Preferred, &pair, &ballot(&votes, timed_out));
            assert_eq!(chosen, expected, "{votes:?} timed out: {timed_out}");
        }
    }

    #[test]
    fn nobody_waits_for_an_absent_or_quarantined_server() {
        for health in [Absent, Quarantined] {
            let chosen =
                choose(Selection::Preferred, &[(P, health), (S, Healthy)], &ballot(&[(S, 1)], false));
            assert_eq!(chosen, Some(S));
        }
    }

    #[test]
    fn first_takes_what_is_there() {
        let pair = [(P, Healthy), (S, Healthy)];
        assert_eq!(choose(Selection::First, &pair, &ballot(&[(S, 1)], false)), Some(S));
        assert_eq!(choose(Selection::First, &pair, &ballot(&[], true)), None);
    }

    #[test]
    fn vote_needs_a_strict_majority_of_three() {
        let three = [(P, Healthy), (S, Healthy), (T, Healthy)];
        let table = [
            (vec![(P, 1)], false, None),
            (vec![(S, 2), (T, 2)], false, Some(S)),
            (vec![(P, 1), (S, 2), (T, 2)], false, Some(S)),
            (vec![(P, 1), (S, 2)], false, None),
            (vec![(P, 1), (S, 2)], true, Some(P)),
            (vec![(P, 1), (S, 2), (T, 3)], false, Some(P)),
        ];
        for (votes, timed_out, expected) in table {
            assert_eq!(choose(Selection::Vote, &three, &ballot(&votes, timed_out)), expected, "{votes:?}");
        }
    }

    #[test]
    fn vote_with_two_is_preferred_with_a_wait() {
        let pair = [(P, Healthy), (S, Healthy)];
        let table = [
            (vec![(P, 1)], false, None),
            (vec![(P, 1), (S, 1)], false, Some(P)),
            (vec![(S, 1)], true, Some(S)),
        ];
        for (votes, timed_out, expected) in table {
            assert_eq!(choose(Selection::Vote, &pair, &ballot(&votes, timed_out)), expected, "{votes:?}");
        }
    }
}
