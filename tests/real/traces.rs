//! Nothing is left behind: not after a run, and not when everything is killed.

#![allow(clippy::disallowed_methods, reason = "what is tested here happens in real time")]

use crate::program::{stage, zerogap};
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

/// Processes of this program that are not zombies, by pid.
pub(crate) fn processes() -> Vec<i32> {
    let program = fs::canonicalize(env!("CARGO_BIN_EXE_zerogap")).expect("it exists");
    let pids =
        fs::read_dir("/proc").expect("/proc").filter_map(|e| e.ok()?.file_name().to_str()?.parse().ok());
    let alive = |pid: &i32| {
        let dir = Path::new("/proc").join(pid.to_string());
        let zombie = fs::read_to_string(dir.join("stat")).is_ok_and(|stat| stat.contains(") Z "));
        !zombie && fs::read_link(dir.join("exe")).is_ok_and(|exe| exe == program)
    };
    pids.filter(alive).collect()
}

fn interfaces() -> usize {
    fs::read_dir("/sys/class/net").expect("/sys").count()
}

#[test]
fn everything_is_killed_and_nothing_is_left() {
    let Some(_stage) = stage() else { return };
    let interfaces_before = interfaces();
    for after in [50, 400, 4_000] {
        let mut run = zerogap(&["run", "--state", "10MB"]);
        let mut run = run.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program runs");
        sleep(Duration::from_millis(after));
        run.kill().expect("it was running");
        run.wait().expect("it is our child");
        let gone = (0..50).any(|_| {
            sleep(Duration::from_millis(100));
            processes().is_empty()
        });
        assert!(gone, "left {after} ms into a run: {:?}", processes());
        assert_eq!(interfaces(), interfaces_before);
    }
}

#[test]
fn a_command_runs_inside_a_node_whose_arp_the_switch_has_answered() {
    let Some(_stage) = stage() else { return };
    let mut run = zerogap(&["run", "--state", "10MB", "--migrations", "0", "--duration", "5s"]);
    let mut run = run.stderr(Stdio::null()).stdout(Stdio::null()).spawn().expect("the program runs");
    let seen = (0..40).find_map(|_| {
        sleep(Duration::from_millis(100));
        let output =
            zerogap(&["exec", "agv", "--", "cat", "/proc/net/arp"]).output().expect("the program runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.contains("10.90.255.1").then_some(text)
    });
    run.kill().expect("it was running");
    run.wait().expect("it is our child");
    assert!(
        seen.is_some_and(|arp| arp.contains("02:7a:67:ff:00:00")),
        "the switch has answered the AGV's ARP"
    );
}
