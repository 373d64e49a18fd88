//! State transfers between real hosts, over their second TAPs.

use crate::bench::{forward, wait_for};
use crate::nodes::{Process, ask, ask_life, start_server};
use nix::sys::signal::Signal;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tun_tap::Iface;
use zerogap_proto::address::{TRANSFER_PORT, transfer_addr, transfer_mac};
use zerogap_proto::{Endpoint, Image, JobFailure, MigrationId, Offset, ServerCommand, Task};

pub(crate) const STATE_BYTES: u64 = 4 << 20;
pub(crate) const SLOW_STATE_BYTES: u64 = 16 << 20;
pub(crate) const MIGRATION: MigrationId = MigrationId(1);

pub(crate) fn moves() {
    moves_with(Image::CopyOnWrite);
}

pub(crate) fn moves_copied() {
    moves_with(Image::FullCopy);
}

fn moves_with(image: Image) {
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
        source.order(ServerCommand::Snapshot { migration: MIGRATION, targets: endpoints(&targets), image });
        // A full copy is made while no request comes.
        source.status("the cut", |task| matches!(task, Task::Sending { .. }));
        // It goes on serving meanwhile, and what it learns then is not in the image.
        let later = ask(&source, 30..50);
        let sent = source.status("the end of the transfer", is_over);
        let Task::Sent { mark, digest, bytes, .. } = sent.task else { panic!("{sent:?}") };
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

/// Whether the source has done its part, or given up.
pub(crate) const fn is_over(task: &Task) -> bool {
    matches!(task, Task::Sent { .. } | Task::Failed { .. })
}

/// Ends the switch also when the test fails.
pub(crate) struct StopOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub(crate) fn unreachable() {
    let source = start_server(1, STATE_BYTES, true);
    ask(&source, 0..5);
    let nobody = vec![Endpoint { addr: transfer_addr(zerogap_proto::NodeId(77)), port: TRANSFER_PORT }];
    source.order(ServerCommand::Snapshot {
        migration: MIGRATION,
        targets: nobody,
        image: Image::CopyOnWrite,
    });
    let status = source.status("the failure", |task| matches!(task, Task::Failed { .. }));
    assert_eq!(status.task, Task::Failed { migration: MIGRATION, reason: JobFailure::Unreachable });
    ask(&source, 5..10);
    wait_for("the child to be reaped", || processes(&source) == 2);
}

pub(crate) fn child_ends() {
    let (source, target) =
        (start_server(1, SLOW_STATE_BYTES, true), start_server(2, SLOW_STATE_BYTES, false));
    let (stop, carried) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ports = [&source, &target].map(|process| process.host.eth1.as_ref().unwrap());
    std::thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        // The transfer would take a minute.
        scope.spawn(|| trickle(ports, Duration::from_millis(4), &carried, &stop));
        let send = |migration| {
            target.order(ServerCommand::Prepare { migration });
            target.status("a target that waits", |task| *task == Task::Receiving { migration });
            let targets = endpoints(std::slice::from_ref(&target));
            let before = carried.load(Ordering::Relaxed);
            source.order(ServerCommand::Snapshot { migration, targets, image: Image::CopyOnWrite });
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

/// Carries a frame between the two transfer networks only now and then.
pub(crate) fn trickle(ports: [&Iface; 2], every: Duration, carried: &AtomicUsize, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        forward(ports, Duration::from_millis(50), |_, frame| {
            std::thread::sleep(every);
            carried.fetch_add(usize::from(frame.len() > 1_000), Ordering::Relaxed);
            stop.load(Ordering::Relaxed)
        });
    }
}

pub(crate) fn endpoints(targets: &[Process]) -> Vec<Endpoint> {
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

/// The children of the host's server, by their pids.
pub(crate) fn children(process: &Process) -> Vec<i32> {
    let parent_of = |pid: i32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().find_map(|line| line.strip_prefix("PPid:")).and_then(|pid| pid.trim().parse().ok())
    };
    let servers: Vec<i32> = pids(&process.host.name, "server");
    servers.iter().copied().filter(|&pid| parent_of(pid).is_some_and(|pid| servers.contains(&pid))).collect()
}

/// The processes that were started as `what NAME`.
pub(crate) fn pids(name: &str, what: &str) -> Vec<i32> {
    let is_one = |pid: &i32| {
        let args = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&args).ends_with(&format!("\0{what}\0{name}\0"))
    };
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(is_one).collect()
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
