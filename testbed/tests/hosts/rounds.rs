//! A pre-copy between real hosts: rounds over one connection while the server serves, then the rest while it is frozen.

use crate::nodes::{Process, ask, ask_life, start_server};
use crate::transfer::{MIGRATION, STATE_BYTES, StopOnDrop, endpoints, is_over, trickle};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration as StdDuration;
use zerogap_proto::{Duration, Event, Offset, Round, Rounds, RoundsRule, ServerCommand, Task};
use zerogap_server_app::PAGE_LEN;
use zerogap_testbed::process::Up;

const PAGES: u64 = STATE_BYTES / PAGE_LEN as u64;
/// Time between two frames: the whole state takes a good part of a second.
const SLOW: StdDuration = StdDuration::from_micros(100);

/// Runs a test with a source that has served 30 requests, a target that waits, and a slow link between the two, until it
/// is stopped.
pub(crate) fn between_two(
    state_bytes: u64,
    every: StdDuration,
    test: impl FnOnce(&mut Process, &mut Process, &AtomicBool),
) {
    let mut source = start_server(1, state_bytes, true);
    let mut target = start_server(2, state_bytes, false);
    ask(&source, 0..30);
    target.order(ServerCommand::Prepare { migration: MIGRATION });
    target.status("a target that waits", |task| matches!(task, Task::Receiving { .. }));
    let (stop, carried) = (AtomicBool::new(false), AtomicUsize::new(0));
    let (a, b) = (source.host.eth1.take().unwrap(), target.host.eth1.take().unwrap());
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| trickle([&a, &b], every, &carried, &stop));
        test(&mut source, &mut target, &stop);
    });
}

/// Has the source pre-copy until nothing is left, asking it meanwhile; the figures of its rounds.
pub(crate) fn run_rounds(source: &Process, target: &Process, offsets: std::ops::Range<u64>) -> Vec<Round> {
    let rule =
        RoundsRule { downtime_budget: Duration::ZERO, rounds_max: 20, time_max: Duration::from_secs(60) };
    let targets = endpoints(std::slice::from_ref(target));
    source.order(ServerCommand::Rounds { migration: MIGRATION, targets, rule });
    ask(source, offsets);
    let mut rounds = Vec::new();
    source.hear("the last round", |up| match up {
        Up::Event { event: Event::RoundDone { figures, .. }, .. } => {
            rounds.push(*figures);
            (figures.dirty_pages == 0).then_some(())
        }
        Up::Ready | Up::Control { .. } | Up::Event { .. } | Up::Records(_) | Up::Lost(_) => None,
    });
    let ready = |task: &Task| matches!(task, Task::Rounds { state: Rounds::Ready, .. });
    source.status("rounds that are enough", ready);
    rounds
}

pub(crate) fn pre_copy() {
    between_two(STATE_BYTES, SLOW, |source, target, _| {
        let rounds = run_rounds(source, target, 30..50);
        assert!(rounds.len() > 1, "{rounds:?}");
        assert_eq!(rounds[0].pages, PAGES, "all pages in the first");
        assert!(rounds[0].bytes > STATE_BYTES);
        for pair in rounds.windows(2) {
            assert!((1..PAGES / 4).contains(&pair[0].dirty_pages), "{rounds:?}");
            // What was written between the look and the next image comes on top.
            assert!(pair[1].pages >= pair[0].dirty_pages && pair[1].bytes < STATE_BYTES / 4, "{rounds:?}");
        }
        // What is written after the last round goes with the end.
        ask(source, 50..60);
        let targets = endpoints(std::slice::from_ref(target));
        source.order(ServerCommand::Finish { migration: MIGRATION, targets, lazy: false });
        let sent = source.status("the end of the transfer", is_over);
        let Task::Sent { mark, digest, bytes, .. } = sent.task else { panic!("{sent:?}") };
        assert_eq!(mark, Offset(60));
        assert!(bytes < STATE_BYTES / 4, "{sent:?}");
        let restored = target.status("a restored target", |task| matches!(task, Task::Restored { .. }));
        assert_eq!(restored.task, Task::Restored { migration: MIGRATION, mark, digest });
        // The source was only frozen: both go on from the mark, and answer the same.
        assert_eq!(ask_life(target, restored.incarnation, 60..80), ask(source, 60..80));
    });
}
