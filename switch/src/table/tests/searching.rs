//! The tuple-space search and the cache find what a look at every flow in turn would find.

use super::super::field::{EthType, IpProto, Number};
use super::super::{Bundle, Cache, Change, Flow, FlowSpec, Key, Mac, Masked, Match, Tables, Vlan};
use super::frames::{tagged, tcp, udp};
use proptest::option;
use proptest::prelude::*;
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use zerogap_proto::{Instant, PortId};

/// Few values, so that flows overlap and keys meet them.
fn address() -> impl Strategy<Value = Ipv4Address> {
    (0..3_u8, 0..3_u8).prop_map(|(c, d)| Ipv4Address::new(10, 0, c, d))
}

fn network() -> impl Strategy<Value = Masked<Ipv4Address>> {
    let mask =
        prop_oneof![Just(0_u32), Just(0xff00_0000), Just(0xffff_ff00), Just(u32::MAX), Just(0xff00_00ff)];
    (address(), mask).prop_map(|(addr, mask)| Masked::under(addr, Ipv4Address::from_bits(mask)))
}

fn mac(last: u8) -> EthernetAddress {
    EthernetAddress([2, 0, 0, 0, 0, last])
}

fn port_number() -> impl Strategy<Value = Masked<Number>> {
    let mask = prop_oneof![Just(0xffff_u16), Just(0xfffe)];
    (0..4_u16, mask).prop_map(|(port, mask)| Masked::under(Number(port), Number(mask)))
}

prop_compose! {
    fn flow()(
        priority in 0..4_u16,
        in_port in option::of(0..2_u16),
        eth_dst in option::of(0..3_u8),
        vlan in option::of(prop_oneof![Just(Vlan::None), Just(Vlan::Any), (0..3_u16).prop_map(Vlan::Id)]),
        networks in option::of((option::of(network()), option::of(network()))),
        transport in option::of((any::<bool>(), option::of(port_number()), option::of(port_number()))),
    ) -> FlowSpec {
        let mut matching = Match {
            in_port: in_port.map(PortId),
            eth_dst: eth_dst.map(|last| Masked::exactly(Mac(mac(last)))),
            vlan,
            ..Match::default()
        };
        if networks.is_some() || transport.is_some() {
            matching.eth_type = Some(EthType(0x0800));
            (matching.ipv4_src, matching.ipv4_dst) = networks.unwrap_or_default();
        }
        if let Some((is_udp, src, dst)) = transport {
            matching.ip_proto = Some(IpProto(if is_udp { 17 } else { 6 }));
            let ports = if is_udp { (&mut matching.udp_src, &mut matching.udp_dst) } else { (&mut matching.tcp_src, &mut matching.tcp_dst) };
            (*ports.0, *ports.1) = (src, dst);
        }
        FlowSpec { priority, matching, actions: Vec::new(), cookie: 0, idle_timeout_s: 0, hard_timeout_s: 0 }
    }
}

prop_compose! {
    fn key()(
        in_port in 0..2_u16, eth_dst in 0..3_u8, vlan in option::of(0..3_u16), src in address(), dst in address(),
        is_udp: bool, ports in (0..4_u16, 0..4_u16), is_fragment in proptest::bool::weighted(0.1),
    ) -> Key {
        let mut frame = if is_udp { udp(ports.0, ports.1, b"") } else { tcp(ports.0, ports.1, b"") };
        frame[..6].copy_from_slice(&mac(eth_dst).0);
        frame[26..30].copy_from_slice(&src.octets());
        frame[30..34].copy_from_slice(&dst.octets());
        frame[20] = if is_fragment { 0x20 } else { 0 };
        let frame = match vlan { Some(id) => tagged(frame, id), None => frame };
        Key::parse(PortId(in_port), &frame).expect("long enough")
    }
}

/// Whether a key fits a match, field by field.
fn fits(matching: &Match, key: &Key) -> bool {
    let masked = |asked: Option<(u64, u64)>, is: Option<u64>| {
        asked.is_none_or(|(value, mask)| is.is_some_and(|is| is & mask == value))
    };
    let of_addresses = |asked: Option<Masked<Ipv4Address>>,
                        is: fn((Ipv4Address, Ipv4Address)) -> Ipv4Address| {
        masked(asked.map(Masked::bits), key.addresses().map(|both| is(both).to_bits().into()))
    };
    let of_ports = |asked: Option<Masked<Number>>, is: fn((u16, u16)) -> u16| {
        masked(asked.map(Masked::bits), key.transport().map(|both| is(both).into()))
    };
    matching.in_port.is_none_or(|port| port == key.in_port())
        && matching.eth_dst.is_none_or(|mac| mac == Masked::exactly(Mac(key.eth_dst())))
        && matching.eth_type.is_none_or(|kind| kind.0 == key.eth_type())
        && matching.vlan.is_none_or(|vlan| match vlan {
            Vlan::None => key.vlan().is_none(),
            Vlan::Any => key.vlan().is_some(),
            Vlan::Id(id) => key.vlan() == Some(id),
        })
        && of_addresses(matching.ipv4_src, |both| both.0)
        && of_addresses(matching.ipv4_dst, |both| both.1)
        && matching.ip_proto.is_none_or(|proto| proto.0 == u16::from(key.ip_proto()))
        && of_ports(matching.udp_src.or(matching.tcp_src), |both| both.0)
        && of_ports(matching.udp_dst.or(matching.tcp_dst), |both| both.1)
}

proptest! {
    #[test]
    fn the_search_and_the_cache_find_the_first_flow_that_fits(
        flows in proptest::collection::vec(flow(), 0..60), gone in proptest::collection::vec(any::<prop::sample::Index>(), 0..4),
        keys in proptest::collection::vec(key(), 1..60),
    ) {
        let adds = Bundle(flows.into_iter().map(Change::AddFlow).collect());
        let before = Tables::default().with(Instant::ZERO, &adds).expect("sound flows");
        let ids: Vec<_> = before.flows().map(Flow::id).collect();
        let deletes = gone.iter().filter(|_| !ids.is_empty()).map(|index| Change::DeleteFlow(*index.get(&ids)));
        let after = before.with(Instant::ZERO, &Bundle(deletes.collect())).expect("deleting");
        let mut cache = Cache::default();
        for tables in [&before, &after] {
            for key in keys.iter().chain(&keys) {
                let fitting = || tables.flows().filter(|flow| fits(&flow.spec().matching, key));
                let first = fitting().next();
                prop_assert_eq!(first.map(|flow| flow.spec().priority), fitting().map(|flow| flow.spec().priority).max());
                let first = first.map(Flow::id);
                prop_assert_eq!(tables.find(key).map(Flow::id), first);
                prop_assert_eq!(cache.find(tables, key).map(Flow::id), first);
            }
        }
    }
}

#[test]
fn the_higher_priority_wins_and_among_equals_the_match_that_asks_for_more() {
    let tables = super::tables(
        r#"[
        {"add_flow": {"priority": 9, "match": {"eth_type": "ipv4", "ipv4_dst": "10.2.0.0/16"}, "actions": [], "cookie": 1}},
        {"add_flow": {"priority": 9, "match": {"eth_type": "ipv4", "ipv4_dst": "10.2.0.2"}, "actions": [], "cookie": 2}},
        {"add_flow": {"priority": 9, "match": {"eth_type": "ipv4"}, "actions": [], "cookie": 3}},
        {"add_flow": {"priority": 10, "match": {"in_port": "b"}, "actions": [], "cookie": 4}}]"#,
    );
    let found = |port| {
        tables.find(&Key::parse(PortId(port), &udp(1, 2, b"")).expect("whole")).map(|flow| flow.spec().cookie)
    };
    assert_eq!((found(0), found(1)), (Some(2), Some(4)));
}
