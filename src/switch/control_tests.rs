//! Talks with a switch: what is asked, and what it answers.

use super::*;
use crate::switch::model::Model;
use zerogap_scenario::switch_file::parse_bundle;

/// Both ways through JSON, as on the socket.
fn ask(switch: &Model, request: &Request) -> Answer {
    let names = PortNames::new(["a", "b"].map(str::to_owned));
    let line = serde_json::to_vec(request).expect("a request");
    let answer = serde_json::to_vec(&answer(&line, &names, switch)).expect("an answer");
    serde_json::from_slice(&answer).expect("an answer")
}

fn bundle(text: &str) -> Request {
    Request::Apply(parse_bundle(text).expect("a bundle"))
}

fn shown(switch: &Model, what: What) -> State {
    match ask(switch, &Request::Show(what)) {
        Answer::State(state) => *state,
        other @ (Answer::Applied(_) | Answer::Refused(_)) => panic!("{other:?}"),
    }
}

const SETUP: &str = "
- add_meter: {id: 1, rate_pps: 1000}
- add_group: {id: 2, type: all, buckets: [{actions: [{output: b}]}]}
- add_flow: {priority: 9, match: {in_port: a, eth_type: ipv4, ipv4_dst: 10.0.0.0/8}, actions: [{meter: 1}, {group: 2}]}
- add_flow: {priority: 0, actions: [{output: normal}]}
";

#[test]
fn what_was_applied_is_shown_by_the_names_of_the_ports() {
    let switch = Model::default();
    let applied = Applied { changes: 4, flows: 2, groups: 1, meters: 1 };
    assert_eq!(ask(&switch, &bundle(SETUP)), Answer::Applied(applied));
    let state = shown(&switch, What::All);
    let flows = state.flows.expect("flows");
    assert_eq!(flows[0].flow.matching.in_port.as_deref(), Some("a"), "the highest priority first");
    assert_eq!((flows[0].packets, flows[0].age_ms, flows[0].idle_ms), (7, 5_000, Some(1_000)));
    assert_eq!(state.groups.expect("groups").len(), 1);
    assert_eq!(state.meters.expect("meters")[0].meter.rate_pps, Some(1_000));
    let stations = state.stations.expect("stations");
    let stations: Vec<_> = stations.iter().map(|s| (s.port.as_str(), s.mac.to_string(), s.age_s)).collect();
    assert_eq!(
        stations,
        [("a", "02:00:00:00:00:01".to_owned(), 3), ("b", "02:00:00:00:00:02".to_owned(), 3)]
    );
}

#[test]
fn only_what_is_asked_for_is_shown() {
    let state = shown(&Model::default(), What::Ports);
    assert_eq!(state.ports.expect("ports").len(), 2);
    assert!(state.flows.is_none() && state.groups.is_none() && state.stations.is_none());
}

#[test]
fn a_bundle_with_a_mistake_changes_nothing_and_the_answer_says_where_it_is() {
    for (text, expected) in [
        (
            "- add_flow: {match: {in_port: z}, actions: [drop]}",
            "changes[0]: there is no port `z`; there are a, b",
        ),
        ("- add_flow: {actions: [{output: b}]}\n- delete_group: 7", "changes[1]: there is no group 7"),
        (
            "- add_flow: {match: {udp_dst: 5}, actions: []}",
            "changes[0].match: udp_dst needs eth_type: ipv4 or ipv6, and ip_proto: udp",
        ),
    ] {
        let switch = Model::default();
        assert_eq!(ask(&switch, &bundle(text)), Answer::Refused(expected.to_owned()));
        assert_eq!(switch.tables().flows().len(), 0);
    }
}

#[test]
fn what_is_no_request_is_refused() {
    for line in ["", "show ports", "{\"show\":\"everything\"}", "{\"apply\":[{\"add\":1}]}"] {
        let refused = answer(line.as_bytes(), &PortNames::default(), &Model::default());
        assert!(matches!(&refused, Answer::Refused(why) if why.contains("not understood")), "{refused:?}");
    }
}
