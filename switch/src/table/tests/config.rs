//! The file of a standalone switch.

use super::super::{PortNames, PortType, SwitchFile};
use super::read;
use zerogap_proto::{Instant, PortId};

const FILE: &str = r#"{
    "ports": [{"name": "a", "netns": "ns1"}, {"name": "b", "type": "tap_offload"}, {"name": "c", "type": "attach", "capture": "c.pcapng"}],
    "services": [{"id": 1, "endpoint": "10.0.0.100:7000"}],
    "meters": [{"id": 1, "rate_bps": 1000000}],
    "groups": [{"id": 1, "type": "all", "buckets": [{"actions": [{"output": "b"}]}, {"actions": [{"output": "c"}]}]}],
    "flows": [
        {"match": {"in_port": "a", "eth_type": "ipv4", "ip_proto": "udp", "ipv4_dst": "10.0.0.0/8", "udp_dst": 5000}, "actions": [{"meter": 1}, {"group": 1}]},
        {"priority": 0, "actions": [{"service": 1}]}]}"#;

fn refused(change: impl FnOnce(&mut SwitchFile)) -> String {
    let mut file: SwitchFile = read(FILE);
    change(&mut file);
    file.tables(Instant::ZERO, &file.names()).expect_err("a mistake").to_string()
}

#[test]
fn a_file_makes_tables_and_an_empty_one_makes_empty_tables() {
    let file: SwitchFile = read(FILE);
    let tables = file.tables(Instant::ZERO, &file.names()).expect("sound");
    assert_eq!((tables.flows().len(), tables.groups().len(), tables.meters().len()), (2, 1, 1));
    assert_eq!(tables.flows().next().expect("one").spec().matching.in_port, Some(PortId(0)));
    assert_eq!(
        file.ports.iter().map(|port| port.kind).collect::<Vec<_>>(),
        [PortType::Tap, PortType::TapOffload, PortType::Attach]
    );
    let written = serde_json::to_string(&file).expect("writes");
    assert_eq!(read::<SwitchFile>(&written), file);

    let empty: SwitchFile = read("{}");
    assert_eq!(empty.tables(Instant::ZERO, &PortNames::default()).expect("sound").flows().len(), 0);
}

#[test]
fn a_mistake_is_named_with_its_path_in_the_file() {
    let flow = |json: &str| read(json);
    for (complaint, told) in [
        ("ports[1].name: `a` is the name of two ports", refused(|file| file.ports[1].name = "a".into())),
        (
            "ports[0].name: `flood` is a word with a meaning of its own in actions",
            refused(|file| file.ports[0].name = "flood".into()),
        ),
        (
            "ports[0].name: `a/b` is not the name of an interface: 1 to 15 printable characters, no `/`, `:` or space",
            refused(|file| file.ports[0].name = "a/b".into()),
        ),
        (
            "services[1].id: 1 is the number of two services",
            refused(|file| file.services.push(file.services[0])),
        ),
        ("flows[1].actions: there is no service 1", refused(|file| file.services.clear())),
        ("flows[0].actions: there is no meter 1", refused(|file| file.meters.clear())),
        ("flows[0].actions: there is no group 1", refused(|file| file.groups.clear())),
        ("groups[0]: there is no port `c`; there are a, b", refused(|file| file.ports.truncate(2))),
        (
            "groups[0]: buckets[1].actions: drop stands alone",
            refused(|file| file.groups[0].buckets[1].actions.push(read(r#""drop""#))),
        ),
        (
            "meters[0]: give either rate_pps (and burst_packets) or rate_bps (and burst_bits)",
            refused(|file| file.meters[0].rate_pps = Some(1)),
        ),
        (
            "flows[1].match: udp_dst needs eth_type: ipv4 or ipv6, and ip_proto: udp",
            refused(|file| file.flows[1] = flow(r#"{"match": {"udp_dst": 1}, "actions": []}"#)),
        ),
    ] {
        assert_eq!(told, complaint);
    }
    for (json, complaint) in [
        (r#"{"flow": []}"#, "unknown field `flow`"),
        (
            r#"{"services": [{"id": 1, "endpoint": "10.0.0.1"}]}"#,
            "`10.0.0.1` is not an address and port such as 10.0.0.100:7000",
        ),
        (r#"{"flows": [{"actions": [{"send": "b"}]}]}"#, "unknown variant `send`"),
    ] {
        let error = serde_json::from_str::<SwitchFile>(json).expect_err(json).to_string();
        assert!(error.starts_with(complaint), "{error}");
    }
}
