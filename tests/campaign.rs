//! `zerogap campaign` and `zerogap merge` from end to end, with few and short runs: what comes out is the same to the byte however the
//! work was divided, every run can be made again alone, and the figures are the paper's in kind.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The paper's table, but runs of a few seconds: the AGV drives four times as fast.
const SHORT: [&str; 5] = ["campaign", "--set", "client.max_speed_mm_s=2000", "--set", "duration=5s"];
/// Two sizes, three times: 24 runs.
const SMALL: [&str; 4] = ["--repeat", "3", "--states", "4MB,40MB"];
/// One run under each rule.
const TINY: [&str; 6] = ["--repeat", "1", "--states", "4MB", "--schemes", "hot-standby"];

fn zerogap(args: &[&str], dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zerogap"))
        .args(args)
        .current_dir(dir)
        .output()
        .expect("the program runs")
}

fn campaign(size: &[&str], more: &[&str], dir: &Path) -> Output {
    zerogap(&[&SHORT, size, more].concat(), dir)
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn succeeds(output: Output) -> Output {
    assert!(output.status.success(), "{}", told(&output));
    output
}

#[track_caller]
fn refused(output: &Output, why: &str) {
    assert_eq!(output.status.code(), Some(2), "{}", told(output));
    assert!(told(output).contains(why), "wanted `{why}` in\n{}", told(output));
}

/// An empty directory.
fn place(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("campaign").join(name);
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).expect("a directory");
    dir
}

/// All files of a directory.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    let named = |entry: fs::DirEntry| entry.file_name().into_string().expect("a plain name");
    entries
        .map(|entry| (entry.path(), named(entry)))
        .map(|(at, n)| (n, fs::read(at).expect("a file")))
        .collect()
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).expect("JSON")
}

/// The mean of a group's figure, in milliseconds.
fn mean_ms(campaign: &Value, mb: u64, scheme: &str, handover: &str, figure: &str) -> f64 {
    let groups = campaign["groups"].as_array().expect("a list");
    let own = |group: &&Value| {
        (&group["state_bytes"], &group["scheme"], &group["handover"])
            == (&Value::from(mb * 1_000_000), &Value::from(scheme), &Value::from(handover))
    };
    let group = groups.iter().find(own).expect("the group is there");
    group[figure]["mean"].as_f64().expect("a number") / 1e6
}

#[test]
fn neither_threads_nor_shards_show_in_any_file() {
    let dir = place("same");
    succeeds(campaign(&SMALL, &["--out", "one", "--threads", "1"], &dir));
    let wanted = files(&dir.join("one"));
    let names: Vec<&str> = wanted.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "added-delay.png",
            "added-delay.svg",
            "campaign.json",
            "migration-time.png",
            "migration-time.svg",
            "table.txt",
            "testbed.json",
        ]
    );
    succeeds(campaign(&SMALL, &["--out", "two", "--threads", "2"], &dir));
    assert!(files(&dir.join("two")) == wanted, "two threads");
    for shard in ["1", "2", "3"] {
        let (name, part) = (format!("part-{shard}"), format!("{shard}/3"));
        let output =
            succeeds(campaign(&SMALL, &["--out", &name, "--shard", &part, "--threads", shard], &dir));
        assert!(told(&output).contains(&format!("shard {part}: 8 of 24 runs")), "{}", told(&output));
    }
    succeeds(zerogap(&["merge", "part-3", "part-1", "part-2", "--out", "merged"], &dir));
    assert!(files(&dir.join("merged")) == wanted, "merged from three shards");
}

#[test]
fn the_waiting_for_the_controller_is_the_paper_s_constant_and_redundancy_grows_with_the_state() {
    let dir = place("figures");
    let output = succeeds(campaign(&SMALL, &["--out", "out", "--json"], &dir));
    assert_eq!(fs::read(dir.join("out/campaign.json")).expect("a file"), output.stdout);
    let campaign = json(&output.stdout);
    assert_eq!(campaign["schema"], "zerogap.campaign/1");
    let added = |mb, scheme, handover| mean_ms(&campaign, mb, scheme, handover, "added_delay_max_ns");
    for mb in [4, 40] {
        let (waits, tells) = (added(mb, "hot-standby", "reactive"), added(mb, "hot-standby", "notify"));
        assert!((4.6..5.6).contains(&waits), "{mb} MB: 4.6 ms and what the radio varies by: {waits}");
        assert!(tells < 1.0, "{mb} MB: nobody waits: {tells}");
    }
    let grows = [4, 40].map(|mb| added(mb, "redundancy", "notify"));
    assert!(grows[1] > 5.0 * grows[0], "{grows:?}");
    let longer = [4, 40].map(|mb| mean_ms(&campaign, mb, "hot-standby", "reactive", "migration_time_ns"));
    assert!(longer[1] > 1.5 * longer[0], "{longer:?}");
    let removed = campaign["removed_by_notify"].as_array().expect("a list");
    assert_eq!(removed.len(), 4);
    let table = fs::read_to_string(dir.join("out/table.txt")).expect("a table");
    assert!(told(&output).ends_with(&table), "the table is shown: {}", told(&output));
}

#[test]
fn every_run_can_be_made_again_alone() {
    let dir = place("again");
    let output = succeeds(campaign(&SMALL, &["--out", "out", "--json"], &dir));
    let campaign = json(&output.stdout);
    let runs = campaign["runs"].as_array().expect("a list");
    assert_eq!(runs.len(), 24);
    for run in [&runs[1], &runs[8], &runs[23]] {
        let seed = run["seed"].to_string();
        let state = format!("{}B", run["state_bytes"]);
        let handover = format!("controllers.handover={}", run["handover"].as_str().expect("text"));
        let scheme = run["scheme"].as_str().expect("text");
        let args = ["simulate", "out/testbed.json", "--seed", &seed, "--state", &state, "--scheme", scheme];
        let again = zerogap(&[&args[..], &["--set", &handover, "--json"]].concat(), &dir);
        let result = json(&again.stdout);
        for figure in ["verdict", "added_delay_max_ns", "downtime_ns", "migration_time_ns"] {
            assert_eq!(run[figure], result[figure], "{figure} of {run}");
        }
        assert_eq!(run["sent"], result["requests"]["sent"]);
        assert_eq!(run["rtt_p50_ns"], result["rtt_ns"]["p50"]);
    }
}

#[test]
fn shards_that_are_not_all_of_one_campaign_are_refused_by_name() {
    let dir = place("refused");
    for (name, shard) in [("a", "1/3"), ("b", "2/3"), ("again", "1/3"), ("half", "2/2")] {
        succeeds(campaign(&TINY, &["--out", name, "--shard", shard], &dir));
    }
    let other = ["--set", "review.agreements=50", "--out", "other", "--shard", "3/3"];
    succeeds(campaign(&TINY, &other, &dir));
    let merge = |shards: &[&str]| zerogap(&[&["merge", "--out", "merged"], shards].concat(), &dir);
    refused(&merge(&["a", "b"]), "of 3 shards one is missing: 3/3");
    refused(&merge(&["a", "b", "again"]), "shard 1/3 is there twice: a and again");
    refused(&merge(&["a", "half"]), "a is shard 1/3 and half is shard 2/2");
    refused(&merge(&["a", "b", "other"]), "testbed.review.agreements is 20 in the one and 50 in the other");
    refused(&merge(&["a", "none"]), "none/shard.json");
    fs::write(dir.join("b/shard.json"), "{}").expect("a file");
    refused(&merge(&["a", "b"]), "b/shard.json");
    assert!(!dir.join("merged").exists(), "nothing was written");
}

#[test]
fn mistakes_are_told_before_anything_is_simulated_or_written() {
    let dir = place("mistakes");
    let mistakes: [(&[&str], &str); 10] = [
        (&["--schemes", "teleport"], "hot-standby"),
        (&["--handovers", "guess"], "reactive"),
        (&["--states", "1KB"], "state.size"),
        (&["--repeat", "0"], "--repeat"),
        (&["--threads", "0"], "--threads"),
        (&["--shard", "4/3"], "I/N"),
        (&["--set", "controllers.handover=notify"], "--handovers"),
        (&["--set", "seed=3"], "--seed"),
        (&["--set", "migrations=0"], "migrations"),
        (&["none.yaml"], "none.yaml"),
    ];
    for (args, what) in mistakes {
        refused(&zerogap(&[&["campaign", "--out", "out"], args].concat(), &dir), what);
        assert!(!dir.join("out").exists(), "{args:?}");
    }
}
