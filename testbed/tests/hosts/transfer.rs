//! State transfers between real hosts, over their second TAPs.

use crate::bench::{forward, wait_for};
use crate::nodes::{Process, ask, ask_life, start_server};
use nix::sys::signal::Signal;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use zerogap_proto::address::{TRANSFER_PORT, transfer_addr, transfer_mac};
use zerogap_proto::{Endpoint, JobFailure, MigrationId, Offset, ServerCommand, Task};

const STATE_BYTES: u64 = 4 << 20;
const SLOW_STATE_BYTES: u64 = 16 << 20;
const MIGRATION: MigrationId = MigrationId(1);

pub(crate) fn moves() {
    let source = start_server(1, STATE_BYTES, true);
    let targets = [start_server(2, STATE_BYTES, false), start_server(3, STATE_BYTES, false)];
    ask(&source, 0..30);
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| switch([&source, &targets[0], &targets[1]], &stop));
        for target in &targets {
            target.order(ServerCommand::Prepare { migration: MIGRATION });
            target.status("a target that waits", |task| matches!(task, Task::Receiving { .. }));
        }
        source.order(ServerCommand::Snapshot { migration: MIGRATION, targets: endpoints(&targets) });
        // It goes on serving meanwhile, and what it learns then is not in the image.
        let later = ask(&source, 30..50);
        let sent = source.status("the end of the transfer", |task| matches!(task, Task::Sent { .. }));
        let Task::Sent { mark, digest, bytes, .. } = sent.task else { unreachable!() };
        assert!(mark >= Offset(30) && bytes > 2 * STATE_BYTES, "{sent:?}");
        for target in &targets {
            let status = target.status("a restored target", |task| matches!(task, Task::Restored { .. }));
            assert_eq!(status.task, Task::Restored { migration: MIGRATION, mark, digest });
            assert_eq!((status.next, status.digest), (mark, digest));
            // From the mark on it answers what the source answered, digest of the whole state included.
            assert!(mark < Offset(50), "the image is older than the last request");
            let replayed = ask_life(target, status.incarnation, mark.0..50);
            assert_eq!(replayed, later[mark.0 as usize - 30..]);
        }
    });
}

/// Ends the switch also when the test fails.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn unreachable() {
    let source = start_server(1, STATE_BYTES, true);
    ask(&source, 0..5);
    let nobody = vec![Endpoint { addr: transfer_addr(zerogap_proto::NodeId(77)), port: TRANSFER_PORT }];
    source.order(ServerCommand::Snapshot { migration: MIGRATION, targets: nobody });
    let status = source.status("the failure", |task| matches!(task, Task::Failed { .. }));
    assert_eq!(status.task, Task::Failed { migration: MIGRATION, reason: JobFailure::Unreachable });
    ask(&source, 5..10);
    wait_for("the child to be reaped", || processes(&source) == 2);
}

pub(crate) fn child_ends() {
    let (source, target) =
        (start_server(1, SLOW_STATE_BYTES, true), start_server(2, SLOW_STATE_BYTES, false));
    let (stop, carried) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        scope.spawn(|| trickle(&source, &target, &carried, &stop));
        let send = |migration| {
            target.order(ServerCommand::Prepare { migration });
            target.status("a target that waits", |task| *task == Task::Receiving { migration });
            let targets = endpoints(std::slice::from_ref(&target));
            let before = carried.load(Ordering::Relaxed);
            source.order(ServerCommand::Snapshot { migration, targets });
            wait_for("the child", || processes(&source) == 3);
            wait_for("some of the state", || carried.load(Ordering::Relaxed) > before + 20);
        };
        send(MIGRATION);
        source.order(ServerCommand::Cancel { migration: MIGRATION });
        wait_for("the child's end after the cancel", || processes(&source) == 2);
        ask(&source, 0..3);
        // The target has lost its sender and may be prepared again.
        send(MigrationId(2));
        source.host.kill_process(1, Signal::SIGKILL).unwrap();
        wait_for("the child's end after its server's", || processes(&source) == 1);
        // Whatever is still on its way stays there: the target waits for a while and gives up.
        stop.store(true, Ordering::Relaxed);
        let torn = Task::Failed { migration: MigrationId(2), reason: JobFailure::Torn };
        target.status("the failure at the target", |task| *task == torn);
    });
}

/// Carries a frame between the two transfer networks only now and then: the transfer would take a minute.
fn trickle(a: &Process, b: &Process, carried: &AtomicUsize, stop: &AtomicBool) {
    let ports = [a.host.eth1.as_ref().unwrap(), b.host.eth1.as_ref().unwrap()];
    while !stop.load(Ordering::Relaxed) {
        forward(ports, Duration::from_millis(50), |_, frame| {
            std::thread::sleep(Duration::from_millis(4));
            carried.fetch_add(usize::from(frame.len() > 1_000), Ordering::Relaxed);
            stop.load(Ordering::Relaxed)
        });
    }
}

fn endpoints(targets: &[Process]) -> Vec<Endpoint> {
    targets.iter().map(|t| Endpoint { addr: transfer_addr(t.host.node), port: TRANSFER_PORT }).collect()
}

/// Carries frames between the hosts' transfer networks by their destination; a group's to all.
fn switch(hosts: [&Process; 3], stop: &AtomicBool) {
    let ports = hosts.map(|process| process.host.eth1.as_ref().unwrap());
    let macs = hosts.map(|process| transfer_mac(process.host.node).0);
    while !stop.load(Ordering::Relaxed) {
        // The shared forwarder joins two ports; for the third each pair takes its turn, and what is for somebody else
        // goes straight there.
        for (a, b) in [(0, 1), (0, 2), (1, 2)] {
            forward([ports[a], ports[b]], Duration::from_micros(500), |_, frame| {
                for other in (0..3).filter(|&other| other != a && other != b) {
                    if frame[0] & 1 == 1 || frame[..6] == macs[other] {
                        let _ = ports[other].send(frame);
                    }
                }
                false
            });
        }
    }
}

/// How many processes carry the host's name: its init, its server, the server's child. Dead ones do not count.
fn processes(process: &Process) -> usize {
    let name = &process.host.name;
    let alive = |path: &std::path::Path| {
        let args = fs::read(path.join("cmdline")).unwrap_or_default();
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        String::from_utf8_lossy(&args).contains(name) && !status.contains("State:\tZ")
    };
    fs::read_dir("/proc").unwrap().flatten().filter(|entry| alive(&entry.path())).count()
}
