//! What a frame's actions send where, as a table of actions and transcripts.

use super::super::{Arrival, Destination, Fate, Key, Outlet, Tables, Unsent};
use super::frames::{tcp, udp};
use super::{changed, tables};
use crate::offload::{Gso, GsoKind, Offload};
use zerogap_proto::{Instant, PortId};

/// Writes down what it is handed.
struct Recorder {
    down: Vec<PortId>,
    sent: Vec<(Destination, Vec<u8>, *const u8)>,
}

impl Outlet for Recorder {
    fn send(&mut self, to: Destination, frame: &[u8], _: Offload) {
        self.sent.push((to, frame.to_vec(), frame.as_ptr()));
    }
    fn is_up(&self, port: PortId) -> bool {
        !self.down.contains(&port)
    }
}

impl Recorder {
    /// Where, the destination port and the tag: `p1:5000`, `p1:5000/7`.
    fn transcript(&self) -> String {
        let words = self.sent.iter().map(|(to, frame, _)| {
            let to = match to {
                Destination::Port(port) => port.to_string(),
                Destination::Flood => "flood".into(),
                Destination::Normal => "normal".into(),
                Destination::Service(id) => id.to_string(),
                Destination::Controller => "controller".into(),
            };
            let key = Key::parse(PortId(0), frame).expect("whole");
            let port = key.transport().expect("ports").1;
            key.vlan().map_or_else(|| format!("{to}:{port}"), |vlan| format!("{to}:{port}/{vlan}"))
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

const GROUPS: &str = r#"{"add_meter": {"id": 1, "rate_pps": 10, "burst_packets": 2}},
    {"add_group": {"id": 1, "type": "all", "buckets": [
        {"actions": [{"set": {"udp_dst": 6001}}, {"output": "b"}]},
        {"actions": [{"output": "c"}]},
        {"actions": [{"set": {"udp_dst": 6003}}, {"output": "d"}]}]}},
    {"add_group": {"id": 2, "type": "fast_failover", "buckets": [
        {"watch_port": "b", "actions": [{"output": "b"}]}, {"watch_port": "c", "actions": [{"output": "c"}]}]}},
    {"add_group": {"id": 3, "type": "indirect", "buckets": [{"actions": [{"output": "a"}]}]}},
    {"add_group": {"id": 4, "type": "all", "buckets": []}}"#;

fn tables_with(actions: &str) -> Tables {
    let matching = r#"{"eth_type": "ipv4", "ip_proto": "udp", "vlan": "none"}"#;
    tables(&format!(r#"[{GROUPS}, {{"add_flow": {{"match": {matching}, "actions": {actions}}}}}]"#))
}

fn execute(tables: &Tables, frame: &[u8], offload: Offload, outlet: &mut Recorder) -> Fate {
    let key = Key::parse(PortId(0), frame).expect("whole");
    let flow = tables.find(&key).or_else(|| tables.flows().next()).expect("a flow");
    let mut scratch = Vec::new();
    tables.execute(Instant::ZERO, Arrival { key: &key, frame, offload }, flow.actions(), &mut scratch, outlet)
}

#[test]
fn actions_are_done_in_order_and_a_bucket_keeps_its_changes_to_itself() {
    for (actions, transcript) in [
        (r#"[{"output": "b"}, {"output": "flood"}, {"output": "normal"}]"#, "p1:5000 flood:5000 normal:5000"),
        (r#"[{"output": "in_port"}, {"service": 3}, "controller"]"#, "p0:5000 svc3:5000 controller:5000"),
        (r#"[{"output": "b"}, {"set": {"udp_dst": 7}}, {"output": "c"}]"#, "p1:5000 p2:7"),
        (r#"[{"push_vlan": 9}, {"output": "b"}, "pop_vlan", {"output": "c"}]"#, "p1:5000/9 p2:5000"),
        (r#"[{"push_vlan": 9}, {"set": {"vlan": 8, "udp_dst": 7}}, {"output": "b"}]"#, "p1:7/8"),
        (r#"[{"group": 1}, {"output": "b"}]"#, "p1:6001 p2:5000 p3:6003 p1:5000"),
        (r#"[{"push_vlan": 9}, {"group": 1}, {"output": "b"}]"#, "p1:6001/9 p2:5000/9 p3:6003/9 p1:5000/9"),
        (r#"[{"output": "a"}, {"output": "b"}]"#, "p1:5000"),
        (r#"[{"meter": 1}, {"output": "b"}]"#, "p1:5000"),
    ] {
        let mut outlet = Recorder { down: Vec::new(), sent: Vec::new() };
        let fate = execute(&tables_with(actions), &udp(1, 5_000, b"x"), Offload::default(), &mut outlet);
        assert_eq!(outlet.transcript(), transcript, "{actions}");
        assert_eq!(fate, Fate::Sent(outlet.sent.len() as u32), "{actions}");
    }
}

#[test]
fn a_frame_that_goes_nowhere_says_why() {
    let whole = udp(1, 5_000, b"x");
    let cut = &whole[..whole.len() - 1];
    for (actions, frame, why) in [
        ("[]", &whole[..], Unsent::ByFlow),
        (r#"["drop"]"#, &whole, Unsent::ByFlow),
        (r#"[{"output": "a"}]"#, &whole, Unsent::Hairpin),
        (r#"[{"group": 3}]"#, &whole, Unsent::Hairpin),
        (r#"[{"group": 4}]"#, &whole, Unsent::NoLiveBucket),
        (r#"[{"set": {"udp_dst": 7}}, {"output": "b"}]"#, cut, Unsent::Unfit),
        (r#"[{"meter": 1}, {"meter": 1}, {"meter": 1}, {"output": "b"}]"#, &whole, Unsent::Metered),
    ] {
        let mut outlet = Recorder { down: Vec::new(), sent: Vec::new() };
        let fate = execute(&tables_with(actions), frame, Offload::default(), &mut outlet);
        assert_eq!((fate, outlet.sent.len()), (Fate::Unsent(why), 0), "{actions}");
    }
}

#[test]
fn failover_takes_the_first_live_bucket() {
    let (tables, frame) = (tables_with(r#"[{"group": 2}]"#), udp(1, 5_000, b"x"));
    for (down, transcript) in
        [(vec![], "p1:5000"), (vec![PortId(1)], "p2:5000"), (vec![PortId(1), PortId(2)], "")]
    {
        let mut outlet = Recorder { down, sent: Vec::new() };
        let fate = execute(&tables, &frame, Offload::default(), &mut outlet);
        assert_eq!(outlet.transcript(), transcript);
        assert_eq!(fate == Fate::Unsent(Unsent::NoLiveBucket), transcript.is_empty());
    }
}

#[test]
fn a_frame_is_not_copied_before_a_field_is_set() {
    let tables = tables_with(r#"[{"output": "b"}, {"group": 2}, {"set": {"udp_dst": 7}}, {"output": "c"}]"#);
    let frame = udp(1, 5_000, b"x");
    let mut outlet = Recorder { down: Vec::new(), sent: Vec::new() };
    execute(&tables, &frame, Offload::default(), &mut outlet);
    let is_original: Vec<_> = outlet.sent.iter().map(|(_, _, at)| *at == frame.as_ptr()).collect();
    assert_eq!(is_original, [true, true, false]);
    assert_eq!(frame, udp(1, 5_000, b"x"));
}

/// Which of three equal buckets each of `flows` flows takes.
fn taken_by(flows: u16, down: &[PortId]) -> Vec<Destination> {
    let tables = changed(
        &Tables::default(),
        Instant::ZERO,
        r#"[{"add_group": {"id": 1, "type": "select", "buckets": [
            {"weight": 2, "watch_port": "b", "actions": [{"output": "b"}]},
            {"watch_port": "c", "actions": [{"output": "c"}]},
            {"watch_port": "d", "actions": [{"output": "d"}]}]}},
        {"add_flow": {"actions": [{"group": 1}]}}]"#,
    );
    let tables = tables.expect("sound");
    let mut outlet = Recorder { down: down.into(), sent: Vec::new() };
    for port in 0..flows {
        execute(&tables, &udp(port, 5_000, b"x"), Offload::default(), &mut outlet);
    }
    outlet.sent.iter().map(|(to, _, _)| *to).collect()
}

#[test]
fn select_spreads_flows_by_weight_and_moves_only_those_of_a_dead_bucket() {
    let [b, c, d] = [1, 2, 3].map(|port| Destination::Port(PortId(port)));
    let all = taken_by(4_000, &[]);
    assert_eq!(all, taken_by(4_000, &[]), "a flow stays where it is");
    let share = |taken: &[Destination], way| taken.iter().filter(|to| **to == way).count();
    for (way, expected) in [(b, 2_000), (c, 1_000), (d, 1_000)] {
        assert!(share(&all, way).abs_diff(expected) < 150, "{way:?}: {}", share(&all, way));
    }
    let without_b = taken_by(4_000, &[PortId(1)]);
    assert!(all.iter().zip(&without_b).all(|(before, after)| *before == b || before == after));
    for (way, expected) in [(b, 0), (c, 2_000), (d, 2_000)] {
        assert!(share(&without_b, way).abs_diff(expected) < 150, "{way:?}: {}", share(&without_b, way));
    }
    assert_eq!(taken_by(10, &[PortId(1), PortId(2), PortId(3)]), []);
}

#[test]
fn a_frame_that_stands_for_three_segments_takes_three_tokens() {
    let tables = tables(
        r#"[{"add_meter": {"id": 1, "rate_pps": 1, "burst_packets": 5}},
        {"add_flow": {"actions": [{"meter": 1}, {"output": "b"}]}}]"#,
    );
    let gso = Gso { kind: GsoKind::TcpV4, size: 100, header_len: 0, ecn: false };
    let offload = Offload { checksum: None, gso: Some(gso) };
    let mut outlet = Recorder { down: Vec::new(), sent: Vec::new() };
    let fates = [(); 2].map(|()| execute(&tables, &tcp(1, 2, &[0; 201]), offload, &mut outlet));
    assert_eq!(fates, [Fate::Sent(1), Fate::Unsent(Unsent::Metered)]);
    let short = execute(&tables, &tcp(1, 2, b""), Offload::default(), &mut outlet);
    assert_eq!(short, Fate::Sent(1), "two are left");
}
