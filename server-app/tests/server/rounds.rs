//! Pre-copy: rounds over a server that goes on serving, then what is left when it is frozen.

use crate::fixture::*;
use zerogap_proto::{
    Duration, Event, Input, Instant, Job, JobFailure, JobResult, MigrationId, NodeId, Offset, Output,
    Progress, Round, Rounds, RoundsRule, ServerCommand, Task,
};
use zerogap_server_app::transfer::{Decoder, End, Progress as Came};
use zerogap_server_app::{Memory, PageSet};

const NOW: Instant = Instant::ZERO;
const M: MigrationId = MigrationId(1);

fn begin(server: &mut Sparse) -> Vec<Output> {
    let rule = RoundsRule {
        downtime_budget: Duration::from_millis(1),
        rounds_max: 5,
        time_max: Duration::from_secs(1),
    };
    order(server, ServerCommand::Rounds { migration: M, targets: vec![endpoint(3, 7_400)], rule })
}

fn finish(server: &mut Sparse) -> Vec<Output> {
    order(server, ServerCommand::Finish { migration: M, targets: vec![endpoint(3, 7_400)], lazy: false })
}

/// A round at 10 pages a millisecond.
const fn round(pages: u64, dirty_pages: u64) -> Round {
    Round { pages, bytes: pages * 4_116, took: Duration::from_micros(pages * 100), dirty_pages }
}

fn done(server: &mut Sparse, result: JobResult) -> Vec<Output> {
    give(server, NOW, Input::JobDone { migration: M, result })
}

#[test]
fn each_round_is_told_of_and_the_next_one_started_until_what_is_left_fits() {
    let mut server = served(4);
    let outputs = begin(&mut server);
    let target = [endpoint(3, 7_400)];
    assert!(matches!(started(&outputs), Some(Job::Round { migration: M, targets }) if *targets == target));
    let table = [
        (round(74, 30), 1, Rounds::UnderWay),
        (round(30, 12), 2, Rounds::UnderWay),
        (round(12, 10), 3, Rounds::Ready),
    ];
    for (figures, number, state) in table {
        let outputs = done(&mut server, JobResult::Round(figures));
        let told = Event::RoundDone { server: NodeId(4), migration: M, round: number, figures };
        assert_eq!(events(&outputs), [&told]);
        assert_eq!(reported(&outputs).unwrap().task, Task::Rounds { migration: M, done: number, state });
        assert_eq!(started(&outputs).is_some(), state == Rounds::UnderWay);
    }
    assert_eq!(cancelled(&finish(&mut server)), None, "the connection and the account of pages go on");
}

#[test]
fn a_finish_in_the_middle_of_a_round_is_answered_with_the_status_and_works_when_it_is_repeated() {
    let mut server = served(4);
    begin(&mut server);
    let outputs = finish(&mut server);
    assert_eq!((started(&outputs), outputs.len()), (None, 1));
    done(&mut server, JobResult::Round(round(74, 0)));
    assert!(matches!(started(&finish(&mut server)), Some(Job::Finish { lazy: false, .. })));
}

#[test]
fn progress_is_told_of_and_nothing_else_comes_of_it() {
    let mut server = served(4);
    begin(&mut server);
    let progress = Progress { bytes: 5, total_bytes: 9, took: Duration::from_millis(2) };
    let outputs = done(&mut server, JobResult::Progress(progress));
    assert_eq!(events(&outputs), [&Event::Sending { server: NodeId(4), migration: M, progress }]);
    assert_eq!(outputs.len(), 1);
}

#[test]
fn whoever_cancels_between_rounds_ends_the_account_of_pages_and_the_server_goes_on() {
    for steps in 0..3 {
        let mut server = served(4);
        begin(&mut server);
        if steps > 0 {
            done(&mut server, JobResult::Round(round(74, 0)));
        }
        if steps > 1 {
            finish(&mut server);
        }
        assert_eq!(cancelled(&order(&mut server, ServerCommand::Cancel { migration: M })), Some(M));
        assert_eq!(server.status().task, Task::None);
        assert!(ask(&mut server, NOW, stamp(LIFE, 4)).is_some());
    }
}

#[test]
fn rounds_of_a_server_that_serves_and_a_finish_when_it_is_frozen_make_the_target_its_equal() {
    let (mut source, mut target) = (served(10), server_of(config(false)));
    order(&mut target, ServerCommand::Prepare { migration: M });
    begin(&mut source);
    let mut decoder = Decoder::new(M, STATE_BYTES);
    let (mut pages, mut next, mut scanned) = (PageSet::all(source.memory().pages()), 10, 0);
    for number in 1..4 {
        let image = source.memory().clone();
        let bytes = part(M, &image, &pages, number == 1, End::Round(number));
        assert_eq!(decoder.push(&mut &bytes[..], &mut target), Ok(Came::Round(number)));
        scanned += target.scan_arrived(2);
        serve(&mut source, LIFE, next..next + 20);
        next += 20;
        pages = source.memory().changed_since(&image);
        assert!(!pages.is_empty());
        let dirty_pages = if number == 3 { 0 } else { 1 << 20 };
        done(&mut source, JobResult::Round(Round { dirty_pages, ..round(10, 0) }));
    }
    assert!(scanned > 3, "each round brings something to scan");
    let outputs = finish(&mut source);
    let Some(Job::Finish { header, .. }) = started(&outputs) else { panic!("{outputs:?}") };
    let bytes = part(M, source.memory(), &pages, false, End::Complete(header));
    let Ok(Came::Complete(header)) = decoder.push(&mut &bytes[..], &mut target) else { panic!("incomplete") };
    done(&mut target, JobResult::Received { header });
    done(&mut target, JobResult::ScanNow);
    let Task::Sending { mark, digest, .. } = source.status().task else { panic!("nothing was cut") };
    assert_eq!(mark, Offset(next));
    assert_eq!(target.status().task, Task::Restored { migration: M, mark, digest });
    let (ours, theirs) = (stamp(LIFE, next), stamp(LIFE.next(), next));
    let answers = (ask(&mut source, NOW, ours).unwrap(), ask(&mut target, NOW, theirs).unwrap());
    assert_eq!(answers.0.command, answers.1.command);
}

#[test]
fn a_server_without_a_state_begins_no_rounds() {
    let mut server = server_of(config(false));
    let outputs = begin(&mut server);
    assert_eq!(started(&outputs), None);
    let failed = Task::Failed { migration: M, reason: JobFailure::Snapshot };
    assert_eq!(reported(&outputs).unwrap().task, failed);
}
