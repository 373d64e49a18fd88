//! Many AGVs for real, each with a service of its own. What is late on a busy machine is not asked here; what is lost, doubled or
//! different is.

use crate::program::{Run, run_once, stage};

/// What many services need: little each. The wide threshold lets AGVs drive on while others use the machine.
const SMALL: [&str; 7] = [
    "state.fill=sparse",
    "client.lidar_beams=8",
    "client.give_up=2s",
    "service.service_time=0",
    "service.scrub_interval=1s",
    "fleet.stagger=100ms",
    "threshold=100ms",
];
/// A short way across the border between two switches.
const SHUTTLE: [&str; 3] = [
    "client.route=[{x_mm: 12000, y_mm: 10000}, {x_mm: 13000, y_mm: 10000}]",
    "client.dwell=100ms",
    "client.hysteresis_mm=100",
];

fn many(args: &[&str], set: &[&str]) -> Run {
    run_once(&[&["--state", "64KiB", "--duration", "4s"], args].concat(), &[&SMALL, set].concat())
}

/// Each AGV has come in and closed its records, and each request has had its one answer.
fn assert_all_served(run: &Run, agvs: u64) {
    let (requests, fleet) = (&run.result["requests"], &run.result["fleet"]);
    assert_eq!(fleet["agvs"], agvs);
    assert!(requests["sent"].as_u64() > Some(agvs * 100), "{}", run.told);
    for counter in ["lost", "duplicated"] {
        assert_eq!(requests[counter], 0, "{counter}: {}", run.told);
    }
    assert_eq!(requests["sent"], run.result["rtt_ns"]["count"]);
    assert_eq!(fleet["states_differ"], 0, "{}", run.told);
    let clients = |kind: &str| {
        let of_kind = run.events.iter().filter(|event| event["event"] == kind);
        of_kind
            .map(|event| event["client"].as_str().expect("a name"))
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(clients("client-done").len() as u64, agvs, "{}", run.told);
    assert_eq!(clients("packet-in"), clients("client-done"));
}

#[test]
fn every_agv_of_one_process_has_its_own_address_service_and_schedule() {
    let Some(_stage) = stage() else { return };
    let run = many(&["--migrations", "0"], &["client.count=20"]);
    assert_all_served(&run, 20);
    assert!(run.result["fleet"]["log"]["entries_sum"].as_u64() >= Some(20), "each has a log");
}

#[test]
fn services_that_share_their_processes_migrate_at_the_same_time() {
    let Some(_stage) = stage() else { return };
    let run = many(&["--migrations", "1"], &[&SHUTTLE[..], &["client.count=4"]].concat());
    assert_all_served(&run, 4);
    let migrations = &run.result["fleet"]["migrations"];
    assert_eq!(migrations["complete"], 4, "{}", run.told);
}
