//! Frames for the tests of the switch, as clients, servers and their kernels send them, and all sorts of damaged ones.

use super::{AGV, ENDPOINT, P, SERVICE, VIP};
use proptest::prelude::*;
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use zerogap_proto::address::{service_addr, service_mac, virtual_mac};
use zerogap_proto::frame::{Datagram, ETHERNET_LEN};
use zerogap_proto::message::{BODY_LEN, Message};
use zerogap_proto::{ClientId, Endpoint, Incarnation, Kind, Offset, Sequence, Stamp};

pub(super) fn message(kind: Kind, sequence: u64, stamp: Stamp) -> Vec<u8> {
    let (client, client_incarnation, sequence) = (ClientId(1), Incarnation(0), Sequence(sequence));
    Message { kind, client, client_incarnation, sequence, stamp, body: &[7; BODY_LEN] }.to_bytes()
}

pub(super) fn agv() -> Endpoint {
    Endpoint { addr: service_addr(AGV), port: 40_000 }
}

pub(super) fn request(sequence: u64) -> Vec<u8> {
    let payload = message(Kind::Request, sequence, Stamp::default());
    let (src_mac, dst_mac) = (service_mac(AGV), virtual_mac(SERVICE));
    Datagram { src_mac, dst_mac, src: agv(), dst: ENDPOINT, payload_at: 0, payload: &payload }
        .build()
        .to_vec()
}

pub(super) fn answer(src_mac: EthernetAddress, life: u16, sequence: u64) -> Vec<u8> {
    let incarnation = Incarnation::of_life(life);
    let payload =
        message(Kind::Answer, sequence, Stamp { incarnation, offset: Offset(sequence), ..Stamp::default() });
    let dst_mac = service_mac(AGV);
    Datagram { src_mac, dst_mac, src: ENDPOINT, dst: agv(), payload_at: 0, payload: &payload }
        .build()
        .to_vec()
}

/// ARP as RFC 826 lays it out.
pub(super) fn arp(operation: u8, src: EthernetAddress, sender: Ipv4Address, target: Ipv4Address) -> Vec<u8> {
    let addresses = [&src.0[..], &sender.octets(), &[0; 6], &target.octets()].concat();
    [&[0xff; 6], &src.0[..], &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation], &addresses].concat()
}

/// An ICMP message in IPv4, checksums complete.
pub(super) fn icmp(
    src: (EthernetAddress, Ipv4Address),
    dst: (EthernetAddress, Ipv4Address),
    body: &[u8],
) -> Vec<u8> {
    let mut icmp = body.to_vec();
    let sum = checksum(&icmp);
    icmp[2..4].copy_from_slice(&sum.to_be_bytes());
    let len = (20 + icmp.len()) as u16;
    let [hi, lo] = len.to_be_bytes();
    let mut ip =
        [&[0x45, 0, hi, lo, 0, 0, 0x40, 0, 64, 1, 0, 0][..], &src.1.octets(), &dst.1.octets()].concat();
    let sum = checksum(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    [&dst.0.0[..], &src.0.0, &[8, 0], &ip, &icmp].concat()
}

pub(super) fn checksum(bytes: &[u8]) -> u16 {
    let sum: u32 = bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(*w.get(1).unwrap_or(&0))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !((sum & 0xffff) + (sum >> 16)) as u16
}

/// "Port unreachable" of a server's kernel about a request: it quotes 548 bytes of it, as Linux does.
pub(super) fn unreachable(src_mac: EthernetAddress) -> Vec<u8> {
    let quoted = &request(0)[ETHERNET_LEN..ETHERNET_LEN + 548];
    let body = [&[3, 3, 0, 0, 0, 0, 0, 0], quoted].concat();
    icmp((src_mac, VIP), (service_mac(AGV), agv().addr), &body)
}

/// Frames of every kind that the switch tells apart, some of them damaged.
pub(super) fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let mac = prop_oneof![
        Just(service_mac(P)),
        Just(service_mac(AGV)),
        Just(virtual_mac(SERVICE)),
        any::<[u8; 6]>().prop_map(EthernetAddress)
    ];
    let addr = || prop_oneof![Just(VIP), Just(agv().addr), Just(service_addr(P))];
    let whole = prop_oneof![
        4 => (0_u64..12).prop_map(request),
        4 => (mac.clone(), 0_u16..3, 0_u64..12).prop_map(|(mac, life, n)| answer(mac, life, n)),
        1 => (0_u8..3, mac.clone(), addr(), addr()).prop_map(|(op, mac, a, b)| arp(op, mac, a, b)),
        1 => mac.prop_map(unreachable),
        1 => prop::collection::vec(any::<u8>(), 0..200),
    ];
    let damage = prop::option::weighted(0.3, (any::<prop::sample::Index>(), any::<u8>(), any::<bool>()));
    (whole, damage).prop_map(|(mut bytes, damage)| {
        if let Some((at, with, cut)) = damage.filter(|_| !bytes.is_empty()) {
            // Mostly in the headers, where it hurts.
            let at = at.index(bytes.len().min(80));
            bytes[at] = with;
            bytes.truncate(if cut { at } else { bytes.len() });
        }
        bytes
    })
}
