//! Whatever ends the testbed, nothing is left: no process, no TAP, no namespace.

use crate::bench::{SERVICE, name, wait_for};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;
use zerogap_proto::NodeId;
use zerogap_testbed::host::{Host, HostSpec, Step};
use zerogap_testbed::sys::packet::Received;

const STEPS: [&str; 6] = ["Cloned", "Booted", "TapsOpen", "Configured", "second", "process"];

/// A testbed of two hosts and a process, which says how far it has come and stops at the step that it is told.
pub(crate) fn testbed(name: &str, stop_at: &str) -> ExitCode {
    let reach = |step: &str| {
        println!("{step}");
        if step == stop_at {
            loop {
                thread::park();
            }
        }
    };
    let first = HostSpec::client(NodeId(1), &format!("{name}-a"));
    let second = HostSpec::server(NodeId(2), &format!("{name}-b"), SERVICE);
    let first = Host::start_watched(&first, |step: Step| reach(&format!("{step:?}"))).unwrap();
    let second = Host::start(&second).unwrap();
    reach("second");
    let control = first.start_process(1, &[]).unwrap();
    assert!(matches!(control.receive::<(u32, usize)>(), Ok(Received::Message(..))));
    reach("process");
    second.stop();
    first.stop();
    reach("stopped");
    ExitCode::SUCCESS
}

pub(crate) fn at_each_step() {
    for step in STEPS {
        let before = Left::now();
        let name = name(step);
        let (mut testbed, mut said) = start(&name, step);
        assert!(said.any(|line| line.unwrap() == step), "{step} was not reached");
        if step == "process" {
            assert_eq!(
                processes(&name).len(),
                4,
                "the check finds what is there: itself, two inits and a process"
            );
            assert!(Left::now().namespaces.len() > before.namespaces.len());
        }
        end(&mut testbed);
        nothing_left(&name, &before);
    }
}

pub(crate) fn at_any_time() {
    let before = Left::now();
    for i in 0..24_u32 {
        let name = name(&format!("any{i}"));
        let (mut testbed, _said) = start(&name, "process");
        // A start takes some 20 ms: from before the first clone to after the last step.
        thread::sleep(Duration::from_micros(1_000 * u64::from(i) + 130 * u64::from(i % 7)));
        end(&mut testbed);
        nothing_left(&name, &before);
    }
}

pub(crate) fn orderly() {
    let before = Left::now();
    let name = name("orderly");
    let (mut testbed, said) = start(&name, "never");
    assert_eq!(said.map_while(Result::ok).last().as_deref(), Some("stopped"));
    assert!(testbed.wait().unwrap().success());
    nothing_left(&name, &before);
}

type Lines = std::io::Lines<BufReader<std::process::ChildStdout>>;

fn start(name: &str, step: &str) -> (Child, Lines) {
    let me = std::env::current_exe().unwrap();
    let mut testbed = Command::new(me).args(["testbed", name, step]).stdout(Stdio::piped()).spawn().unwrap();
    let said = BufReader::new(testbed.stdout.take().unwrap()).lines();
    (testbed, said)
}

fn end(testbed: &mut Child) {
    kill(Pid::from_raw(testbed.id() as i32), Signal::SIGKILL).unwrap();
    testbed.wait().unwrap();
}

/// What could be left: network namespaces that a process is in or holds open.
#[derive(PartialEq, Debug)]
struct Left {
    namespaces: BTreeSet<PathBuf>,
}

impl Left {
    fn now() -> Self {
        let mut namespaces = BTreeSet::new();
        for process in fs::read_dir("/proc").unwrap().flatten() {
            namespaces.extend(fs::read_link(process.path().join("ns/net")));
            let fds = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
            let links = fds.filter_map(|fd| fs::read_link(fd.path()).ok());
            namespaces.extend(links.filter(|link| link.to_string_lossy().starts_with("net:[")));
        }
        Self { namespaces }
    }
}

fn nothing_left(name: &str, before: &Left) {
    wait_for("the end of all processes", || processes(name).is_empty());
    wait_for("the end of all namespaces", || Left::now().namespaces.is_subset(&before.namespaces));
    let taps =
        fs::read_dir("/sys/class/net").unwrap().flatten().filter(|d| d.path().join("tun_flags").exists());
    assert_eq!(taps.count(), 0, "a TAP came back to the outer namespace");
}

/// The processes that carry this name in their command line, dead ones that nobody has reaped yet left out.
fn processes(name: &str) -> Vec<PathBuf> {
    let carries = |path: &PathBuf| {
        let args = fs::read(path.join("cmdline")).unwrap_or_default();
        let status = fs::read_to_string(path.join("status")).unwrap_or_default();
        String::from_utf8_lossy(&args).contains(name) && !status.contains("State:\tZ")
    };
    fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path()).filter(carries).collect()
}
