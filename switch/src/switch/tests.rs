//! The switch frame by frame: what it answers itself, what it passes on, holds, drops, and that it accounts for all of it.

use super::*;
use crate::service::Selection;
use proptest::prelude::*;
use smoltcp::wire::{EthernetAddress, EthernetFrame, Ipv4Address};
use zerogap_proto::address::{service_addr, virtual_mac};
use zerogap_proto::frame::{ETHERNET_LEN, HEADERS_LEN};
use zerogap_proto::{
    DropReason, Duration, Epoch, Goal, Incarnation, MigrationId, Offset, ReviewRule, Scheme, ServiceCommand,
    ServiceOrder,
};

mod many;
mod noisy;
mod wire;

use wire::{agv, answer, any_frame, arp, checksum, icmp, request, unreachable};

const S1: NodeId = NodeId(30);
const S2: NodeId = NodeId(31);
const CONTROLLER: NodeId = NodeId(40);
const P: NodeId = NodeId(1);
const S: NodeId = NodeId(2);
const AGV: NodeId = NodeId(20);
const SERVICE: ServiceId = ServiceId(1);
const VIP: Ipv4Address = Ipv4Address::new(10, 90, 255, 1);
const ENDPOINT: Endpoint = Endpoint { addr: VIP, port: 7_000 };

/// The ports of both switches: two hosts, an access point, the trunk.
const HOST_P: PortId = PortId(0);
const HOST_S: PortId = PortId(1);
const AP: PortId = PortId(2);
const TRUNK: PortId = PortId(3);

fn ms(n: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(n)
}

fn service() -> ServiceConfig {
    ServiceConfig {
        id: SERVICE,
        endpoint: ENDPOINT,
        servers: vec![(P, Incarnation::of_life(1)), (S, Incarnation::of_life(2))],
        selection: Selection::Preferred,
        failover_after: Duration::from_millis(3),
        absences_to_promote: 3,
        window: 4,
        resend_after: Duration::from_millis(2),
        log_entries: 8,
        admission_window: 64,
        clients_max: 2,
    }
}

fn anchor() -> Switch {
    let ports =
        vec![PortKind::Host(P), PortKind::Host(S), PortKind::AccessPoint(NodeId(10)), PortKind::Trunk(S2)];
    Switch::new(SwitchConfig {
        node: S1,
        controller: CONTROLLER,
        ports,
        remote_hosts: vec![],
        services: vec![Anchoring::Here(service())],
        handover: HandoverMode::Notify,
    })
}

/// The other switch: its hosts are not the service's, whose servers are beyond the trunk.
fn ingress(handover: HandoverMode) -> Switch {
    let host = |n| PortKind::Host(NodeId(n));
    Switch::new(SwitchConfig {
        node: S2,
        controller: CONTROLLER,
        ports: vec![host(3), host(4), PortKind::AccessPoint(NodeId(11)), PortKind::Trunk(S1)],
        remote_hosts: vec![(P, TRUNK), (S, TRUNK)],
        services: vec![Anchoring::Beyond { id: SERVICE, endpoint: ENDPOINT, port: TRUNK }],
        handover,
    })
}

/// What came out, in order, and that nothing is unaccounted for.
fn give(switch: &mut Switch, now: Instant, input: Input<'_>) -> Vec<Output> {
    switch.handle(now, input);
    assert!(switch.counters().balanced(), "{:?}", switch.counters());
    std::iter::from_fn(|| switch.poll()).collect()
}

fn frame_in(switch: &mut Switch, port: PortId, frame: &[u8]) -> Vec<(PortId, Frame)> {
    frames(give(switch, ms(0), Input::Frame { port, frame: Frame::new(frame) }))
}

fn order(switch: &mut Switch, message: Control) -> Vec<Output> {
    give(switch, ms(0), Input::Control { from: CONTROLLER, message })
}

fn frames(outputs: Vec<Output>) -> Vec<(PortId, Frame)> {
    let frame = |output| if let Output::Frame { port, frame } = output { Some((port, frame)) } else { None };
    outputs.into_iter().filter_map(frame).collect()
}

/// What the controller is told.
fn controls(outputs: &[Output]) -> Vec<Control> {
    let told = |output: &Output| {
        if let Output::Control { to: CONTROLLER, message } = output { Some(message.clone()) } else { None }
    };
    outputs.iter().filter_map(told).collect()
}

fn ports(frames: &[(PortId, Frame)]) -> Vec<PortId> {
    frames.iter().map(|(port, _)| *port).collect()
}

/// Whether the client waits, for each report of its being here.
fn packet_ins(outputs: &[Output]) -> Vec<bool> {
    let waiting = |told: Control| {
        let Control::PacketIn(told) = told else { return None };
        assert_eq!((told.client, told.port, told.service), (AGV, AP, SERVICE));
        Some(told.waiting)
    };
    controls(outputs).into_iter().filter_map(waiting).collect()
}

fn dropped(switch: &Switch, reason: DropReason) -> u64 {
    switch.counters().dropped.get(&reason).copied().unwrap_or(0)
}

#[test]
fn arp_and_ping_for_the_virtual_address_are_answered_where_they_come_in_and_go_no_further() {
    for mut switch in [anchor(), ingress(HandoverMode::Notify)] {
        let out = frame_in(&mut switch, AP, &arp(1, service_mac(AGV), agv().addr, VIP));
        assert_eq!(ports(&out), [AP]);
        let reply = EthernetFrame::new_unchecked(&out[0].1[..]);
        assert_eq!((reply.src_addr(), reply.dst_addr()), (virtual_mac(SERVICE), service_mac(AGV)));
        let ping =
            icmp((service_mac(AGV), agv().addr), (virtual_mac(SERVICE), VIP), &[8, 0, 0, 0, 0, 1, 0, 2, 9]);
        assert_eq!(ports(&frame_in(&mut switch, AP, &ping)), [AP]);
        assert_eq!(switch.counters().taken, 2);
    }
}

#[test]
fn arp_for_other_addresses_is_none_of_its_business() {
    let mut switch = anchor();
    let out = frame_in(&mut switch, AP, &arp(1, service_mac(AGV), agv().addr, service_addr(P)));
    assert_eq!(ports(&out), [HOST_P, HOST_S, TRUNK]);
}

#[test]
fn who_speaks_for_the_virtual_address_by_arp_would_poison_hosts_and_is_dropped() {
    for operation in [1, 2] {
        for (port, mac) in [(AP, service_mac(AGV)), (HOST_P, service_mac(P))] {
            let mut switch = anchor();
            assert_eq!(frame_in(&mut switch, port, &arp(operation, mac, VIP, agv().addr)), []);
            assert_eq!(dropped(&switch, DropReason::Spoofed), 1);
        }
    }
}

#[test]
fn an_unknown_address_is_flooded_and_then_learned_and_a_servers_cannot_be_taken() {
    let mut switch = anchor();
    let (a, b) = (EthernetAddress([2, 0, 0, 0, 0, 1]), EthernetAddress([2, 0, 0, 0, 0, 2]));
    let plain =
        |dst: EthernetAddress, src: EthernetAddress| [&dst.0[..], &src.0, &[0x88, 0xb5, 1, 2]].concat();
    assert_eq!(ports(&frame_in(&mut switch, AP, &plain(b, a))), [HOST_P, HOST_S, TRUNK]);
    assert_eq!(ports(&frame_in(&mut switch, TRUNK, &plain(a, b))), [AP]);
    assert_eq!(frame_in(&mut switch, TRUNK, &plain(b, a)), []);
    assert_eq!(dropped(&switch, DropReason::Hairpin), 1);
    frame_in(&mut switch, AP, &plain(b, service_mac(P)));
    assert_eq!(ports(&frame_in(&mut switch, AP, &plain(service_mac(P), b))), [HOST_P]);
}

#[test]
fn a_request_at_the_anchor_goes_to_both_servers_and_one_answer_back() {
    let mut switch = anchor();
    let out = give(&mut switch, ms(0), Input::Frame { port: AP, frame: Frame::new(&request(0)) });
    assert_eq!(packet_ins(&out), [false]);
    assert_eq!(ports(&frames(out)), [HOST_P, HOST_S]);
    let out = frame_in(&mut switch, HOST_P, &answer(service_mac(P), 1, 0));
    assert_eq!(ports(&out), [AP]);
    let (src, dst) = (EthernetFrame::new_unchecked(&out[0].1[..]).src_addr(), &out[0].1[0..6]);
    assert_eq!(
        (src, dst),
        (virtual_mac(SERVICE), &service_mac(AGV).0[..]),
        "the client never sees a server's address"
    );
    assert_eq!(frame_in(&mut switch, HOST_S, &answer(service_mac(S), 2, 0)), []);
    assert_eq!(frame_in(&mut switch, HOST_S, &answer(service_mac(S), 2, 0)), []);
    assert_eq!((switch.counters().taken, dropped(&switch, DropReason::DuplicateAnswer)), (3, 1));
}

#[test]
fn requests_at_the_ingress_go_to_the_trunk_at_once_and_only_the_first_is_reported() {
    let mut switch = ingress(HandoverMode::Notify);
    let mut reported = 0;
    for n in 0..3 {
        let out = give(&mut switch, ms(0), Input::Frame { port: AP, frame: Frame::new(&request(n)) });
        reported += packet_ins(&out).len();
        assert_eq!(frames(out), [(TRUNK, Frame::new(&request(n)))], "as it came");
    }
    assert_eq!(reported, 1);
    assert_eq!(
        frame_in(&mut switch, TRUNK, &answer(virtual_mac(SERVICE), 1, 0)).len(),
        1,
        "the answer comes back"
    );
}

#[test]
fn forget_makes_the_clients_next_frame_a_first_one_again() {
    let mut switch = ingress(HandoverMode::Notify);
    frame_in(&mut switch, AP, &request(0));
    order(&mut switch, Control::FlowMod(FlowMod::Forget { client: AGV }));
    let out = give(&mut switch, ms(0), Input::Frame { port: AP, frame: Frame::new(&request(1)) });
    assert_eq!(packet_ins(&out), [false]);
}

#[test]
fn reactive_holds_frames_and_lets_them_go_in_order_after_admit() {
    let mut switch = ingress(HandoverMode::Reactive);
    let out = give(&mut switch, ms(0), Input::Frame { port: AP, frame: Frame::new(&request(0)) });
    assert_eq!((packet_ins(&out), frames(out).len()), (vec![true], 0));
    assert_eq!(frame_in(&mut switch, AP, &request(1)), []);
    assert_eq!(switch.counters().held, 2);
    order(&mut switch, Control::FlowMod(FlowMod::Forget { client: AGV }));
    assert_eq!(switch.counters().held, 2, "who waits is here");
    let out = order(&mut switch, Control::FlowMod(FlowMod::Admit { client: AGV }));
    assert_eq!(frames(out), [0, 1].map(|n| (TRUNK, Frame::new(&request(n)))));
    assert_eq!(switch.counters().held, 0);
    assert_eq!(ports(&frame_in(&mut switch, AP, &request(2))), [TRUNK]);
}

#[test]
fn a_controller_that_does_not_answer_is_asked_again_and_what_waits_is_bounded() {
    let mut switch = ingress(HandoverMode::Reactive);
    (0..66).for_each(|n| drop(frame_in(&mut switch, AP, &request(n))));
    assert_eq!((switch.counters().held, dropped(&switch, DropReason::HoldQueueFull)), (64, 2));
    assert_eq!(switch.deadline(), Some((ms(20), Timer::Refresh)));
    let out = give(&mut switch, ms(20), Input::Wake(Timer::Refresh));
    assert_eq!(packet_ins(&out), [true]);
}

#[test]
fn unreachable_is_a_hint_to_the_anchor_and_never_reaches_the_client() {
    let mut switch = anchor();
    frame_in(&mut switch, AP, &request(0));
    assert_eq!(frame_in(&mut switch, HOST_P, &unreachable(service_mac(P))), []);
    let status = switch.service(SERVICE).expect("anchored here").status();
    assert_eq!((status.serving[0].server, status.epoch), (S, Epoch(1)));
    let mut beyond = ingress(HandoverMode::Notify);
    beyond.ports[0] = PortKind::Host(P);
    frame_in(&mut beyond, AP, &request(0));
    assert_eq!(ports(&frame_in(&mut beyond, HOST_P, &unreachable(service_mac(P)))), [TRUNK]);
}

#[test]
fn nobody_else_can_say_that_a_server_is_unreachable() {
    let mut switch = anchor();
    for port in [AP, HOST_S] {
        assert_eq!(frame_in(&mut switch, port, &unreachable(service_mac(P))), []);
    }
    assert_eq!(dropped(&switch, DropReason::Spoofed), 2);
    assert_eq!(switch.service(SERVICE).expect("anchored here").status().epoch, Epoch(0));
}

#[test]
fn answers_come_from_the_servers_own_port_or_not_at_all() {
    let stranger = EthernetAddress([2, 0, 0, 0, 0, 1]);
    for mac in [service_mac(P), service_mac(AGV), virtual_mac(SERVICE), stranger] {
        let mut switch = anchor();
        frame_in(&mut switch, AP, &request(0));
        for port in [AP, HOST_S] {
            assert_eq!(frame_in(&mut switch, port, &answer(mac, 1, 0)), [], "{mac} at {port}");
        }
        assert_eq!(dropped(&switch, DropReason::Spoofed), 2, "{mac}");
        assert_eq!(switch.service(SERVICE).map(Service::held), Some(1), "no answer went out");
    }
}

#[test]
fn a_request_that_a_servers_host_would_drop_gets_no_offset_or_all_would_wait_for_it_for_ever() {
    let mut switch = anchor();
    let good = request(0);
    let mut udp_sum = good.clone();
    udp_sum[HEADERS_LEN + 100] ^= 1;
    let mut ip_sum = good.clone();
    ip_sum[ETHERNET_LEN + 8] -= 1;
    let mut options = [&good[..ETHERNET_LEN + 20], &[1, 1, 1, 0], &good[ETHERNET_LEN + 20..]].concat();
    options[ETHERNET_LEN] = 0x46;
    options[ETHERNET_LEN + 2..][..2].copy_from_slice(&628_u16.to_be_bytes());
    options[ETHERNET_LEN + 10..][..2].copy_from_slice(&[0, 0]);
    let sum = checksum(&options[ETHERNET_LEN..ETHERNET_LEN + 24]);
    options[ETHERNET_LEN + 10..][..2].copy_from_slice(&sum.to_be_bytes());
    for bad in [udp_sum, ip_sum, options] {
        assert_eq!(frame_in(&mut switch, AP, &bad), []);
    }
    assert_eq!(dropped(&switch, DropReason::Malformed), 3);
    assert_eq!(ports(&frame_in(&mut switch, AP, &good)), [HOST_P, HOST_S]);
}

#[test]
fn what_goes_to_a_server_that_no_port_leads_to_is_counted_apart_from_what_came_in() {
    let mut switch = anchor();
    let targets = vec![NodeId(8)];
    let (migration, scheme, goal) = (MigrationId(1), Scheme::HotStandby, Goal::Reseed);
    let review = ReviewRule { agreements: 1, absences_max: 1, deadline: Duration::from_secs(1) };
    for told in [
        ServiceOrder::Begin { migration, scheme, goal, snapshotter: P, targets },
        ServiceOrder::Mark { migration, mark: Offset(0) },
        ServiceOrder::Read { migration, targets: vec![(NodeId(8), Incarnation(0))], review },
    ] {
        order(
            &mut switch,
            Control::Service(ServiceCommand { service: SERVICE, epoch: Epoch(0), order: told }),
        );
    }
    frame_in(&mut switch, AP, &request(0));
    assert_eq!(switch.counters().undeliverable, 1);
}

#[test]
fn a_barrier_is_answered_after_all_that_came_before_and_only_to_the_controller() {
    let mut switch = ingress(HandoverMode::Reactive);
    frame_in(&mut switch, AP, &request(0));
    switch.handle(
        ms(0),
        Input::Control { from: CONTROLLER, message: Control::FlowMod(FlowMod::Admit { client: AGV }) },
    );
    let out = order(&mut switch, Control::Barrier(7));
    assert_eq!(frames(out[..1].to_vec()).len(), 1);
    assert_eq!(controls(&out[1..]), [Control::BarrierDone(7)]);
    let stranger = Input::Control { from: AGV, message: Control::Barrier(8) };
    assert!(give(&mut switch, ms(0), stranger).is_empty(), "nobody else gives orders");
}

#[test]
fn a_query_is_answered_with_the_status_or_with_the_reason_why_not() {
    let status = order(&mut anchor(), Control::QueryService(SERVICE));
    assert!(
        matches!(&status[..], [Output::Control { message: Control::ServiceStatus(told), .. }] if told.service == SERVICE)
    );
    let refused = Control::Refused { service: SERVICE, refusal: Refusal::UnknownService };
    let here = order(&mut ingress(HandoverMode::Notify), Control::QueryService(SERVICE));
    assert_eq!(controls(&here), [refused]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_comes_in_is_accounted_for_and_nothing_panics(
        reactive: bool,
        here: bool,
        steps in prop::collection::vec((any_frame(), 0_u16..5, 0_u64..3, 0_u8..20), 1..80),
    ) {
        let mode = if reactive { HandoverMode::Reactive } else { HandoverMode::Notify };
        let mut switch = if here { anchor() } else { ingress(mode) };
        let (mut now, mut came) = (ms(0), 0);
        for (bytes, port, later, control) in steps {
            now += Duration::from_millis(later);
            give(&mut switch, now, Input::Frame { port: PortId(port), frame: Frame::new(&bytes) });
            came += 1;
            if switch.deadline().is_some_and(|(at, _)| at <= now) {
                give(&mut switch, now, Input::Wake(Timer::Resend));
            }
            let flow = [FlowMod::Admit { client: AGV }, FlowMod::Forget { client: AGV }];
            if let Some(flow) = flow.get(usize::from(control)) {
                give(&mut switch, now, Input::Control { from: CONTROLLER, message: Control::FlowMod(*flow) });
            }
            prop_assert_eq!(switch.counters().frames_in, came);
        }
    }
}
