//! After the commit point of post-copy and hybrid: the state is in two parts, and what is ordered depends on which one is lost.

use super::*;
use crate::edge::fixture::S2;
use crate::edge::view::View;

fn pulling(scheme: Scheme, source: Task, target: Task) -> Bench {
    single(scheme, Phase::Pull, KNOWN, source, target)
}

fn remove_source() -> Vec<Step> {
    anchor(ServiceOrder::Remove { server: A1, incarnation: Incarnation(1) })
}

fn failed(reason: JobFailure) -> Task {
    Task::Failed { migration: M1, reason }
}

#[test]
fn the_anchor_is_told_of_a_source_that_is_lost_before_all_is_pulled() {
    for scheme in [Scheme::PostCopy, Scheme::Hybrid] {
        for phase in [Phase::SwitchOver, Phase::Pull] {
            let mut ended = single(scheme, phase, KNOWN, SENDING, PULLING);
            ended.view.lose(A1);
            assert_eq!(orders(&ended), remove_source(), "{scheme:?}, {phase}");
            ended.view.learn_server(at(0), report(A1, 2, Task::None));
            assert_eq!(orders(&ended), remove_source(), "{scheme:?}, {phase}: it is back, with nothing");
        }
    }
}

#[test]
fn a_source_that_is_lost_after_all_was_sent_is_missed_by_nobody() {
    for (phase, target, expected) in [
        (Phase::SwitchOver, PULLING, vec![]),
        (Phase::Pull, PULLING, vec![]),
        (Phase::SwitchOver, RESTORED, anchor(ServiceOrder::Pulled { migration: M1 })),
        (Phase::Pull, RESTORED, anchor(ServiceOrder::Pulled { migration: M1 })),
    ] {
        let mut bench = single(Scheme::PostCopy, phase, KNOWN, SENT, target);
        bench.view.lose(A1);
        assert_eq!(orders(&bench), expected, "{phase}, {target:?}");
    }
}

#[test]
fn a_target_that_holds_all_is_not_given_up_though_the_source_was_lost_before_it_said_so() {
    let mut bench = pulling(Scheme::PostCopy, SENDING, RESTORED);
    bench.view.lose(A1);
    assert_eq!(orders(&bench), anchor(ServiceOrder::Pulled { migration: M1 }));
}

#[test]
fn what_was_pulled_must_be_what_was_cut() {
    for wrong in [
        Task::Restored { migration: M1, mark: MARK, digest: DIGEST + 1 },
        Task::Restored { migration: M1, mark: MARK.next(), digest: DIGEST },
        failed(JobFailure::Checksum),
    ] {
        let bench = pulling(Scheme::PostCopy, SENT, wrong);
        assert_eq!(orders(&bench), cancel(AbortReason::DigestMismatch), "{wrong:?}");
    }
}

#[test]
fn a_pull_that_fails_gives_the_service_back_to_the_source() {
    for reason in [JobFailure::Protocol, JobFailure::Paging, JobFailure::Memory, JobFailure::Header] {
        for phase in [Phase::SwitchOver, Phase::Pull] {
            let bench = single(Scheme::PostCopy, phase, KNOWN, SENDING, failed(reason));
            assert_eq!(orders(&bench), cancel(AbortReason::TransferFailed), "{phase}: {reason:?}");
        }
    }
}

#[test]
fn a_torn_pull_is_believed_when_the_news_of_the_sources_end_has_had_time_to_come() {
    for reason in [JobFailure::Torn, JobFailure::Unreachable] {
        let mut bench = pulling(Scheme::PostCopy, SENDING, failed(reason));
        let early = due(&bench.situation(99));
        assert_eq!((early.orders, early.look_again), (vec![], Some(at(100))), "{reason:?}");
        let late = due(&bench.situation(100));
        assert_eq!((late.orders, late.look_again), (cancel(AbortReason::TransferFailed), None), "{reason:?}");
        bench.view.lose(A1);
        assert_eq!(orders(&bench), remove_source(), "{reason:?}: so that was it");
    }
}

/// As a controller sees it that came after the source's end.
fn late(source: Option<ServerStatus>, target: Task) -> Bench {
    let mut bench = Bench::single(Scheme::PostCopy, Phase::Pull, KNOWN);
    bench.view = View::default();
    source.into_iter().for_each(|status| bench.view.learn_server(at(0), status));
    bench.view.learn_server(at(0), report(B1, 2, target));
    bench
}

#[test]
fn a_controller_that_came_after_the_sources_end_says_what_it_can() {
    let lost = cancel(AbortReason::SourceLostInPull);
    let newer = ServerStatus { holds_state: false, ..report(A1, 2, Task::None) };
    assert_eq!(orders(&late(None, PULLING)), [], "it may be there: it has been asked");
    assert_eq!(orders(&late(None, RESTORED)), [], "it can say what it cut");
    assert_eq!(orders(&late(Some(report(A1, 1, SENDING)), PULLING)), []);
    assert_eq!(orders(&late(Some(report(A1, 1, failed(JobFailure::Torn))), PULLING)), [], "it is there");
    assert_eq!(orders(&late(Some(newer), PULLING)), lost);
    let mut ended = late(None, PULLING);
    ended.view.lose(A1);
    assert_eq!(orders(&ended), lost);
}

#[test]
fn when_nobody_can_say_any_more_what_was_cut_the_targets_own_comparison_has_to_do() {
    let newer = ServerStatus { holds_state: false, ..report(A1, 2, Task::None) };
    let pulled = anchor(ServiceOrder::Pulled { migration: M1 });
    assert_eq!(orders(&late(Some(newer), RESTORED)), pulled);
    let elsewhere = Task::Restored { migration: M1, mark: MARK.next(), digest: DIGEST };
    assert_eq!(orders(&late(Some(newer), elsewhere)), cancel(AbortReason::SourceLostInPull));
}

#[test]
fn a_frozen_source_is_left_alone_until_the_migration_has_ended() {
    let mut bench = pulling(Scheme::PostCopy, SENT, PULLING);
    bench.view.learn_server(at(0), ServerStatus { holds_state: false, ..report(A2, 1, Task::None) });
    assert_eq!(crate::edge::scheme::steps(&bench.situation(0)).orders, []);
    bench.service.plan = None;
    bench.service.ingress = Some(S2);
    let discard = ServerCommand::Discard { incarnation: Incarnation(1) };
    assert_eq!(crate::edge::scheme::steps(&bench.situation(0)).orders, [Step::Server(A1, discard)]);
}
