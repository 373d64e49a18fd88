//! A network namespace with a switch in it, stations at its ports, and a way to ask it.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it waits for another program")]

use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use zerogap_switch::io::{PacketPort, PlainTap, Port as _};
use zerogap_switch::offload::Offload;

pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Runs a test in a network namespace of its own, which goes with it.
pub(crate) fn in_namespace(test: impl FnOnce() + Send) {
    let inside = || {
        let made = unshare(CloneFlags::CLONE_NEWNET).map_err(std::io::Error::from).and_then(|()| {
            // Or hosts would speak of their own accord. Absent in a kernel without IPv6.
            let _ = std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            PlainTap::create("probe").map(drop)
        });
        match made {
            Ok(()) => test(),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI must be able to make TAPs: {error}");
                println!("skipped: no namespaces or TAPs here ({error}): run as root with /dev/net/tun");
            }
        }
    };
    thread::scope(|scope| scope.spawn(inside).join().expect("the test passes"));
}

/// The program.
pub(crate) fn zerogap(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_zerogap"));
    command.args(args);
    command
}

/// A running `zerogap switch`.
pub(crate) struct Switch {
    child: Child,
    out: BufReader<ChildStdout>,
}

impl Switch {
    /// With these arguments; it is ready.
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut child = zerogap(&["switch", "--json"])
            .args(args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the switch starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        out.read_line(&mut line).expect("its first line");
        assert_eq!(line, "ready\n");
        Self { child, out }
    }

    /// Whatever comes meanwhile stays in the kernel.
    pub(crate) fn paused(&self, meanwhile: impl FnOnce()) {
        let pid = Pid::from_raw(self.child.id() as i32);
        kill(pid, Signal::SIGSTOP).expect("it stops");
        meanwhile();
        kill(pid, Signal::SIGCONT).expect("it goes on");
    }

    /// Ends it as a user does; what it says of all ports.
    pub(crate) fn end(mut self) -> Value {
        kill(Pid::from_raw(self.child.id() as i32), Signal::SIGTERM).expect("it is asked to end");
        let mut report = String::new();
        self.out.read_to_string(&mut report).expect("its report");
        assert!(self.child.wait().expect("it ends").success());
        serde_json::from_str(&report).expect("JSON and nothing else")
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A host at a TAP of the switch.
pub(crate) struct Station(pub(crate) PacketPort);

impl Station {
    pub(crate) fn at(port: &str) -> Self {
        Self(PacketPort::open(port).expect("the TAP is there"))
    }

    /// Sends so many frames from station `from` to station `to` (0: to all).
    pub(crate) fn send(&self, from: u8, to: u8, frames: u64) {
        let dst = if to == 0 { [0xff; 6] } else { [2, 0, 0, 0, 0, to] };
        let frame = [&dst[..], &[2, 0, 0, 0, 0, from], &[0x88, 0xb5], &[0; 46]].concat();
        for _ in 0..frames {
            // A full queue is the kernel's to count.
            let _ = self.0.send(&frame, Offload::default());
        }
    }
}

/// `zerogap ctl` with these arguments and this on its standard input.
pub(crate) fn ctl(args: &[&str], input: &str) -> Output {
    let mut ctl = zerogap(&["ctl"]);
    ctl.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = ctl.spawn().expect("the program runs");
    child.stdin.take().expect("its input").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("its output")
}

/// What `zerogap ctl` asks and what it is answered, without a program for each question.
pub(crate) fn ask(question: &Value) -> Value {
    let address = SocketAddr::from_abstract_name("zerogap.switch.switch").expect("a name");
    let mut stream = UnixStream::connect_addr(&address).expect("the switch listens");
    writeln!(stream, "{question}").expect("asked");
    serde_json::from_reader(stream).expect("an answer in JSON")
}

/// What it says on standard output.
pub(crate) fn said(output: &Output) -> String {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A part of the switch's state.
pub(crate) fn shown(what: &str) -> Value {
    let state: Value =
        serde_json::from_str(&said(&ctl(&["show", what, "--json"], ""))).expect("one document of JSON");
    state[what].clone()
}

/// Waits until this is so.
pub(crate) fn wait_until(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "it does not come about");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A counter of a port; `dropped/storm` is one within another, 0 as long as it is not there.
fn counter(port: &Value, name: &str) -> u64 {
    let (outer, inner) = name.split_once('/').unwrap_or((name, ""));
    let counter = if inner.is_empty() { &port[outer] } else { &port[outer][inner] };
    if inner.is_empty() { counter.as_u64().expect("a number") } else { counter.as_u64().unwrap_or(0) }
}

/// Waits until the sum of a port's counters is so many.
pub(crate) fn wait_for(port: usize, counters: &[&str], count: u64) {
    let until = Instant::now() + PATIENCE;
    loop {
        let state = &shown("ports")[port];
        let counted: u64 = counters.iter().map(|name| counter(state, name)).sum();
        assert!(counted <= count, "{counters:?} are {counted}, not {count}: {state}");
        if counted == count {
            return;
        }
        assert!(Instant::now() < until, "{counters:?} stay at {counted}, not {count}: {state}");
        thread::sleep(Duration::from_millis(5));
    }
}
