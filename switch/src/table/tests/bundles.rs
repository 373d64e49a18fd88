//! Bundles: all or nothing, and what each change means.

use super::super::{Bundle, FLOWS_MAX, Tables};
use super::{changed, names, read, secs, tables, with_flow};
use proptest::prelude::*;
use zerogap_proto::Instant;

const START: &str = r#"[
    {"add_meter": {"id": 1, "rate_pps": 10}},
    {"add_group": {"id": 1, "type": "indirect", "buckets": [{"actions": [{"set": {"udp_dst": 1}}, {"output": "b"}]}]}},
    {"add_flow": {"priority": 1, "cookie": 1, "match": {"in_port": "a"}, "actions": [{"meter": 1}]}},
    {"add_flow": {"priority": 2, "cookie": 2, "match": {"eth_type": "ipv4"}, "actions": []}},
    {"add_flow": {"priority": 3, "cookie": 19, "match": {"eth_type": "ipv4", "ip_proto": "udp"}, "actions": [{"group": 1}]}}]"#;

/// Cookies and numbers of actions, in the order of the flows.
fn flows(tables: &Tables) -> Vec<(u64, usize)> {
    tables.flows().map(|flow| (flow.spec().cookie, flow.actions().len())).collect()
}

#[test]
fn each_change_means_what_openflow_says() {
    for (changes, expected) in [
        ("[]", vec![(19, 1), (2, 0), (1, 1)]),
        (
            r#"[{"add_flow": {"priority": 2, "cookie": 7, "match": {"eth_type": 2048}, "actions": ["drop"]}}]"#,
            vec![(19, 1), (7, 1), (1, 1)],
        ),
        (
            r#"[{"add_flow": {"priority": 4, "cookie": 7, "match": {"eth_type": "ipv4"}, "actions": []}}]"#,
            vec![(7, 0), (19, 1), (2, 0), (1, 1)],
        ),
        (
            r#"[{"modify_flows": {"filter": {"match": {"eth_type": "ipv4"}}, "actions": ["controller", "controller"]}}]"#,
            vec![(19, 2), (2, 2), (1, 1)],
        ),
        (
            r#"[{"modify_flows": {"filter": {"match": {"eth_type": "ipv4"}, "priority": 2}, "actions": ["drop"]}}]"#,
            vec![(19, 1), (2, 1), (1, 1)],
        ),
        (r#"[{"delete_flows": {}}]"#, vec![]),
        (r#"[{"delete_flows": {"match": {"eth_type": "ipv4"}}}]"#, vec![(1, 1)]),
        (
            r#"[{"delete_flows": {"match": {"eth_type": "ipv4"}, "priority": 3}}]"#,
            vec![(19, 1), (2, 0), (1, 1)],
        ),
        (r#"[{"delete_flows": {"match": {"in_port": "a"}, "priority": 1}}]"#, vec![(19, 1), (2, 0)]),
        (r#"[{"delete_flows": {"cookie": 3, "cookie_mask": 15}}]"#, vec![(2, 0), (1, 1)]),
        (r#"[{"delete_flows": {"cookie": 3}}]"#, vec![(19, 1), (2, 0), (1, 1)]),
        (r#"[{"delete_flow": 1}, {"delete_flow": 99}]"#, vec![(19, 1), (1, 1)]),
        (r#"[{"delete_flows": {"match": {"in_port": "a"}}}, {"delete_meter": 1}]"#, vec![(19, 1), (2, 0)]),
        (r#"[{"delete_meter": 1}, {"delete_flows": {"match": {"in_port": "a"}}}]"#, vec![(19, 1), (2, 0)]),
        (
            r#"[{"modify_group": {"id": 1, "type": "all", "buckets": []}}, {"modify_meter": {"id": 1, "rate_bps": 99999}}]"#,
            vec![(19, 1), (2, 0), (1, 1)],
        ),
    ] {
        let before = tables(START);
        let after = changed(&before, secs(1), changes).unwrap_or_else(|error| panic!("{changes}: {error}"));
        assert_eq!(flows(&after), expected, "{changes}");
        assert_eq!(after.generation(), before.generation() + 1);
    }
}

#[test]
fn a_change_that_does_not_fit_is_refused_with_its_place() {
    for (changes, complaint) in [
        (
            r#"[{"add_flow": {"match": {"in_port": "x"}, "actions": []}}]"#,
            "changes[0]: there is no port `x`; there are a, b, c, d",
        ),
        (
            r#"[{"delete_flows": {}}, {"add_flow": {"actions": [{"group": 9}]}}]"#,
            "changes[1].actions: there is no group 9",
        ),
        (r#"[{"add_flow": {"actions": [{"meter": 9}]}}]"#, "changes[0].actions: there is no meter 9"),
        (r#"[{"add_flow": {"actions": ["drop", "controller"]}}]"#, "changes[0].actions: drop stands alone"),
        (r#"[{"add_flow": {"actions": [{"set": {}}]}}]"#, "changes[0].actions: set needs a field"),
        (
            r#"[{"add_flow": {"actions": [{"push_vlan": 4096}]}}]"#,
            "changes[0].actions: push_vlan is at most 4095, not 4096",
        ),
        (
            r#"[{"add_flow": {"actions": [{"push_vlan": 5}]}}]"#,
            "changes[0].actions: push_vlan needs a match with vlan: none",
        ),
        (
            r#"[{"add_flow": {"actions": ["pop_vlan"]}}]"#,
            "changes[0].actions: pop_vlan needs a match with vlan: any or an id",
        ),
        (
            r#"[{"add_flow": {"match": {"eth_type": "ipv4"}, "actions": [{"set": {"udp_dst": 5}}]}}]"#,
            "changes[0].actions: set udp_dst needs a match with eth_type: ipv4 and ip_proto: udp",
        ),
        (
            r#"[{"modify_flows": {"actions": [{"group": 1}]}}]"#,
            "changes[0].actions: group 1, bucket 0: set udp_dst needs a match with eth_type: ipv4 and ip_proto: udp",
        ),
        (r#"[{"delete_group": 1}]"#, "flow 2.actions: there is no group 1"),
        (r#"[{"delete_meter": 1}]"#, "flow 0.actions: there is no meter 1"),
        (r#"[{"delete_group": 8}]"#, "changes[0]: there is no group 8"),
        (r#"[{"add_meter": {"id": 1, "rate_pps": 1}}]"#, "changes[0]: there is a meter 1 already"),
        (r#"[{"modify_meter": {"id": 2, "rate_pps": 1}}]"#, "changes[0]: there is no meter 2"),
        (
            r#"[{"add_group": {"id": 1, "type": "all", "buckets": []}}]"#,
            "changes[0]: there is a group 1 already",
        ),
        (
            r#"[{"add_group": {"id": 2, "type": "fast_failover", "buckets": [{"actions": []}]}}]"#,
            "changes[0]: buckets[0] of a fast_failover group needs a watch_port",
        ),
        (
            r#"[{"add_group": {"id": 2, "type": "all", "buckets": [{"actions": [{"group": 1}]}]}}]"#,
            "changes[0]: buckets[0].actions: a bucket cannot lead to a group",
        ),
        (
            r#"[{"add_group": {"id": 2, "type": "indirect", "buckets": []}}]"#,
            "changes[0]: an indirect group has one bucket, not 0",
        ),
    ] {
        let error = changed(&tables(START), secs(1), changes).expect_err(changes);
        assert_eq!(error.to_string(), complaint, "{changes}");
    }
}

proptest! {
    #[test]
    fn a_bundle_that_fails_at_any_change_leaves_everything_as_it_was(good in proptest::collection::vec(0..6_usize, 0..8), at in 0..9_usize) {
        let sound = [
            r#"{"delete_flows": {}}"#, r#"{"add_flow": {"priority": 5, "actions": ["drop"]}}"#,
            r#"{"modify_flows": {"actions": ["drop"]}}"#, r#"{"modify_meter": {"id": 1, "rate_pps": 99}}"#,
            r#"{"modify_group": {"id": 1, "type": "all", "buckets": []}}"#, r#"{"delete_flow": 0}"#,
        ];
        let mut changes: Vec<_> = good.iter().map(|index| sound[*index]).collect();
        changes.insert(at.min(changes.len()), r#"{"delete_group": 77}"#);
        let before = tables(START);
        let shown = format!("{before:?}");
        let refused = changed(&before, secs(1), &format!("[{}]", changes.join(","))).is_err();
        prop_assert!(refused);
        prop_assert_eq!(format!("{:?}", before), shown);
    }
}

#[test]
fn a_meter_that_is_not_changed_keeps_its_state() {
    let before = tables(START);
    let meter = |tables: &Tables| tables.meters().next().expect("one").counts();
    assert!(before.meters().next().expect("one").take(secs(1), 1, 1));
    let after = changed(&before, secs(1), r#"[{"delete_flows": {"cookie": 2}}]"#).expect("sound");
    assert_eq!(meter(&after), (1, 0));
    let anew = changed(&after, secs(1), r#"[{"modify_meter": {"id": 1, "rate_pps": 10}}]"#).expect("sound");
    assert_eq!(meter(&anew), (0, 0));
}

#[test]
fn what_is_shown_is_written_as_it_was_read() {
    let written = r#"{"priority":3,"match":{"in_port":"b","eth_type":"ipv4","ip_proto":"udp","udp_dst":5000},"actions":[{"set":{"eth_dst":"02:00:00:00:00:01","ipv4_dst":"10.0.0.1"}},{"output":"c"},{"output":"flood"},"controller"],"cookie":9,"idle_timeout_s":1,"hard_timeout_s":0}"#;
    let tables = with_flow(written).expect("sound");
    let shown = names().flow(tables.flows().next().expect("one").spec());
    assert_eq!(serde_json::to_string(&shown).expect("writes"), written);
    let written =
        r#"{"id":1,"type":"select","buckets":[{"weight":2,"watch_port":"d","actions":[{"output":"d"}]}]}"#;
    let tables = super::tables(&format!(r#"[{{"add_group": {written}}}]"#));
    let shown = names().group(tables.groups().next().expect("one").spec());
    assert_eq!(serde_json::to_string(&shown).expect("writes"), written);
    let bundle = r#"[{"delete_flows":{"match":{},"cookie":1}},{"delete_group":3}]"#;
    assert_eq!(serde_json::to_string(&read::<Bundle<String>>(bundle)).expect("writes"), bundle);
}

#[test]
fn a_full_table_refuses_one_more_flow_but_replaces_one() {
    let flow = |n: usize| {
        format!(
            r#"{{"add_flow": {{"priority": {}, "match": {{"vlan": {}}}, "actions": []}}}}"#,
            n >> 12,
            n & 0xfff
        )
    };
    let all: Vec<_> = (0..FLOWS_MAX).map(flow).collect();
    let full = changed(&Tables::default(), Instant::ZERO, &format!("[{}]", all.join(","))).expect("fits");
    assert_eq!(full.flows().len(), FLOWS_MAX);
    assert!(changed(&full, secs(1), &format!("[{}]", flow(77))).is_ok());
    let error = changed(&full, secs(1), &format!("[{}]", flow(FLOWS_MAX))).expect_err("one too many");
    assert_eq!(error.to_string(), "changes[0]: the table is full, 65536 flows are the most");
}

#[test]
fn tables_can_be_shared_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Tables>();
}
