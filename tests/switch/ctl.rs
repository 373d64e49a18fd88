//! A switch is asked, changed and followed while it works.

use crate::lab::{Station, Switch, ctl, in_namespace, said, shown, wait_for, zerogap};
use serde_json::{Value, json};
use std::os::unix::process::CommandExt as _;

const TAPS: [&str; 6] = ["--tap", "a", "--tap", "b", "--tap", "c"];

#[test]
fn it_shows_what_it_has_learned_and_counted_and_does_as_a_bundle_says() {
    in_namespace(|| {
        let switch = Switch::start(&TAPS);
        let [a, b] = ["a", "b"].map(Station::at);
        a.send(1, 0, 10);
        wait_for(1, &["frames_out"], 10);
        b.send(2, 1, 5);
        wait_for(0, &["frames_out"], 5);
        let stations = shown("stations");
        let places = [&stations[0], &stations[1]].map(|station| (&station["mac"], &station["port"]));
        assert_eq!(
            places,
            [(&json!("02:00:00:00:00:01"), &json!("a")), (&json!("02:00:00:00:00:02"), &json!("b"))]
        );

        let applied = ctl(&["apply", "-"], "- add_flow: {match: {in_port: a}, actions: [{output: c}]}");
        assert_eq!(said(&applied), "1 changes made; flows: 1, groups: 0, meters: 0\n");
        a.send(1, 2, 3);
        wait_for(2, &["frames_out"], 13);
        wait_for(1, &["frames_out"], 10);
        let flows = shown("flows");
        assert_eq!((&flows[0]["packets"], &flows[0]["bytes"]), (&json!(3), &json!(180)));
        let table = said(&ctl(&["show", "flows"], ""));
        assert!(table.contains("in_port: a -> output: c"), "{table}");

        let report = switch.end();
        assert_eq!(report["balanced"], true);
        assert_eq!(
            (&report["ports"]["a"]["frames_in"], &report["ports"]["c"]["frames_out"]),
            (&json!(13), &json!(13))
        );
    });
}

#[test]
fn a_bundle_with_a_mistake_is_refused_as_a_whole_and_the_place_is_told() {
    in_namespace(|| {
        let _switch = Switch::start(&TAPS);
        for (bundle, place) in [
            (
                "- add_flow: {actions: [{output: b}]}\n- add_flow: {actions: [{output: z}]}",
                "changes[1]: there is no port `z`",
            ),
            ("- add_flow: {actions: [{outptu: b}]}", "line 1"),
        ] {
            let refused = ctl(&["apply", "-"], bundle);
            let told = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(refused.status.code(), Some(2), "{told}");
            assert!(told.contains(place), "{told}");
            assert_eq!(shown("flows"), json!([]));
        }
    });
}

#[test]
fn what_the_kernel_lost_stands_beside_the_accounts_and_they_balance() {
    const FRAMES: u64 = 20_000;
    in_namespace(|| {
        let switch = Switch::start(&TAPS);
        let a = Station::at("a");
        switch.paused(|| a.send(1, 0, FRAMES));
        wait_for(0, &["frames_in", "kernel_lost_in"], FRAMES);
        let report = switch.end();
        let a = &report["ports"]["a"];
        let [came_in, lost] = ["frames_in", "kernel_lost_in"].map(|name| a[name].as_u64().expect("a number"));
        assert!(lost > 0, "{a}");
        assert_eq!(came_in + lost, FRAMES);
        assert_eq!(report["balanced"], true, "{report}");
    });
}

#[test]
fn rates_are_followed_a_line_an_interval() {
    in_namespace(|| {
        let _switch = Switch::start(&TAPS);
        let lines = said(&ctl(&["watch", "--interval", "20ms", "--count", "3", "--json"], ""));
        let rates: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(rates.len(), 3);
        assert!(rates.iter().all(|rates| rates["interval_ns"].as_u64() >= Some(20_000_000)), "{lines}");
        assert_eq!(rates[0]["ports"][2]["name"], "c");
        let tables = said(&ctl(&["watch", "--interval", "20ms", "--count", "2"], ""));
        assert_eq!(tables.matches("frames-in/s").count(), 2, "{tables}");
    });
}

#[test]
fn a_switch_answers_to_its_name_only() {
    in_namespace(|| {
        let _first = Switch::start(&TAPS);
        let _second = Switch::start(&["--name", "lab", "--tap", "d"]);
        let of_second: Value =
            serde_json::from_str(&said(&ctl(&["--name", "lab", "show", "ports", "--json"], "")))
                .expect("JSON");
        assert_eq!(of_second["ports"][0]["name"], "d");
        let third = zerogap(&["switch", "--name", "lab", "--tap", "e"]).output().expect("the program runs");
        assert_eq!(third.status.code(), Some(2), "the name is taken");
        assert_eq!(ctl(&["--name", "nobody", "show", "ports"], "").status.code(), Some(1));
    });
}

#[test]
fn another_user_gets_no_answer() {
    in_namespace(|| {
        let _switch = Switch::start(&TAPS);
        let mut ctl = zerogap(&["ctl", "show", "ports"]);
        // Who may make namespaces is root, at least in a namespace of users; who is nobody is not.
        match ctl.uid(65_534).output() {
            Ok(output) => {
                let told = String::from_utf8_lossy(&output.stderr);
                assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0), "{told}");
            }
            Err(error) => println!("skipped: another user cannot run the program here ({error})"),
        }
    });
}
