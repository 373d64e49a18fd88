//! What the tests share: hosts by number, a forwarder, waiting for something to become true.

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::process::{Command, Output};
use std::thread;
use std::time::{Duration, Instant};
use tun_tap::{Iface, Mode};
use zerogap_proto::NodeId;
use zerogap_testbed::host::{Host, HostSpec, Report};

pub(crate) const SERVICE: Ipv4Addr = Ipv4Addr::new(10, 90, 255, 1);
const PATIENCE: Duration = Duration::from_secs(5);

/// What a process must be able to do for these tests.
pub(crate) fn needs() -> Result<(), Errno> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID)?;
    Iface::without_packet_info("probe", Mode::Tap)
        .map(drop)
        .map_err(|e| Errno::from_raw(e.raw_os_error().unwrap_or(libc::EIO)))
}

/// A name that no other run of these tests uses at the same time.
pub(crate) fn name(what: &str) -> String {
    format!("t{}-{what}", std::process::id())
}

pub(crate) fn server(number: u16) -> Host {
    Host::start(&HostSpec::server(NodeId(number), &name(&format!("s{number}")), SERVICE)).unwrap()
}

pub(crate) fn client(number: u16) -> Host {
    Host::start(&HostSpec::client(NodeId(number), &name(&format!("c{number}")))).unwrap()
}

/// Runs a command in a host by way of `exec`, as a process of its own.
pub(crate) fn run_in(node: &str, command: &[&str]) -> Output {
    let me = std::env::current_exe().unwrap();
    Command::new(me).args(["exec", node, "--"]).args(command).output().unwrap()
}

pub(crate) fn output_of(node: &str, command: &[&str]) -> String {
    let output = run_in(node, command);
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The next report of a host.
pub(crate) fn next_report(host: &mut Host) -> Report {
    let mut found = None;
    wait_for("a report", || {
        found = host.report().unwrap();
        found.is_some()
    });
    found.unwrap()
}

pub(crate) fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Carries every frame between two ports, and tells `seen` of it, until `seen` has had enough or `limit` is over.
pub(crate) fn forward(ports: [&Iface; 2], limit: Duration, mut seen: impl FnMut(usize, &[u8]) -> bool) {
    let until = Instant::now() + limit;
    let mut buffer = vec![0; 70_000];
    while Instant::now() < until {
        let mut fds = ports.map(|port| PollFd::new(borrow(port), PollFlags::POLLIN));
        poll(&mut fds, PollTimeout::from(10_u8)).unwrap();
        for (from, to) in [(0, 1), (1, 0)] {
            while let Ok(len) = ports[from].recv(&mut buffer) {
                if seen(from, &buffer[..len]) {
                    return;
                }
                // A full queue drops the frame, as a switch may.
                let _ = ports[to].send(&buffer[..len]);
            }
        }
    }
}

#[allow(unsafe_code, reason = "the TAP crate's ports lend no descriptor")]
fn borrow(port: &Iface) -> BorrowedFd<'_> {
    // SAFETY: the descriptor is open as long as the port, from which the borrow takes its lifetime.
    unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }
}
