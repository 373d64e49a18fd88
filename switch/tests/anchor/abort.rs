//! Abort: safe in every phase up to the commit point, and the next attempt has the same chance as the first.

use crate::common::bench::Bench;
use crate::common::{P, S, T, U};
use zerogap_proto::{AbortReason, NodeId, Outcome, Phase};

const PHASES: [Phase; 5] = [Phase::Snapshot, Phase::Transfer, Phase::Restore, Phase::Replay, Phase::Review];
const ALL: &[NodeId] = &[P, S, T, U];

/// Everything is as if there had been no attempt, and the second one completes.
fn as_before_and_again(mut b: Bench, why: &str) {
    assert_eq!((b.serving().as_str(), b.phase()), ("P S", None), "{why}");
    assert!(!b.service.has_reader(T) && !b.service.has_reader(U), "{why}: no target reads any more");
    assert_eq!(b.service.status().epoch.0, 0, "{why}");
    b.answer_all(&[P, S]);
    let head = b.service.status().head.0;
    let lines = b.request();
    assert_eq!(lines, [format!("#{head} to P"), format!("#{head} to S")], "{why}");
    b.answer_all(&[P, S]);
    b.bring_to(Phase::SwitchOver);
    b.round(ALL);
    assert_eq!(b.service.status().last.map(|(_, outcome)| outcome), Some(Outcome::Complete), "{why}");
    assert_eq!((b.serving().as_str(), b.service.status().attempts), ("T U", 2), "{why}");
}

#[test]
fn a_cancelled_migration_leaves_everything_as_before_in_every_phase() {
    for phase in PHASES {
        let mut b = Bench::pair();
        b.bring_to(phase);
        let told = b.cancel().expect("before the commit point");
        assert_eq!(told[0], "aborted: requested", "{phase}");
        as_before_and_again(b, phase.name());
    }
}

#[test]
fn an_aborted_migration_pins_nothing_in_any_phase() {
    for phase in PHASES {
        let mut b = Bench::pair();
        b.bring_to(phase);
        (0..8).for_each(|_| drop(b.round(&[P, S])));
        b.cancel().expect("before the commit point");
        assert_eq!(b.room(), 16, "{phase}");
    }
}

#[test]
fn a_target_that_dies_before_the_commit_point_ends_the_migration_and_nothing_else() {
    for (phase, target) in [(Phase::Replay, T), (Phase::Review, T), (Phase::Review, U)] {
        let mut b = Bench::pair();
        b.bring_to(phase);
        let incarnation = b.stamps.get(&target).map(|stamp| stamp.incarnation).unwrap_or_default();
        let told =
            b.order(zerogap_proto::ServiceOrder::Remove { server: target, incarnation }).expect("done");
        assert_eq!(told[1], "aborted: target-lost", "{phase}");
        assert_eq!(
            b.service.status().last.map(|last| last.1),
            Some(Outcome::Aborted(AbortReason::TargetLost))
        );
        as_before_and_again(b, phase.name());
    }
}

#[test]
fn a_fail_over_of_the_source_goes_on_in_every_phase() {
    for phase in PHASES {
        let mut b = Bench::pair();
        b.bring_to(phase);
        b.request();
        b.answer_all(&[S]);
        let told = b.remove(P);
        assert!(told.iter().any(|line| line.contains("of S to the client")), "{phase}: {told:?}");
        assert_eq!((b.serving().as_str(), b.phase()), ("S", Some(phase)), "the targets go on as well");
    }
}
