//! A comparison for real: killed in the middle, and gone on with.

#![allow(clippy::disallowed_methods, reason = "what is tested here happens in real time")]

use crate::program::{stage, zerogap};
use crate::traces::processes;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn compare(out: &str) -> Command {
    zerogap(&["compare", "--schemes", "hot-standby", "--states", "10MB", "--repeat", "1", "--out", out])
}

/// Whether it comes true within this many tenths of a second.
fn soon(tenths: u32, mut is: impl FnMut() -> bool) -> bool {
    (0..tenths).any(|_| {
        sleep(Duration::from_millis(100));
        is()
    })
}

#[test]
fn a_comparison_that_is_killed_leaves_no_process_and_goes_on_where_it_was() {
    let Some(_stage) = stage() else { return };
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("compared");
    let _ = fs::remove_dir_all(&out);
    let cells = out.join("cells/10MB");
    let out = out.to_str().expect("text");

    let mut killed = compare(out).stderr(Stdio::null()).spawn().expect("the program runs");
    let under_way =
        || fs::read_to_string(cells.join("control/1/log.txt")).is_ok_and(|log| log.contains("Initial"));
    assert!(soon(1_200, under_way), "the second run begins");
    killed.kill().expect("it was running");
    killed.wait().expect("it is our child");
    assert!(soon(50, || processes().is_empty()), "left: {:?}", processes());
    let made = || fs::metadata(cells.join("hot-standby/1/result.json")).and_then(|file| file.modified());
    let before = made().expect("the first run was finished");

    let output = compare(out).args(["--resume", "--json"]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 of 2 runs are finished already"), "{told}");
    assert_eq!(made().expect("a result"), before, "it was not made again");
    let comparison: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let windows = &comparison["groups"][0]["control"]["added_delay_max_ns"]["count"];
    assert!(
        windows.as_u64() > Some(2),
        "the control run holds windows as long as the migration: {comparison:#}"
    );
}
