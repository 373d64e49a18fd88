//! Many services at one anchor, whose servers share hosts: each fares as if it were alone.

use super::wire::{agv, message};
use super::*;
use zerogap_proto::address::service_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::{Kind, Stamp};

pub(super) const SERVICES: u16 = 4;

pub(super) fn endpoint(service: u16) -> Endpoint {
    Endpoint { addr: VIP, port: ENDPOINT.port + service }
}

/// A service's process on the first or the second host.
pub(super) fn process(service: u16, host: u16) -> NodeId {
    NodeId(100 + 2 * service + host)
}

/// The switch that anchors these services; the ports are called after the first one's processes.
pub(super) fn anchor_of(services: impl Iterator<Item = u16> + Clone) -> Switch {
    let here = |n: u16| {
        let servers = [0, 1].map(|host| (process(n, host), Incarnation::of_life(host + 1)));
        Anchoring::Here(ServiceConfig {
            id: ServiceId(n),
            endpoint: endpoint(n),
            servers: servers.into(),
            ..service()
        })
    };
    let shares = services.clone().filter(|n| *n != 0);
    Switch::new(SwitchConfig {
        node: S1,
        controller: CONTROLLER,
        ports: vec![
            PortKind::Host(process(0, 0)),
            PortKind::Host(process(0, 1)),
            PortKind::AccessPoint(NodeId(10)),
            PortKind::Trunk(S2),
        ],
        remote_hosts: shares.flat_map(|n| [(process(n, 0), HOST_P), (process(n, 1), HOST_S)]).collect(),
        services: services.map(here).collect(),
        handover: HandoverMode::Notify,
    })
}

pub(super) fn request_to(service: u16, sequence: u64) -> Frame {
    let payload = message(Kind::Request, sequence, Stamp::default());
    let (src_mac, dst_mac) = (service_mac(AGV), virtual_mac(ServiceId(service)));
    Datagram { src_mac, dst_mac, src: agv(), dst: endpoint(service), payload_at: 0, payload: &payload }
        .build()
}

fn answer_of(service: u16, host: u16, sequence: u64) -> Frame {
    let (incarnation, offset) = (Incarnation::of_life(host + 1), Offset(sequence));
    let payload = message(Kind::Answer, sequence, Stamp { incarnation, offset, ..Stamp::default() });
    let (src_mac, dst_mac) = (service_mac(process(service, host)), service_mac(AGV));
    Datagram { src_mac, dst_mac, src: endpoint(service), dst: agv(), payload_at: 0, payload: &payload }
        .build()
}

#[test]
fn a_process_speaks_only_by_its_own_hosts_port() {
    let mut switch = anchor_of(0..SERVICES);
    let ways = ports(&frames(give(&mut switch, ms(0), Input::Frame { port: AP, frame: request_to(2, 0) })));
    assert_eq!(ways, [HOST_P, HOST_S]);
    let spoofed = |switch: &Switch| switch.counters().dropped.get(&DropReason::Spoofed).copied();
    give(&mut switch, ms(0), Input::Frame { port: HOST_S, frame: answer_of(2, 0, 0) });
    assert_eq!(spoofed(&switch), Some(1));
    let released = frames(give(&mut switch, ms(0), Input::Frame { port: HOST_P, frame: answer_of(2, 0, 0) }));
    assert_eq!((ports(&released), spoofed(&switch)), (vec![AP], Some(1)));
}

#[test]
fn a_host_that_knows_one_virtual_mac_for_an_address_reaches_every_service_there() {
    let mut switch = anchor_of(0..SERVICES);
    let by_the_first = EthernetFrame::new_unchecked(&request_to(0, 0)[..]).dst_addr();
    let mut bytes = request_to(2, 0).to_vec();
    EthernetFrame::new_unchecked(&mut bytes[..]).set_dst_addr(by_the_first);
    let copies = frames(give(&mut switch, ms(0), Input::Frame { port: AP, frame: bytes.into() }));
    let to = |frame: &Frame| frame.addressee();
    let copies: Vec<_> = copies.iter().map(|(port, frame)| (*port, to(frame))).collect();
    assert_eq!(copies, [(HOST_P, Some(process(2, 0))), (HOST_S, Some(process(2, 1)))]);
}

proptest! {
    #[test]
    fn each_service_fares_as_if_it_were_alone_and_is_woken_when_it_wants_to_be(
        steps in prop::collection::vec((0..SERVICES, 0_u16..3, 0_u64..8, 0_u64..3), 1..120),
    ) {
        let mut together = anchor_of(0..SERVICES);
        let mut alone: Vec<Switch> = (0..SERVICES).map(|n| anchor_of(n..n + 1)).collect();
        let mut now = ms(0);
        for (service, what, sequence, later) in steps {
            now += Duration::from_millis(later);
            while together.deadline().is_some_and(|(at, _)| at <= now) {
                let woken = frames(give(&mut together, now, Input::Wake(Timer::Resend)));
                let due = alone.iter_mut().filter(|switch| switch.deadline().is_some_and(|(at, _)| at <= now));
                let each = due.flat_map(|switch| frames(give(switch, now, Input::Wake(Timer::Resend))));
                prop_assert_eq!(woken, each.collect::<Vec<_>>());
            }
            let (port, frame) = match what {
                0 => (AP, request_to(service, sequence)),
                host => ([HOST_P, HOST_S][usize::from(host - 1)], answer_of(service, host - 1, sequence)),
            };
            let expected = frames(give(&mut alone[usize::from(service)], now, Input::Frame { port, frame: frame.clone() }));
            prop_assert_eq!(frames(give(&mut together, now, Input::Frame { port, frame })), expected);
            let first = alone.iter().filter_map(|switch| switch.deadline()).map(|(at, _)| at).min();
            prop_assert_eq!(together.deadline().map(|(at, _)| at), first);
        }
    }
}
