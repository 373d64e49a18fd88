//! Orders and jobs, as a table: what a server does in each situation, and that repeating or delaying orders is harmless.

use crate::fixture::*;
use proptest::prelude::*;
use std::collections::BTreeSet;
use zerogap_proto::{
    Control, Duration, Event, Image, Incarnation, Input, Instant, Job, JobFailure, JobResult, MigrationId,
    Node, NodeId, Offset, Output, Pull, Round, Rounds, RoundsRule, ServerCommand, Task,
};
use zerogap_server_app::{Cut, Header};

const NOW: Instant = Instant::ZERO;

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    Prepare(u32),
    Snapshot(u32),
    FullCopy(u32),
    Precopy(u32),
    Finish(u32),
    Lazily(u32),
    Cancel(u32),
    Discard(Incarnation),
    Done(u32, JobResult),
}
use Step::*;

/// Ready when nothing was written meanwhile; three rounds at the most.
const RULE: RoundsRule =
    RoundsRule { downtime_budget: Duration::ZERO, rounds_max: 3, time_max: Duration::from_secs(9) };

fn step(server: &mut Sparse, step: Step) -> Vec<Output> {
    let targets = vec![endpoint(3, 7_400)];
    let command = match step {
        Prepare(m) => ServerCommand::Prepare { migration: MigrationId(m) },
        Snapshot(m) => {
            ServerCommand::Snapshot { migration: MigrationId(m), targets, image: Image::CopyOnWrite }
        }
        FullCopy(m) => ServerCommand::Snapshot { migration: MigrationId(m), targets, image: Image::FullCopy },
        Precopy(m) => ServerCommand::Rounds { migration: MigrationId(m), targets, rule: RULE },
        Finish(m) => ServerCommand::Finish { migration: MigrationId(m), targets, lazy: false },
        Lazily(m) => ServerCommand::Finish { migration: MigrationId(m), targets, lazy: true },
        Cancel(m) => ServerCommand::Cancel { migration: MigrationId(m) },
        Discard(incarnation) => ServerCommand::Discard { incarnation },
        Done(m, result) => {
            return give(server, NOW, Input::JobDone { migration: MigrationId(m), result });
        }
    };
    order(server, command)
}

/// The header that a server sends which has applied four requests.
fn header(order: Step) -> Vec<u8> {
    match started(&step(&mut served(4), order)) {
        Some(Job::Send { header, .. } | Job::Finish { header, .. }) => header.clone(),
        other => panic!("no transfer was started: {other:?}"),
    }
}

fn received() -> JobResult {
    JobResult::Received { header: header(Snapshot(1)) }
}

fn usable() -> JobResult {
    JobResult::Usable { header: header(Lazily(1)) }
}

/// The last page was here; it held what it held at the source.
fn pulled() -> JobResult {
    let Ok(Header { cut: Cut::Lazy(digest), .. }) = Header::decode(&header(Lazily(1))) else {
        panic!("not lazy")
    };
    JobResult::Pulled(Pull { digest, pages: 2, faults: 1, blocked: Duration::from_micros(300) })
}

fn pulled_wrong() -> JobResult {
    JobResult::Pulled(Pull { digest: 1, pages: 2, faults: 1, blocked: Duration::ZERO })
}

/// A round in which so many pages were written again.
const fn round(dirty_pages: u64) -> JobResult {
    JobResult::Round(Round { pages: 50, bytes: 50 * 4_096, took: Duration::from_millis(5), dirty_pages })
}

fn name(task: Task) -> &'static str {
    match task {
        Task::None => "none",
        Task::Rounds { state: Rounds::UnderWay, .. } => "rounds",
        Task::Rounds { state: Rounds::Ready, .. } => "ready",
        Task::Rounds { state: Rounds::GaveUp, .. } => "gave up",
        Task::Cutting { .. } => "cutting",
        Task::Pulling { .. } => "pulling",
        Task::Sending { .. } => "sending",
        Task::Sent { .. } => "sent",
        Task::Receiving { .. } => "receiving",
        Task::Restoring { .. } => "restoring",
        Task::Restored { .. } => "restored",
        Task::Failed { .. } => "failed",
    }
}

/// What a server did; its task, life, and whether it holds a state afterwards.
type Row = (Vec<Step>, &'static str, Incarnation, bool);

const LIFE_2: Incarnation = LIFE.next();
const LIFE_3: Incarnation = LIFE_2.next();

/// Each story begins with a server that holds a state.
fn check(table: Vec<Row>) {
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

fn torn() -> JobResult {
    JobResult::Failed(JobFailure::Torn)
}

fn sent() -> JobResult {
    JobResult::Sent { bytes: 9 }
}

fn then(first: &[Step], more: &[Step]) -> Vec<Step> {
    [first, more].concat()
}

#[test]
fn every_order_and_result_has_its_effect_at_a_source() {
    check(vec![
        (vec![Snapshot(1)], "sending", LIFE, true),
        (vec![Snapshot(1), Done(1, sent())], "sent", LIFE, true),
        (vec![Snapshot(1), Done(1, torn())], "failed", LIFE, true),
        (vec![Snapshot(1), Cancel(1)], "none", LIFE, true),
        (vec![Snapshot(1), Cancel(1), Done(1, sent())], "none", LIFE, true),
        (vec![Snapshot(1), Cancel(1), Snapshot(1)], "none", LIFE, true),
        (vec![Snapshot(1), Done(1, torn()), Cancel(1)], "none", LIFE, true),
        (vec![Snapshot(1), Done(1, torn()), Snapshot(1)], "failed", LIFE, true),
        (vec![Snapshot(1), Done(1, torn()), Snapshot(2)], "sending", LIFE, true),
        (vec![Snapshot(2), Prepare(1)], "sending", LIFE, true),
        (vec![Snapshot(2), Prepare(2)], "sending", LIFE, true),
        (vec![Snapshot(2), Cancel(1)], "sending", LIFE, true),
        (vec![Snapshot(1), Prepare(2)], "receiving", LIFE_2, false),
        (vec![Snapshot(1), Done(1, JobResult::ScanNow)], "sending", LIFE, true),
        (vec![Snapshot(1), Done(1, JobResult::Taken)], "sending", LIFE, true),
        (vec![Snapshot(1), Discard(LIFE)], "none", LIFE_2, false),
        (vec![FullCopy(1)], "cutting", LIFE, true),
        (vec![FullCopy(1), Done(1, sent())], "cutting", LIFE, true),
        (vec![FullCopy(1), Done(1, JobResult::Taken)], "sending", LIFE, true),
        (vec![FullCopy(1), Done(1, JobResult::Taken), Done(1, sent())], "sent", LIFE, true),
        (vec![FullCopy(1), Done(1, torn())], "failed", LIFE, true),
        (vec![FullCopy(1), Cancel(1), Done(1, JobResult::Taken)], "none", LIFE, true),
        (vec![Finish(1)], "sending", LIFE, true),
        (vec![Lazily(1)], "sending", LIFE, true),
        (vec![Finish(1), Finish(1), Done(1, sent()), Finish(1)], "sent", LIFE, true),
        (vec![Finish(1), Cancel(1), Finish(1)], "none", LIFE, true),
        (vec![Precopy(1)], "rounds", LIFE, true),
        (vec![Precopy(1), Done(1, round(5))], "rounds", LIFE, true),
        (vec![Precopy(1), Done(1, round(0))], "ready", LIFE, true),
        (vec![Precopy(1), Done(1, round(5)), Done(1, round(5)), Done(1, round(5))], "gave up", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Done(1, round(5))], "ready", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Precopy(1)], "ready", LIFE, true),
        (vec![Precopy(1), Finish(1)], "rounds", LIFE, true),
        (vec![Precopy(1), Finish(2)], "sending", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Finish(1)], "sending", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Finish(1), Precopy(1)], "sending", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Lazily(1), Done(1, sent())], "sent", LIFE, true),
        (vec![Precopy(1), Done(1, torn())], "failed", LIFE, true),
        (vec![Precopy(1), Done(1, torn()), Finish(1)], "failed", LIFE, true),
        (vec![Precopy(1), Done(1, round(0)), Done(1, torn())], "failed", LIFE, true),
        (vec![Precopy(1), Cancel(1), Done(1, round(0)), Finish(1)], "none", LIFE, true),
        (vec![Precopy(2), Precopy(1)], "rounds", LIFE, true),
        (vec![Precopy(1), Prepare(2)], "receiving", LIFE_2, false),
    ]);
}

#[test]
fn every_order_and_result_has_its_effect_at_a_target() {
    let restored = [Prepare(1), Done(1, received()), Done(1, JobResult::ScanNow)];
    check(vec![
        (vec![Cancel(1), Prepare(1)], "none", LIFE, true),
        (vec![Prepare(1)], "receiving", LIFE_2, false),
        (vec![Prepare(1), Prepare(1)], "receiving", LIFE_2, false),
        (vec![Prepare(1), Prepare(2)], "receiving", LIFE_3, false),
        (vec![Prepare(1), Snapshot(2)], "failed", LIFE_2, false),
        (vec![Prepare(1), Precopy(2)], "failed", LIFE_2, false),
        (vec![Prepare(1), Finish(2)], "failed", LIFE_2, false),
        (vec![Prepare(1), Done(1, torn())], "failed", LIFE_2, false),
        (vec![Prepare(1), Done(1, torn()), Prepare(1)], "failed", LIFE_2, false),
        (vec![Prepare(1), Done(1, torn()), Cancel(1)], "none", LIFE_3, false),
        (vec![Prepare(1), Cancel(1)], "none", LIFE_3, false),
        (vec![Prepare(1), Cancel(1), Cancel(1), Prepare(1)], "none", LIFE_3, false),
        (vec![Prepare(1), Discard(LIFE_2), Discard(LIFE_2), Prepare(1)], "none", LIFE_3, false),
        (vec![Prepare(1), Discard(LIFE)], "receiving", LIFE_2, false),
        (vec![Prepare(1), Done(1, JobResult::ScanNow)], "receiving", LIFE_2, false),
        (vec![Prepare(1), Done(1, pulled())], "receiving", LIFE_2, false),
        (vec![Prepare(2), Done(1, received())], "receiving", LIFE_2, false),
        (vec![Prepare(1), Done(1, received())], "restoring", LIFE_2, false),
        (vec![Prepare(1), Done(1, received()), Cancel(1)], "none", LIFE_3, false),
        (restored.to_vec(), "restored", LIFE_2, true),
        (then(&restored, &[Prepare(1)]), "restored", LIFE_2, true),
        (then(&restored, &[Done(1, torn())]), "restored", LIFE_2, true),
        (then(&restored, &[Cancel(1)]), "none", LIFE_3, false),
        (then(&restored, &[Snapshot(2)]), "sending", LIFE_2, true),
        (then(&restored, &[Snapshot(2), Cancel(1), Prepare(1)]), "sending", LIFE_2, true),
    ]);
}

#[test]
fn every_order_and_result_has_its_effect_at_a_target_that_pulls() {
    let pulling = [Prepare(1), Done(1, usable())];
    let not_lazy = JobResult::Usable { header: header(Finish(1)) };
    check(vec![
        (pulling.to_vec(), "pulling", LIFE_2, true),
        (then(&pulling, &[Prepare(1)]), "pulling", LIFE_2, true),
        (then(&pulling, &[Done(1, usable())]), "pulling", LIFE_2, true),
        (then(&pulling, &[Done(1, received())]), "pulling", LIFE_2, true),
        (then(&pulling, &[Done(1, pulled())]), "restored", LIFE_2, true),
        (then(&pulling, &[Done(1, pulled()), Done(1, torn())]), "restored", LIFE_2, true),
        (then(&pulling, &[Done(1, pulled_wrong())]), "failed", LIFE_3, false),
        (then(&pulling, &[Done(1, torn())]), "failed", LIFE_3, false),
        (then(&pulling, &[Done(1, torn()), Done(1, pulled())]), "failed", LIFE_3, false),
        (then(&pulling, &[Done(1, torn()), Cancel(1)]), "none", LIFE_3.next(), false),
        (then(&pulling, &[Cancel(1)]), "none", LIFE_3, false),
        (then(&pulling, &[Discard(LIFE_2)]), "none", LIFE_3, false),
        (then(&pulling, &[Prepare(2)]), "receiving", LIFE_3, false),
        // Who has not got all of a state has none to give away.
        (then(&pulling, &[Snapshot(2)]), "pulling", LIFE_2, true),
        (then(&pulling, &[Precopy(2)]), "pulling", LIFE_2, true),
        (then(&pulling, &[Finish(2)]), "pulling", LIFE_2, true),
        (then(&pulling, &[Done(1, pulled()), Snapshot(2)]), "sending", LIFE_2, true),
        (vec![Prepare(1), Done(1, not_lazy)], "failed", LIFE_2, false),
        (vec![Prepare(1), Done(1, JobResult::Usable { header: vec![1, 2, 3] })], "failed", LIFE_2, false),
    ]);
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
    for orders in [Prepare(1), Snapshot(1), FullCopy(1), Precopy(1), Finish(1), Lazily(1)] {
        let orders = [orders.clone(), orders];
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
    let table = [
        (Snapshot(1), Discard(LIFE)),
        (Snapshot(1), Cancel(1)),
        (FullCopy(1), Cancel(1)),
        (Precopy(1), Cancel(1)),
        (Lazily(1), Cancel(1)),
        (Prepare(1), Cancel(1)),
    ];
    for (begin, end) in table {
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
    let order = prop_oneof![
        Just(Prepare as fn(u32) -> Step),
        Just(Snapshot as fn(u32) -> Step),
        Just(FullCopy as fn(u32) -> Step),
        Just(Precopy as fn(u32) -> Step),
        Just(Finish as fn(u32) -> Step),
        Just(Lazily as fn(u32) -> Step),
        Just(Cancel as fn(u32) -> Step),
    ];
    let result = prop::sample::select(vec![
        sent(),
        JobResult::Taken,
        round(0),
        round(7),
        received(),
        usable(),
        pulled(),
        pulled_wrong(),
        JobResult::ScanNow,
        JobResult::Received { header: vec![1, 2, 3] },
        JobResult::Usable { header: vec![1, 2, 3] },
        torn(),
    ]);
    prop_oneof![
        (order, 1_u32..5).prop_map(|(order, m)| order(m)),
        (0_u32..4).prop_map(|resets| Discard(Incarnation(LIFE.0 + resets))),
        (result, 1_u32..5).prop_map(|(result, m)| Done(m, result)),
    ]
}

proptest! {
    #[test]
    fn whatever_is_ordered_no_migration_begins_twice_and_every_change_is_reported(
        steps in proptest::collection::vec(any_step(), 0..40),
    ) {
        let mut server = served(1);
        let (mut begun, mut finished) = (BTreeSet::new(), BTreeSet::new());
        for next in steps {
            let before = server.status();
            let outputs = step(&mut server, next.clone());
            match started(&outputs) {
                Some(Job::Send { migration, .. } | Job::Receive { migration }) => {
                    prop_assert!(begun.insert(*migration), "{} twice", migration);
                }
                Some(Job::Round { migration, .. }) => {
                    let goes_on = matches!(next, Done(..));
                    prop_assert!(begun.insert(*migration) || goes_on, "{} twice", migration);
                }
                Some(Job::Finish { migration, .. }) => {
                    let after_rounds = matches!(before.task, Task::Rounds { migration: of, .. } if of == *migration);
                    prop_assert!(begun.insert(*migration) || after_rounds, "{} twice", migration);
                    prop_assert!(finished.insert(*migration), "{} is finished twice", migration);
                }
                Some(Job::Scan { .. }) | None => {}
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
