//! Changed fields: they are what they were set to, nothing else is different, and checksums are what smoltcp computes.

use super::super::rewrite::{Unfit, pop_vlan, push_vlan, set};
use super::super::{Key, SetFields};
use super::frames::{fragment, ping, recomputed, tagged, tcp, udp};
use super::read;
use crate::offload::{Gso, GsoKind, Offload, Partial, complete_checksum};
use proptest::option;
use proptest::prelude::*;
use smoltcp::wire::Ipv4Address;
use zerogap_proto::PortId;

const TRANSPORT_AT: usize = 34;

prop_compose! {
    fn fields(is_udp: bool)(
        src in option::of(any::<u32>()), dst in option::of(any::<u32>()), ip_dscp in option::of(0..64_u8),
        ports in (option::of(any::<u16>()), option::of(any::<u16>())),
    ) -> SetFields {
        let [ipv4_src, ipv4_dst] = [src, dst].map(|bits| bits.map(Ipv4Address::from_bits));
        let rest = SetFields { ipv4_src, ipv4_dst, ip_dscp, ..SetFields::default() };
        if is_udp { SetFields { udp_src: ports.0, udp_dst: ports.1, ..rest } } else { SetFields { tcp_src: ports.0, tcp_dst: ports.1, ..rest } }
    }
}

fn checksum_offset(is_udp: bool) -> usize {
    if is_udp { 6 } else { 16 }
}

fn build(is_udp: bool, payload: &[u8]) -> Vec<u8> {
    if is_udp { udp(1_000, 2_000, payload) } else { tcp(1_000, 2_000, payload) }
}

/// The frame as a sender with offload gives it: the sum of the pseudo header in the checksum's place.
fn with_partial(mut frame: Vec<u8>, is_udp: bool) -> (Vec<u8>, Offload) {
    let at = TRANSPORT_AT + checksum_offset(is_udp);
    let len = (frame.len() - TRANSPORT_AT) as u16;
    let mut pseudo = frame[26..34].to_vec();
    pseudo.extend([0, frame[23]]);
    pseudo.extend(len.to_be_bytes());
    let sum: u32 = pseudo.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    frame[at..at + 2].copy_from_slice(&((sum & 0xffff) as u16 + (sum >> 16) as u16).to_be_bytes());
    let partial = Partial { start: TRANSPORT_AT as u16, offset: checksum_offset(is_udp) as u16 };
    (frame, Offload { checksum: Some(partial), gso: None })
}

proptest! {
    #[test]
    fn corrected_checksums_are_those_that_smoltcp_computes(
        (is_udp, fields) in any::<bool>().prop_flat_map(|is_udp| (Just(is_udp), fields(is_udp))),
        payload in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let before = build(is_udp, &payload);
        let mut after = before.clone();
        prop_assert_eq!(set(&mut after, Offload::default(), &fields), Ok(()));
        prop_assert_eq!(&after, &recomputed(after.clone()));

        let key = Key::parse(PortId(0), &after).expect("whole");
        let old = Key::parse(PortId(0), &before).expect("whole");
        let (was, ports) = (old.addresses().expect("IPv4"), old.transport().expect("ports"));
        let addresses = (fields.ipv4_src.unwrap_or(was.0), fields.ipv4_dst.unwrap_or(was.1));
        prop_assert_eq!(key.addresses(), Some(addresses));
        let src = fields.udp_src.or(fields.tcp_src).unwrap_or(ports.0);
        prop_assert_eq!(key.transport(), Some((src, fields.udp_dst.or(fields.tcp_dst).unwrap_or(ports.1))));
        prop_assert_eq!(key.ip_dscp(), fields.ip_dscp.unwrap_or(0));
        prop_assert_eq!(&after[after.len() - payload.len()..], &payload[..]);
    }

    #[test]
    fn a_partial_checksum_stays_partial_and_completes_to_the_right_one(
        (is_udp, fields) in any::<bool>().prop_flat_map(|is_udp| (Just(is_udp), fields(is_udp))),
        payload in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let (mut frame, offload) = with_partial(build(is_udp, &payload), is_udp);
        prop_assert_eq!(set(&mut frame, offload, &fields), Ok(()));
        complete_checksum(&mut frame, offload.checksum.expect("partial")).expect("inside the frame");
        let at = TRANSPORT_AT + checksum_offset(is_udp);
        if !is_udp && frame[at..at + 2] == [0xff; 2] {
            // In TCP both are zero; smoltcp writes the other.
            frame[at..at + 2].fill(0);
        }
        prop_assert_eq!(&frame, &recomputed(frame.clone()));
    }

    #[test]
    fn a_tag_that_is_put_on_and_taken_off_leaves_the_frame_and_its_offload_as_they_were(
        payload in proptest::collection::vec(any::<u8>(), 0..64), id in 0..4096_u16, other in 0..4096_u16,
    ) {
        let (frame, partial) = with_partial(build(false, &payload), false);
        let gso = Gso { kind: GsoKind::TcpV4, size: 10, header_len: 54, ecn: false };
        let before = Offload { gso: Some(gso), ..partial };
        let (mut frames, mut offload) = ([&[7; 3], &frame[..]].concat(), before);
        prop_assert_eq!(push_vlan(&mut frames, 3, &mut offload, id), Ok(()));
        prop_assert_eq!(&frames[3..], &tagged(frame.clone(), id)[..]);
        prop_assert_eq!(offload.checksum.map(|partial| partial.start), Some(38));
        prop_assert_eq!(offload.gso.map(|gso| gso.header_len), Some(58));
        prop_assert_eq!(push_vlan(&mut frames, 3, &mut offload, id), Err(Unfit));

        let fields = SetFields { vlan: Some(other), ..SetFields::default() };
        prop_assert_eq!(set(&mut frames[3..], offload, &fields), Ok(()));
        prop_assert_eq!(&frames[3..], &tagged(frame.clone(), other)[..]);
        prop_assert_eq!(pop_vlan(&mut frames, 3, &mut offload), Ok(()));
        prop_assert_eq!((&frames[3..], offload), (&frame[..], before));
        prop_assert_eq!(pop_vlan(&mut frames, 3, &mut offload), Err(Unfit));
    }

    #[test]
    fn no_bytes_make_a_change_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in 0..4_u8, start in any::<u16>(),
        is_udp: bool, fields in any::<bool>().prop_flat_map(fields), vlan in option::of(0..4096_u16),
    ) {
        let mut bytes = bytes;
        let whole = if is_udp { udp(1, 2, b"") } else { tcp(1, 2, b"") };
        let known = [0, 14, 24, 40][usize::from(kind)].min(bytes.len());
        bytes[..known].copy_from_slice(&whole[..known]);
        let offload = Offload { checksum: Some(Partial { start, offset: 6 }), gso: None };
        let _ = set(&mut bytes.clone(), offload, &SetFields { vlan, ..fields });
        let mut moving = offload;
        let _ = push_vlan(&mut bytes, 0, &mut moving, 5);
        let _ = pop_vlan(&mut bytes, 0, &mut moving);
    }
}

#[test]
fn a_datagram_without_a_checksum_stays_without_and_damage_stays_visible() {
    let fields: SetFields = read(r#"{"ipv4_dst": "192.0.2.1", "udp_dst": 9}"#);
    let mut absent = udp(1, 2, b"x");
    absent[40..42].fill(0);
    assert_eq!(set(&mut absent, Offload::default(), &fields), Ok(()));
    assert_eq!(absent[40..42], [0, 0]);

    let mut damaged = udp(1, 2, b"x");
    damaged[42] ^= 1;
    assert_eq!(set(&mut damaged, Offload::default(), &fields), Ok(()));
    assert_ne!(damaged, recomputed(damaged.clone()));
}

#[test]
fn a_fragment_takes_new_addresses_but_no_new_ports() {
    let addresses: SetFields = read(r#"{"ipv4_src": "192.0.2.1"}"#);
    let ports: SetFields = read(r#"{"udp_dst": 9}"#);
    let mut first = fragment(udp(1, 2, b"12345678"), 0, true);
    assert_eq!(set(&mut first, Offload::default(), &addresses), Ok(()));
    assert_eq!(first, recomputed(first.clone()), "the checksum is in the first fragment");
    let mut later = fragment(udp(1, 2, b"12345678"), 4, false);
    let payload = later[TRANSPORT_AT..].to_vec();
    assert_eq!(set(&mut later, Offload::default(), &addresses), Ok(()));
    assert_eq!(later[TRANSPORT_AT..], payload, "what looks like a checksum is payload");
    for mut frame in [first, later] {
        assert_eq!(set(&mut frame, Offload::default(), &ports), Err(Unfit));
    }
    let mut tiny = fragment(tcp(1, 2, b""), 0, true);
    tiny.truncate(TRANSPORT_AT + 8);
    tiny[16..18].copy_from_slice(&28_u16.to_be_bytes());
    assert_eq!(set(&mut tiny, Offload::default(), &addresses), Err(Unfit), "its checksum is elsewhere");
}

#[test]
fn what_a_frame_does_not_have_cannot_be_changed() {
    for (frame, fields) in [
        (udp(1, 2, b""), r#"{"tcp_dst": 9}"#),
        (ping(), r#"{"udp_dst": 9}"#),
        (super::frames::arp_request(), r#"{"ipv4_dst": "192.0.2.1"}"#),
        (udp(1, 2, b""), r#"{"vlan": 9}"#),
    ] {
        let mut frame = frame;
        assert_eq!(set(&mut frame, Offload::default(), &read(fields)), Err(Unfit), "{fields}");
    }
    let mut ping = ping();
    assert_eq!(set(&mut ping, Offload::default(), &read(r#"{"ipv4_dst": "192.0.2.1"}"#)), Ok(()));
    assert_eq!(ping, recomputed(ping.clone()), "ICMP's checksum does not cover addresses");
}
