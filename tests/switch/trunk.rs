//! Two switches of one command, joined by a trunk.

use crate::lab::{Station, Switch, ctl, in_namespace, said, wait_until, zerogap};
use serde_json::Value;
use std::fs;
use std::path::Path;

const FRAMES: u64 = 200;

fn file(name: &str, text: &str) -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}

#[test]
fn frames_cross_from_one_switch_to_the_other_and_both_account_for_them() {
    in_namespace(|| {
        let left = file("left.yaml", "ports: [{name: a}, {name: t, type: trunk}]");
        let right = file("right.yaml", "ports: [{name: b}, {name: t, type: trunk}]");
        let switch = Switch::start(&["--name", "left", "--config", &left, "--config", &right]);
        let (a, b) = (Station::at("a"), Station::at("b"));
        b.send(2, 0, 1);
        a.send(1, 2, FRAMES);
        let state = |name| -> Value {
            serde_json::from_str(&said(&ctl(&["--name", name, "show", "ports", "--json"], ""))).expect("JSON")
        };
        let out_of_b = || state("right")["ports"][0]["frames_out"].as_u64();
        wait_until(|| out_of_b() == Some(FRAMES));
        let report = switch.end();
        let [left, right] = ["left", "right"].map(|name| &report["switches"][name]);
        assert_eq!((&left["balanced"], &right["balanced"]), (&true.into(), &true.into()), "{report}");
        assert_eq!(left["ports"]["t"]["frames_out"], right["ports"]["t"]["frames_in"], "{report}");
        assert_eq!(right["ports"]["t"]["frames_in"], FRAMES, "{report}");
    });
}

#[test]
fn a_trunk_with_one_end_is_refused_with_what_to_do() {
    let alone = file("alone.yaml", "ports: [{name: t, type: trunk}]");
    let output = zerogap(&["switch", "--config", &alone]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("the trunk t is to join two switches") && told.contains("--config"), "{told}");
}
