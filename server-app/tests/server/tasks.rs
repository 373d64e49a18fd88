//! Orders and jobs, as a table: what a server does in each situation, and that repeating or delaying orders is harmless.

use crate::fixture::*;
use proptest::prelude::*;
use zerogap_proto::{
    Control, Event, Incarnation, Input, Instant, Job, JobFailure, JobResult, MigrationId, Node, NodeId,
    Offset, Output, ServerCommand, Task,
};

const NOW: Instant = Instant::ZERO;

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    Prepare(u32),
    Snapshot(u32),
    Cancel(u32),
    Discard(Incarnation),
    Done(u32, JobResult),
}
use Step::*;

fn step(server: &mut Sparse, step: Step) -> Vec<Output> {
    match step {
        Prepare(m) => order(server, ServerCommand::Prepare { migration: MigrationId(m) }),
        Snapshot(m) => order(
            server,
            ServerCommand::Snapshot { migration: MigrationId(m), targets: vec![endpoint(3, 7_400)] },
        ),
        Cancel(m) => order(server, ServerCommand::Cancel { migration: MigrationId(m) }),
        Discard(incarnation) => order(server, ServerCommand::Discard { incarnation }),
        Done(m, result) => give(server, NOW, Input::JobDone { migration: MigrationId(m), result }),
    }
}

fn received() -> JobResult {
    let mut source = served(4);
    match started(&step(&mut source, Snapshot(1))) {
        Some(Job::Send { header, .. }) => JobResult::Received { header: header.clone() },
        other => panic!("no transfer was started: {other:?}"),
    }
}

fn name(task: Task) -> &'static str {
    match task {
        Task::None => "none",
        Task::Sending { .. } => "sending",
        Task::Sent { .. } => "sent",
        Task::Receiving { .. } => "receiving",
        Task::Restoring { .. } => "restoring",
        Task::Restored { .. } => "restored",
        Task::Failed { .. } => "failed",
    }
}

#[test]
fn every_order_and_result_has_its_effect_in_every_situation() {
    let (life, second, third) = (LIFE, LIFE.next(), LIFE.next().next());
    let torn = || JobResult::Failed(JobFailure::Torn);
    let sent = || JobResult::Sent { bytes: 9 };
    let restored = || vec![Prepare(1), Done(1, received()), Done(1, JobResult::ScanNow)];
    let then = |mut steps: Vec<Step>, more: Vec<Step>| {
        steps.extend(more);
        steps
    };
    // A server that holds a state at first; what it did; its task, life, and whether it holds a state afterwards.
    let table: Vec<(Vec<Step>, &str, Incarnation, bool)> = vec![
        (vec![Snapshot(1)], "sending", life, true),
        (vec![Snapshot(1), Done(1, sent())], "sent", life, true),
        (vec![Snapshot(1), Done(1, torn())], "failed", life, true),
        (vec![Snapshot(1), Cancel(1)], "none", life, true),
        (vec![Snapshot(1), Cancel(1), Done(1, sent())], "none", life, true),
        (vec![Snapshot(1), Cancel(1), Snapshot(1)], "none", life, true),
        (vec![Snapshot(1), Done(1, torn()), Cancel(1)], "none", life, true),
        (vec![Snapshot(1), Done(1, torn()), Snapshot(1)], "failed", life, true),
        (vec![Snapshot(1), Done(1, torn()), Snapshot(2)], "sending", life, true),
        (vec![Snapshot(2), Prepare(1)], "sending", life, true),
        (vec![Snapshot(2), Prepare(2)], "sending", life, true),
        (vec![Snapshot(2), Cancel(1)], "sending", life, true),
        (vec![Snapshot(1), Prepare(2)], "receiving", second, false),
        (vec![Snapshot(1), Done(1, JobResult::ScanNow)], "sending", life, true),
        (vec![Snapshot(1), Discard(life)], "none", second, false),
        (vec![Cancel(1), Prepare(1)], "none", life, true),
        (vec![Prepare(1)], "receiving", second, false),
        (vec![Prepare(1), Prepare(1)], "receiving", second, false),
        (vec![Prepare(1), Prepare(2)], "receiving", third, false),
        (vec![Prepare(1), Snapshot(2)], "failed", second, false),
        (vec![Prepare(1), Done(1, torn())], "failed", second, false),
        (vec![Prepare(1), Done(1, torn()), Prepare(1)], "failed", second, false),
        (vec![Prepare(1), Done(1, torn()), Cancel(1)], "none", third, false),
        (vec![Prepare(1), Cancel(1)], "none", third, false),
        (vec![Prepare(1), Cancel(1), Cancel(1), Prepare(1)], "none", third, false),
        (vec![Prepare(1), Discard(second), Discard(second), Prepare(1)], "none", third, false),
        (vec![Prepare(1), Discard(life)], "receiving", second, false),
        (vec![Prepare(1), Done(1, JobResult::ScanNow)], "receiving", second, false),
        (vec![Prepare(2), Done(1, received())], "receiving", second, false),
        (vec![Prepare(1), Done(1, received())], "restoring", second, false),
        (vec![Prepare(1), Done(1, received()), Cancel(1)], "none", third, false),
        (restored(), "restored", second, true),
        (then(restored(), vec![Prepare(1)]), "restored", second, true),
        (then(restored(), vec![Done(1, torn())]), "restored", second, true),
        (then(restored(), vec![Cancel(1)]), "none", third, false),
        (then(restored(), vec![Snapshot(2)]), "sending", second, true),
        (then(restored(), vec![Snapshot(2), Cancel(1), Prepare(1)]), "sending", second, true),
    ];
    for (steps, task, incarnation, holds_state) in table {
        let mut server = served(4);
        steps.iter().for_each(|next| drop(step(&mut server, next.clone())));
        let status = server.status();
        let seen = (name(status.task), status.incarnation, status.holds_state);
        assert_eq!(seen, (task, incarnation, holds_state), "after {steps:?}");
        if !holds_state {
            assert_eq!((status.next, status.digest), (Offset(0), 0), "nothing is told of a forgotten state");
        }
    }
}

#[test]
fn the_cut_is_one_instant_and_the_server_goes_on_serving() {
    let mut server = served(4);
    let digest = server.status().digest;
    let outputs = step(&mut server, Snapshot(1));
    let (migration, mark) = (MigrationId(1), Offset(4));
    assert_eq!(events(&outputs), [&Event::Cut { server: NodeId(4), migration, mark, digest }]);
    assert_eq!(reported(&outputs).unwrap().task, Task::Sending { migration, mark, digest });
    assert!(matches!(started(&outputs), Some(Job::Send { targets, .. }) if *targets == [endpoint(3, 7_400)]));
    assert!(ask(&mut server, NOW, stamp(LIFE, 4)).is_some());
    let outputs = step(&mut server, Done(1, JobResult::Sent { bytes: 9 }));
    let sent = Task::Sent { migration, mark, digest, bytes: 9 };
    assert_eq!(reported(&outputs).unwrap().task, sent, "the mark is still the cut's");
}

#[test]
fn a_repeated_order_is_answered_with_the_status_and_starts_nothing() {
    for orders in [[Prepare(1), Prepare(1)], [Snapshot(1), Snapshot(1)]] {
        let mut server = served(4);
        let [first, again] = orders.map(|order| step(&mut server, order));
        assert!(started(&first).is_some());
        assert_eq!((started(&again), again.len()), (None, 1));
        assert_eq!(reported(&again), reported(&first));
    }
}

#[test]
fn a_restored_server_reports_that_it_scans_before_it_does_and_what_it_found_after() {
    let mut server = served(4);
    let outputs = step(&mut server, Prepare(1));
    let incarnation = LIFE.next();
    assert_eq!(events(&outputs), [&Event::Reset { server: NodeId(4), incarnation }]);
    let outputs = step(&mut server, Done(1, received()));
    let [Output::Control { message: Control::ServerStatus(status), .. }, Output::Start(Job::Scan { .. })] =
        outputs.as_slice()
    else {
        panic!("report first, then scan: {outputs:?}")
    };
    assert_eq!(status.task, Task::Restoring { migration: MigrationId(1) });
    let outputs = step(&mut server, Done(1, JobResult::ScanNow));
    let status = reported(&outputs).unwrap();
    let Task::Restored { migration, mark, digest } = status.task else { panic!("{status:?}") };
    assert_eq!((mark, status.next, status.digest), (Offset(4), Offset(4), digest));
    assert_eq!(events(&outputs), [&Event::Restored { server: NodeId(4), migration, mark, digest }]);
}

#[test]
fn whoever_forgets_in_the_middle_of_a_job_ends_the_job_and_sends_nothing_of_its_old_life() {
    for (begin, end) in [(Snapshot(1), Discard(LIFE)), (Snapshot(1), Cancel(1)), (Prepare(1), Cancel(1))] {
        let mut server = served(4);
        step(&mut server, begin);
        assert_eq!(cancelled(&step(&mut server, end)), Some(MigrationId(1)));
    }
    let service_time = zerogap_proto::Duration::from_millis(1);
    let mut server = server_of(zerogap_server_app::ServerConfig { service_time, ..config(true) });
    ask(&mut server, NOW, stamp(LIFE, 0));
    step(&mut server, Discard(LIFE));
    assert_eq!(server.deadline(), None);
}

#[test]
fn a_server_without_a_state_has_nothing_to_snapshot() {
    let mut server = server_of(config(false));
    let outputs = step(&mut server, Snapshot(1));
    let (migration, reason) = (MigrationId(1), JobFailure::Snapshot);
    assert_eq!(events(&outputs), [&Event::JobFailed { server: NodeId(4), migration, reason }]);
    assert_eq!(reported(&outputs).unwrap().task, Task::Failed { migration, reason });
}

fn any_step() -> impl Strategy<Value = Step> {
    let m = 1_u32..5;
    prop_oneof![
        m.clone().prop_map(Prepare),
        m.clone().prop_map(Snapshot),
        m.clone().prop_map(Cancel),
        (0_u32..4).prop_map(|resets| Discard(Incarnation(LIFE.0 + resets))),
        m.clone().prop_map(|m| Done(m, JobResult::Sent { bytes: 1 })),
        m.clone().prop_map(|m| Done(m, JobResult::ScanNow)),
        m.clone().prop_map(|m| Done(m, JobResult::Received { header: vec![1, 2, 3] })),
        m.prop_map(|m| Done(m, JobResult::Failed(JobFailure::Torn))),
    ]
}

proptest! {
    #[test]
    fn whatever_is_ordered_no_migration_begins_twice_and_every_change_is_reported(
        steps in proptest::collection::vec(any_step(), 0..40),
    ) {
        let mut server = served(1);
        let mut begun = std::collections::BTreeSet::new();
        for next in steps {
            let before = server.status();
            let outputs = step(&mut server, next);
            if let Some(Job::Send { migration, .. } | Job::Receive { migration }) = started(&outputs) {
                prop_assert!(begun.insert(*migration), "{} twice", migration);
            }
            let after = server.status();
            prop_assert!(after.incarnation >= before.incarnation);
            if before.holds_state && !after.holds_state {
                prop_assert!(after.incarnation > before.incarnation, "a forgotten state ends its life");
            }
            if before != after {
                prop_assert_eq!(reported(&outputs), Some(after));
            }
        }
    }
}
