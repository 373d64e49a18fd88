//! Tables as people see them.

use super::*;
use crate::ctl::rates::PortRates;
use serde_json::{from_value, json};

fn port(name: &str) -> PortState {
    PortState { name: name.to_owned(), up: name == "a", frames_in: 1_234, ..PortState::default() }
}

#[test]
fn everything_that_is_there_is_a_table_and_reasons_stand_behind_the_numbers() {
    let counts = |reason: &str| [(reason.to_owned(), 5)].into();
    let a = PortState {
        dropped: counts("storm"),
        refused: counts("queue-full"),
        kernel_lost_in: Some(7),
        ..port("a")
    };
    let flow: FlowState = from_value(json!({
        "id": 3, "packets": 70, "bytes": 7_000, "age_ms": 61_500, "idle_ms": null,
        "flow": {"priority": 9, "match": {"in_port": "a", "vlan": 5}, "actions": ["pop_vlan", {"output": "eth1"}], "idle_timeout_s": 60}
    }))
    .expect("a flow");
    let meter: MeterState =
        from_value(json!({"meter": {"id": 1, "rate_pps": 1_000}, "passed": 10, "dropped": 2}))
            .expect("a meter");
    let buckets = json!([{"weight": 3, "actions": [{"output": "b"}]}, {"watch_port": "b", "actions": []}]);
    let groups = from_value(json!([
        {"group": {"id": 1, "type": "select", "buckets": buckets}, "counts": [{"packets": 12, "bytes": 720}, {"packets": 0, "bytes": 0}]},
        {"group": {"id": 22, "type": "all", "buckets": []}, "counts": []},
    ]))
    .expect("groups");
    let station: StationState =
        from_value(json!({"mac": "02:00:00:00:00:01", "port": "a", "age_s": 4})).expect("a station");
    let all = State {
        ports: Some(vec![a, port("eth1")]),
        flows: Some(vec![flow]),
        groups: Some(groups),
        meters: Some(vec![meter]),
        stations: Some(vec![station]),
        ..State::default()
    };
    let expected = "\
port  state    in  forwarded  out  lost  dropped and refused
a     up     1234          0    0     7  storm: 5 out queue-full: 5
eth1  down   1234          0    0     0

flow  priority  packets  bytes   age  idle  match and actions
   3         9       70   7000  61 s     -  in_port: a vlan: 5 -> pop_vlan, output: eth1  idle: 60

group  type    packets  bytes  bucket
1      select       12    720  output: b  weight: 3
1      select        0      0  drop  while b is up
22     all           -      -  no buckets

meter  passed  dropped  limit
    1      10        2  rate_pps: 1000

station            port  heard
02:00:00:00:00:01  a     4 s ago
";
    assert_eq!(state(&all), expected);
}

#[test]
fn what_is_empty_says_so() {
    let nothing = State { flows: Some(Vec::new()), stations: Some(Vec::new()), ..State::default() };
    assert_eq!(state(&nothing), "no flows: it learns\n\nno stations yet\n");
}

#[test]
fn rates_are_short() {
    let a = PortRates {
        name: "a".to_owned(),
        up: true,
        frames_in: 9_999.4,
        bits_in: 1_234_567_890.0,
        frames_out: 123_456.0,
        bits_out: 12_345_678_900.0,
        drops: 0.0,
    };
    let rates = Rates { time_ns: 0, interval_ns: 1, ports: vec![a] };
    let expected = "\
port  frames-in/s  bits-in/s  frames-out/s  bits-out/s  drops/s  state
a            9999    1234.6M        123.5k       12.3G        0  up
";
    assert_eq!(super::rates(&rates), expected);
}
