//! The file of a standalone switch.

use super::super::{PortNames, PortType, SwitchFile};
use super::read;
use zerogap_proto::{Instant, PortId};

const FILE: &str = r#"{
    "ports": [{"name": "a", "netns": "ns1"}, {"name": "b", "type": "tap_offload"}, {"name": "c", "type": "attach", "capture": "c.pcapng"}],
    "services": [{"id": 1, "endpoint": "10.0.0.100:7000", "servers": [{"port": "b"}, {"port": "c", "mac": "02:00:00:00:00:0c"}]}],
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
    assert_eq!((tables.flows().len(), tables.groups().len(), tables.meters().len()), (6, 1, 1));
    assert_eq!(tables.flows().nth(4).expect("one").spec().matching.in_port, Some(PortId(0)));
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
            refused(|file| file.services.push(file.services[0].clone())),
        ),
        ("flows[1].actions: there is no service 1", refused(|file| file.services.clear())),
        ("flows[0].actions: there is no meter 1", refused(|file| file.meters.clear())),
        ("flows[0].actions: there is no group 1", refused(|file| file.groups.clear())),
        (
            "groups[0]: there is no port `c`; there are a, b",
            refused(|file| {
                file.ports.truncate(2);
                file.services[0].servers.truncate(1);
            }),
        ),
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

#[test]
fn a_mistake_in_a_service_is_named_with_what_to_do() {
    for (complaint, told) in [
        (
            "services[0].endpoint: 0.0.0.0:7000 is nothing that a host can send to",
            refused(|file| file.services[0].endpoint.addr = [0, 0, 0, 0].into()),
        ),
        (
            "services[1].endpoint: 10.0.0.100 is the address of two services: each needs one for itself",
            refused(|file| {
                let mut other = file.services[0].clone();
                (other.id.0, other.endpoint.port) = (2, 7001);
                file.services.push(other);
            }),
        ),
        ("services[0].servers: 0 servers are not 1 to 16", refused(|file| file.services[0].servers.clear())),
        (
            "services[0].servers[0].port: there is no port `z`; there are a, b, c",
            refused(|file| file.services[0].servers[0].port = "z".into()),
        ),
        (
            "services[0].servers[1]: a server behind an attached port needs its `mac`, which cannot be seen from here",
            refused(|file| file.services[0].servers[1].mac = None),
        ),
        (
            "services[0].servers[1]: two servers are called `b`: give each a `name` of its own",
            refused(|file| file.services[0].servers[1].name = Some("b".into())),
        ),
        (
            "services[0].servers[2]: two servers are the same host at b: give each its `mac`",
            refused(|file| {
                file.services[0].servers.push(read(r#"{"port": "b", "name": "again"}"#));
            }),
        ),
        (
            "services[0].timers.resend_after_us: 0 is not 100 to 60000000",
            refused(|file| file.services[0].timers.resend_after_us = 0),
        ),
        (
            "services[0].bounds.window: 9 is not 1 to 8",
            refused(|file| {
                (file.services[0].bounds.window, file.services[0].bounds.log_entries) = (9, 8);
            }),
        ),
    ] {
        assert_eq!(told, complaint);
    }
}

#[test]
fn a_service_brings_the_flows_that_lead_to_it_and_a_switch_without_others_learns_beside_them() {
    let mut file: SwitchFile = read(FILE);
    file.flows.clear();
    let tables = file.tables(Instant::ZERO, &file.names()).expect("sound");
    let flows = tables.flows().map(|flow| {
        let actions = serde_json::to_string(flow.actions()).expect("writes");
        let names = file.names().flow(flow.spec());
        format!(
            "{} {} {actions}",
            flow.spec().priority,
            serde_json::to_string(&names.matching).expect("writes")
        )
    });
    assert_eq!(
        flows.collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        [
            r#"0 {} [{"output":"normal"}]"#,
            r#"60000 {"eth_type":"arp","arp_spa":"10.0.0.100"} [{"service":1}]"#,
            r#"60000 {"eth_type":"arp","arp_tpa":"10.0.0.100"} [{"service":1}]"#,
            r#"60000 {"eth_type":"ipv4","ipv4_dst":"10.0.0.100"} [{"service":1}]"#,
            r#"60000 {"eth_type":"ipv4","ipv4_src":"10.0.0.100"} [{"service":1}]"#,
        ]
    );
}

#[test]
fn a_service_is_as_the_testbeds_unless_the_file_says_otherwise() {
    let file: SwitchFile = read(FILE);
    let anchor = file.services[0].anchor(&file.names());
    let places: Vec<_> =
        anchor.servers.iter().map(|place| (&place.name[..], place.port.0, place.mac)).collect();
    let mac = smoltcp::wire::EthernetAddress([2, 0, 0, 0, 0, 12]);
    assert_eq!(places, [("b", 1, None), ("c", 2, Some(mac))]);
    let config = anchor.service;
    assert_eq!((config.failover_after.as_nanos(), config.resend_after.as_nanos()), (2_000_000, 1_800_000));
    assert_eq!((config.window, config.log_entries, config.servers.len()), (64, 16_384, 2));
}
