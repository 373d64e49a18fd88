//! Pulling between real hosts: the target goes on before its state is there. What is missing is waited for, and when it can
//! no longer come, the server ends: it never answers from memory that it has not got.

use crate::nodes::{Process, ask, ask_life, request};
use crate::rounds::{between_two, run_rounds};
use crate::transfer::{MIGRATION, SLOW_STATE_BYTES, STATE_BYTES, children, endpoints, is_over};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use zerogap_proto::{Event, Offset, Pull, ServerCommand, ServerStatus, Task};
use zerogap_server_app::PAGE_LEN;
use zerogap_testbed::host::{Ending, Report};
use zerogap_testbed::process::Up;
use zerogap_testbed::sys::watch::CHILD_LOST;

const PAGES: u64 = STATE_BYTES / PAGE_LEN as u64;
/// Time between two frames: the whole state takes a good part of a second.
const SLOW: Duration = Duration::from_micros(200);
/// The same for one that will not be there in time.
const TOO_SLOW: Duration = Duration::from_millis(4);

/// Freezes the source, and has the target go on.
fn go_on(source: &Process, target: &Process) -> ServerStatus {
    let targets = endpoints(std::slice::from_ref(target));
    source.order(ServerCommand::Finish { migration: MIGRATION, targets, lazy: true });
    target.status("a target that goes on", |task| matches!(task, Task::Pulling { .. }))
}

/// The target answers from the mark on while it pulls; then it holds what the source held.
fn pulls(source: &Process, target: &Process, from: u64) -> Pull {
    let pulling = go_on(source, target);
    let Task::Pulling { mark, digest, .. } = pulling.task else { unreachable!() };
    assert_eq!(mark, Offset(from));
    let answers = ask_life(target, pulling.incarnation, from..from + 30);
    let figures = target.hear("the figures", |up| match up {
        Up::Event { event: Event::Pulled { figures, .. }, .. } => Some(*figures),
        Up::Ready | Up::Control { .. } | Up::Event { .. } | Up::Records(_) | Up::Lost(_) => None,
    });
    let restored = target.status("a target with all of it", |task| matches!(task, Task::Restored { .. }));
    assert_eq!(restored.task, Task::Restored { migration: MIGRATION, mark, digest });
    let sent = source.status("the end of the transfer", is_over);
    assert!(matches!(sent.task, Task::Sent { .. }), "{sent:?}");
    assert!(children(target).is_empty() && children(source).is_empty());
    // Had the source gone on instead, it would have answered the same.
    assert_eq!(ask(source, from..from + 30), answers);
    assert_eq!(
        ask_life(target, restored.incarnation, from + 30..from + 40),
        ask(source, from + 30..from + 40)
    );
    figures
}

pub(crate) fn post_copy() {
    between_two(STATE_BYTES, SLOW, |source, target, _| {
        let figures = pulls(source, target, 30);
        assert_eq!(figures.pages, PAGES);
        assert!((1..PAGES / 4).contains(&figures.faults) && figures.blocked.as_nanos() > 0, "{figures:?}");
    });
}

pub(crate) fn hybrid() {
    between_two(STATE_BYTES, SLOW, |source, target, _| {
        run_rounds(source, target, 30..50);
        ask(source, 50..60);
        let figures = pulls(source, target, 60);
        assert!((1..PAGES / 4).contains(&figures.pages), "{figures:?}");
    });
}

/// Has the target go on, and wait for a page that cannot come, with all frames being carried or none; then `loss` happens.
fn lost(carried: bool, loss: impl FnOnce(&Process, &Process), ending: Ending) {
    between_two(SLOW_STATE_BYTES, TOO_SLOW, |source, target, stop: &AtomicBool| {
        let pulling = go_on(source, target);
        stop.store(!carried, Ordering::Relaxed);
        let frame = request(target.host.node, pulling.incarnation, 30);
        target.host.eth0.as_ref().unwrap().send(&frame).unwrap();
        loss(source, target);
        let until = Instant::now() + Duration::from_secs(20);
        let report = loop {
            if let Some(report) = target.host.report().unwrap() {
                break report;
            }
            assert!(Instant::now() < until, "the target hangs");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(report, Report::Ended { life: 1, ending });
        assert!(children(target).is_empty(), "nor does its pager go on");
    });
}

pub(crate) fn source_lost() {
    let killed = Ending::Killed(Signal::SIGKILL as i32);
    let kill_source = |source: &Process, _: &Process| source.host.kill_process(1, Signal::SIGKILL).unwrap();
    lost(true, kill_source, killed);
    // Nothing comes any more, and nobody says why.
    lost(false, |_, _| (), killed);
}

pub(crate) fn pager_lost() {
    let kill_pager = |_: &Process, target: &Process| {
        let pager = children(target);
        assert_eq!(pager.len(), 1);
        kill(Pid::from_raw(pager[0]), Signal::SIGKILL).unwrap();
    };
    lost(false, kill_pager, Ending::Exited(CHILD_LOST));
}
