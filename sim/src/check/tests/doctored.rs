//! One doctored run for each thing that a checker promises to notice.

use super::{Sights, first, judged, nth, says, scenario, sights};
use crate::check::{Guarantee, Sight};
use Guarantee::{
    Bounded, GapFree, NoWrongSwitchOver, OffTheDataPath, OneAnswer, PerPacketConsistent, SafeAbort,
};
use zerogap_proto::event::DropCause;
use zerogap_proto::{
    AbortReason, Duration, Event, MigrationId, Offset, Outcome, Phase, ReviewTally, Sequence, Task,
};
use zerogap_scenario::SERVICE;

const RELEASED: fn(&Sight) -> bool = |sight| matches!(sight, Sight::Released { .. });
const ASKED: fn(&Sight) -> bool = |sight| matches!(sight, Sight::Asked { .. });
/// Aborted in the review.
const ABORTED: &str = "faults.0={kind: kill, at: {phase: Review}, node: edge-b1}";

/// Doctors the sights of a run with these changes; the judge must then say this.
fn noticed(sets: &[&str], guarantee: Guarantee, what: &str, doctor: impl FnOnce(&mut Sights)) {
    let scenario = scenario(sets);
    let mut sights = sights(&scenario);
    assert_eq!(judged(&scenario, &sights), [], "before it was doctored");
    doctor(&mut sights);
    let violations = judged(&scenario, &sights);
    assert!(says(&violations, guarantee, what), "not noticed: {what}; {violations:#?}");
}

fn is_event(like: impl Fn(&Event) -> bool) -> impl Fn(&Sight) -> bool {
    move |sight| matches!(sight, Sight::Event(event) if like(event))
}

fn change(sights: &mut Sights, index: usize, change: impl FnOnce(&mut Sight)) {
    change(&mut sights[index].1);
}

fn change_event(sights: &mut Sights, like: impl Fn(&Event) -> bool, change: impl FnOnce(&mut Event)) {
    let index = first(sights, is_event(like));
    let Sight::Event(event) = &mut sights[index].1 else { panic!("it is an event") };
    change(event);
}

fn change_ending(sights: &mut Sights, change: impl FnOnce(&mut crate::check::Ending)) {
    let Some((_, Sight::Over(ending))) = sights.last_mut() else { panic!("a run ends") };
    change(ending);
}

#[test]
fn an_answer_that_goes_out_twice_or_never_or_for_another_request() {
    noticed(&[], OneAnswer, "a second time", |sights| {
        let index = nth(sights, 7, RELEASED);
        sights.insert(index, sights[index].clone());
    });
    noticed(&[], OneAnswer, "never answered", |sights| {
        sights.remove(nth(sights, 7, RELEASED));
    });
    noticed(&[], OneAnswer, "the answer to #7 is for", |sights| {
        let index = nth(sights, 7, RELEASED);
        change(sights, index, |sight| {
            let Sight::Released { sequence, .. } = sight else { return };
            *sequence = Sequence(99);
        });
    });
    noticed(&[], OneAnswer, "no answer of a serving server", |sights| {
        let index = nth(sights, 7, RELEASED);
        change(sights, index, |sight| {
            let Sight::Released { content, .. } = sight else { return };
            *content ^= 1;
        });
    });
}

#[test]
fn a_request_that_is_logged_twice_or_swallowed() {
    noticed(&[], OneAnswer, "is logged at", |sights| {
        for (_, sight) in sights.iter_mut() {
            if let Sight::Asked { stamp, sequence, .. } = sight
                && stamp.offset == Offset(7)
            {
                *sequence = Sequence(3);
            }
        }
    });
    noticed(&[], OneAnswer, "came to the anchor", |sights| {
        sights.insert(0, (sights[0].0, Sight::Reached(Sequence(9_999))));
    });
    noticed(&[], GapFree, "nobody was ever sent", |sights| {
        let index = nth(sights, 9, ASKED);
        change(sights, index, |sight| {
            let Sight::Asked { stamp, .. } = sight else { return };
            stamp.offset = Offset(500);
        });
    });
    noticed(&[], GapFree, "now stands for", |sights| {
        let index = nth(sights, 9, ASKED);
        change(sights, index, |sight| {
            let Sight::Asked { sequence, .. } = sight else { return };
            *sequence = Sequence(1);
        });
    });
}

#[test]
fn a_server_that_skips_or_repeats_a_request_or_holds_another_state() {
    let served = |sight: &Sight| matches!(sight, Sight::Served { asked: Some(_), .. });
    noticed(&[], GapFree, "went from", |sights| {
        sights.remove(nth(sights, 9, served));
    });
    noticed(&[], GapFree, "upon no request", |sights| {
        let index = nth(sights, 9, served);
        change(sights, index, |sight| {
            let Sight::Served { asked, .. } = sight else { return };
            *asked = None;
        });
    });
    noticed(&[], GapFree, "where the log has", |sights| {
        let index = nth(sights, 9, served);
        change(sights, index, |sight| {
            let Sight::Served { asked: Some((_, sequence)), .. } = sight else { return };
            *sequence = Sequence(1);
        });
    });
    noticed(&[], GapFree, "holds", |sights| {
        let index = nth(sights, 9, served);
        change(sights, index, |sight| {
            let Sight::Served { status, .. } = sight else { return };
            status.digest ^= 1;
        });
    });
    noticed(&[], GapFree, "its state ends before", |sights| {
        change_event(
            sights,
            |event| matches!(event, Event::Reading { .. }),
            |event| {
                let Event::Reading { from, .. } = event else { return };
                *from = from.next();
            },
        );
    });
}

/// Moves the switch-over to another offset.
fn move_x(sights: &mut Sights, by: i64) {
    change_event(
        sights,
        |event| matches!(event, Event::SwitchedOver { .. }),
        |event| {
            let Event::SwitchedOver { at, .. } = event else { return };
            *at = Offset(at.0.saturating_add_signed(by));
        },
    );
}

#[test]
fn a_switch_over_too_early_or_too_late_or_without_enough_agreements() {
    for scheme in ["scheme=hot-standby", "scheme=redundancy"] {
        noticed(&[scheme], NoWrongSwitchOver, "which was answered before", |sights| move_x(sights, -1));
        noticed(&[scheme], NoWrongSwitchOver, "not closed and equal", |sights| move_x(sights, 1));
        let (few, many) = (scenario(&[scheme]), scenario(&[scheme, "review.agreements=6"]));
        let violations = judged(&many, &sights(&few));
        assert!(says(&violations, NoWrongSwitchOver, "5 agreements of 6"), "{violations:#?}");
    }
    for scheme in ["scheme=stop-and-copy", "scheme=pre-copy", "scheme=post-copy", "scheme=hybrid"] {
        noticed(&[scheme], NoWrongSwitchOver, "but the mark is", |sights| move_x(sights, 1));
        noticed(&[scheme], NoWrongSwitchOver, "the frozen source stands at", |sights| move_x(sights, 1));
    }
}

#[test]
fn a_target_that_answered_something_else_or_holds_something_else() {
    noticed(&[], NoWrongSwitchOver, "not closed and equal", |sights| {
        let over = first(sights, is_event(|event| matches!(event, Event::SwitchedOver { .. })));
        let target = first(sights, is_event(|event| matches!(event, Event::Reading { .. })));
        let Sight::Event(Event::Reading { server: target, .. }) = sights[target].1 else { return };
        let answers = |sight: &Sight| matches!(sight, Sight::Answered { server, .. } if *server == target);
        let index = (0..over).rev().find(|index| answers(&sights[*index].1)).expect("it answered");
        change(sights, index, |sight| {
            let Sight::Answered { content, .. } = sight else { return };
            *content ^= 1;
        });
    });
    for scheme in zerogap_proto::Scheme::ALL {
        let scheme = format!("scheme={}", scheme.name());
        noticed(&[&scheme], NoWrongSwitchOver, "does not hold what was cut", |sights| {
            change_event(
                sights,
                |event| matches!(event, Event::Restored { .. }),
                |event| {
                    let Event::Restored { digest, .. } = event else { return };
                    *digest ^= 1;
                },
            );
        });
    }
    noticed(&["scheme=post-copy"], NoWrongSwitchOver, "elsewhere than the cut", |sights| {
        sights.remove(first(sights, is_event(|event| matches!(event, Event::Usable { .. }))));
    });
}

#[test]
fn an_answer_that_is_held_back_or_a_frame_that_waits_for_a_controller() {
    noticed(&[], OffTheDataPath, "was held back for 4.", |sights| {
        let index = nth(sights, 7, RELEASED);
        sights[index].0 += Duration::from_millis(5);
    });
    noticed(&[], OffTheDataPath, "first frames wait", |sights| {
        change_event(
            sights,
            |event| matches!(event, Event::PacketIn { .. }),
            |event| {
                let Event::PacketIn { waiting, .. } = event else { return };
                *waiting = true;
            },
        );
    });
    noticed(&[], OffTheDataPath, "q7 waits at", |sights| {
        let index = nth(sights, 7, RELEASED);
        let kept = Sight::Kept { switch: zerogap_proto::NodeId(1), sequence: Sequence(7) };
        sights.insert(index, (sights[index].0, kept));
    });
    noticed(&[], OffTheDataPath, "frames still wait", |sights| {
        change_ending(sights, |ending| {
            ending.remains.counters.values_mut().for_each(|counters| counters.held = 1);
        });
    });
}

#[test]
fn a_switch_that_forgets_a_client_before_another_has_confirmed() {
    noticed(&[], PerPacketConsistent, "no other switch has confirmed it", |sights| {
        sights.remove(first(sights, |sight| matches!(sight, Sight::BarrierDone { .. })));
    });
    noticed(&[], PerPacketConsistent, "no other switch has confirmed it", |sights| {
        sights.remove(first(sights, |sight| matches!(sight, Sight::FlowMod { .. })));
    });
}

#[test]
fn too_much_in_flight_or_in_the_log_and_frames_without_an_account() {
    let narrow = scenario(&["service.window=1"]);
    let violations = judged(&narrow, &sights(&scenario(&["state.size=4 MB"])));
    assert!(says(&violations, Bounded, "1 are allowed"), "{violations:#?}");
    noticed(&["service.log_entries=64"], Bounded, "the log keeps", |sights| {
        let index = nth(sights, 7, RELEASED);
        sights.remove(index);
    });
    noticed(&[], Bounded, "cannot account for", |sights| {
        change_ending(sights, |ending| {
            ending.remains.counters.values_mut().for_each(|counters| counters.taken += 1);
        });
    });
    noticed(&[], Bounded, "were seen", |sights| {
        change_ending(sights, |ending| {
            ending.frames.values_mut().for_each(|(entered, _)| *entered += 1);
        });
    });
    noticed(&[], Bounded, "the last server was let go", |sights| {
        let index = first(sights, |sight| matches!(sight, Sight::Status(_)));
        let (at, server) = (sights[index].0, zerogap_proto::NodeId(5));
        change(sights, index, |sight| {
            let Sight::Status(status) = sight else { return };
            status.serving.clear();
        });
        let dropped = Event::ReaderDropped { service: SERVICE, server, why: DropCause::Lagged };
        sights.insert(index, (at, Sight::Event(dropped)));
    });
}

#[test]
fn migrations_that_overlap_or_go_back_or_end_otherwise_than_they_may() {
    let ended = |event: &Event| matches!(event, Event::Ended { .. });
    noticed(&[ABORTED], SafeAbort, "begins while 1 is under way", |sights| {
        sights.remove(first(sights, is_event(ended)));
    });
    noticed(&[], SafeAbort, "was not under way", |sights| {
        change_event(sights, ended, |event| {
            let Event::Ended { migration, .. } = event else { return };
            *migration = MigrationId(7);
        });
    });
    noticed(&[], SafeAbort, "goes from Transfer to Snapshot", |sights| {
        let restore = |event: &Event| matches!(event, Event::Phase { phase: Phase::Restore, .. });
        change_event(sights, restore, |event| {
            let Event::Phase { phase, .. } = event else { return };
            *phase = Phase::Snapshot;
        });
    });
    noticed(&[ABORTED], SafeAbort, "before its commit point", |sights| {
        change_event(sights, ended, |event| {
            let Event::Ended { outcome, .. } = event else { return };
            *outcome = Outcome::Aborted(AbortReason::FellBack);
        });
    });
    noticed(&[], SafeAbort, "after its commit point", |sights| {
        change_event(sights, ended, |event| {
            let Event::Ended { outcome, .. } = event else { return };
            *outcome = Outcome::Aborted(AbortReason::Deadline);
        });
    });
    noticed(&["scheme=post-copy"], SafeAbort, "its source was lost in the pull; it was not", |sights| {
        change_event(sights, ended, |event| {
            let Event::Ended { outcome, .. } = event else { return };
            *outcome = Outcome::Aborted(AbortReason::SourceLostInPull);
        });
    });
}

#[test]
fn a_source_lost_in_the_pull_that_is_called_by_another_name() {
    let lost = ["scheme=post-copy", "links.defaults.rate=100 Mbit/s", "state.size=20 MB"];
    let kill = "faults.0={kind: kill, at: {phase: Pull, delay: 20 ms}, node: edge-a1}";
    noticed(&[&lost[..], &[kill]].concat(), SafeAbort, "all who served before were lost", |sights| {
        change_event(
            sights,
            |event| matches!(event, Event::Ended { .. }),
            |event| {
                let Event::Ended { outcome, .. } = event else { return };
                *outcome = Outcome::Aborted(AbortReason::FellBack);
            },
        );
    });
}

#[test]
fn a_fall_back_that_is_called_the_loss_of_all() {
    let kill = "faults.0={kind: kill, at: {phase: Pull, delay: 20 ms}, node: edge-b1}";
    let sets = ["scheme=post-copy", "links.defaults.rate=100 Mbit/s", "state.size=20 MB", kill];
    noticed(&sets, SafeAbort, "says that nobody is left", |sights| {
        let fell_back = |event: &Event| {
            matches!(event, Event::Ended { outcome: Outcome::Aborted(AbortReason::FellBack), .. })
        };
        change_event(sights, fell_back, |event| {
            let Event::Ended { outcome, .. } = event else { return };
            *outcome = Outcome::Aborted(AbortReason::AllLost);
        });
    });
}

#[test]
fn an_abort_that_changes_who_serves_or_leaves_something() {
    let aborted = |event: &Event| matches!(event, Event::Ended { outcome: Outcome::Aborted(_), .. });
    let status_after = |sights: &Sights| {
        let at = first(sights, is_event(aborted));
        at + first(&sights[at..].to_vec(), |sight| matches!(sight, Sight::Status(_)))
    };
    noticed(&[ABORTED], SafeAbort, "no longer does after an abort", |sights| {
        let index = status_after(sights);
        change(sights, index, |sight| {
            let Sight::Status(status) = sight else { return };
            status.serving.pop();
        });
    });
    noticed(&[ABORTED], SafeAbort, "serves although its migration was aborted", |sights| {
        let index = status_after(sights);
        let begun = first(sights, is_event(|event| matches!(event, Event::Begun { .. })));
        let Sight::Event(Event::Begun { targets, .. }) = sights[begun].1.clone() else { return };
        change(sights, index, |sight| {
            let Sight::Status(status) = sight else { return };
            status.serving[0].server = targets[0];
        });
    });
    noticed(&[ABORTED], SafeAbort, "after its migration was aborted", |sights| {
        let reading = first(sights, is_event(|event| matches!(event, Event::Reading { .. })));
        let Sight::Event(Event::Reading { server: target, .. }) = sights[reading].1 else { return };
        let asked = first(sights, |sight| matches!(sight, Sight::Asked { server, .. } if *server == target));
        let (at, sight) = (first(sights, is_event(aborted)), sights[asked].1.clone());
        sights.insert(at + 1, (sights[at].0, sight));
    });
    let frozen = ["scheme=stop-and-copy", "faults.0={kind: kill, at: {phase: Transfer}, node: edge-b1}"];
    noticed(&frozen, SafeAbort, "still frozen after an abort", |sights| {
        sights.remove(first(sights, is_event(|event| matches!(event, Event::Thawed { .. }))));
    });
    noticed(&[], SafeAbort, "left with a state or a task", |sights| {
        change_ending(sights, |ending| {
            let idle = ending.remains.servers.values_mut().find(|status| !status.holds_state);
            idle.expect("the old pair").task = Task::Receiving { migration: MigrationId(1) };
        });
    });
    noticed(&[], SafeAbort, "a plan is left over", |sights| {
        let begun = first(sights, is_event(|event| matches!(event, Event::Begun { .. })));
        let with_plan = |sight: &Sight| matches!(sight, Sight::Status(status) if status.plan.is_some());
        let index = begun + first(&sights[begun..].to_vec(), with_plan);
        let Sight::Status(status) = sights[index].1.clone() else { return };
        change_ending(sights, |ending| {
            let service = ending.remains.service.as_mut().expect("the anchor reports");
            service.plan = status.plan;
        });
    });
}

#[test]
fn what_the_client_lost_or_got_twice_over_a_sound_path_and_only_there() {
    let table: [(&str, usize); 2] =
        [("seed=1", 2), ("radio.link={loss: 0.0000001, duplicate: 0.0000001}", 0)];
    for (set, expected) in table {
        let scenario = scenario(&[set]);
        let mut judge = crate::check::Judge::new(&scenario);
        let mut finished = crate::simulate_observed(&scenario, &mut |_, _, _| {}, &mut [&mut judge])
            .expect("a valid testbed");
        finished.result.requests.lost = 1;
        finished.result.requests.duplicated = 1;
        let judged = judge.verdict(finished);
        assert_eq!(judged.violations.len(), expected, "{set}: {:?}", judged.violations);
    }
}

#[test]
fn a_review_that_counted_less_than_it_says_is_not_believed() {
    // What the journal says of the count is not looked at.
    noticed(&[], NoWrongSwitchOver, "0 agreements of 5", |sights| {
        let review =
            first(sights, is_event(|event| matches!(event, Event::Phase { phase: Phase::Review, .. })));
        sights.remove(review);
        change_event(
            sights,
            |event| matches!(event, Event::Ended { .. }),
            |event| {
                let Event::Ended { review, .. } = event else { return };
                *review = ReviewTally { required: 5, agreed: 500, disagreed: 0, absent: 0 };
            },
        );
    });
}
