//! What a virtio-net header says, and that cut frames are what the sender's own network stack would have sent.

use super::*;
use proptest::prelude::*;
use smoltcp::wire::{
    EthernetFrame, IpAddress, Ipv4Address, Ipv4Packet, Ipv6Address, Ipv6Packet, TcpPacket, UdpPacket,
};

const MACS: [u8; 12] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1];
const V4: (Ipv4Address, Ipv4Address) = (Ipv4Address::new(10, 0, 0, 1), Ipv4Address::new(10, 0, 0, 2));
const V6: (Ipv6Address, Ipv6Address) =
    (Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 1), Ipv6Address::new(0xfd00, 0, 0, 0, 0, 0, 0, 2));
const SEQ: u32 = u32::MAX - 5_000;
const FIN_PSH_ACK_CWR: u8 = 0x99;

/// How a test frame looks.
#[derive(Clone, Copy, Debug)]
struct Shape {
    kind: GsoKind,
    vlan: bool,
    tcp_options: usize,
}

/// A frame as a host's TCP hands it to a network card with TSO.
fn tso_frame(shape: Shape, flags: u8, payload: &[u8]) -> Vec<u8> {
    let tcp_len = 20 + shape.tcp_options;
    let mut frame = MACS.to_vec();
    if shape.vlan {
        frame.extend([0x81, 0x00, 0x60, 0x2a]);
    }
    match shape.kind {
        GsoKind::TcpV4 => {
            frame.extend([0x08, 0x00, 0x45, 0]);
            frame.extend((20 + tcp_len as u16 + payload.len() as u16).to_be_bytes());
            // Identification 0x00ff, do not fragment, 64 hops, TCP, a checksum that nobody has computed yet.
            frame.extend([0x00, 0xff, 0x40, 0, 64, 6, 0, 0]);
            frame.extend(V4.0.octets().iter().chain(&V4.1.octets()));
        }
        GsoKind::TcpV6 => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((tcp_len as u16 + payload.len() as u16).to_be_bytes());
            frame.extend([6, 64]);
            frame.extend(V6.0.octets().iter().chain(&V6.1.octets()));
        }
    }
    frame.extend([1_000_u16, 2_000].map(u16::to_be_bytes).as_flattened());
    frame.extend([SEQ, 5].map(u32::to_be_bytes).as_flattened());
    frame.extend([(tcp_len as u8 / 4) << 4, flags, 2, 0, 0xde, 0xad, 0, 0]);
    frame.resize(frame.len() + shape.tcp_options, 1);
    frame.extend(payload);
    frame
}

fn cut(frame: &[u8], kind: GsoKind, size: u16) -> Result<Vec<Vec<u8>>, OffloadError> {
    let gso = Some(Gso { kind, size, header_len: 0, ecn: false });
    let mut frames = Vec::new();
    let offload = Offload { checksum: None, gso };
    let count = segment(frame, offload, &mut Vec::new(), &mut |segment| frames.push(segment.to_vec()))?;
    assert_eq!(count, frames.len());
    Ok(frames)
}

/// The TCP segment in a frame all of whose lengths and checksums smoltcp finds right.
fn verified(frame: &[u8], shape: Shape) -> TcpPacket<&[u8]> {
    let packet = &EthernetFrame::new_checked(frame).unwrap().into_inner()[if shape.vlan { 18 } else { 14 }..];
    let (segment, src, dst): (_, IpAddress, IpAddress) = match shape.kind {
        GsoKind::TcpV4 => {
            let ip = Ipv4Packet::new_checked(packet).unwrap();
            assert!(ip.verify_checksum());
            assert_eq!(usize::from(ip.total_len()), packet.len());
            (&packet[20..], ip.src_addr().into(), ip.dst_addr().into())
        }
        GsoKind::TcpV6 => {
            let ip = Ipv6Packet::new_checked(packet).unwrap();
            assert_eq!(ip.total_len(), packet.len());
            (&packet[40..], ip.src_addr().into(), ip.dst_addr().into())
        }
    };
    let tcp = TcpPacket::new_checked(segment).unwrap();
    assert!(tcp.verify_checksum(&src, &dst));
    tcp
}

#[test]
fn a_header_says_what_the_kernel_means() {
    let le = |words: [u16; 4]| words.map(u16::to_ne_bytes).as_flattened().to_vec();
    let partial = Some(Partial { start: 34, offset: 16 });
    let gso = |kind, ecn| Some(Gso { kind, size: 1448, header_len: 66, ecn });
    let table = [
        ([0, 0], [0, 0, 0, 0], Offload::default()),
        ([1, 0], [0, 0, 34, 16], Offload { checksum: partial, gso: None }),
        ([1, 1], [66, 1448, 34, 16], Offload { checksum: partial, gso: gso(GsoKind::TcpV4, false) }),
        ([1, 4], [66, 1448, 34, 16], Offload { checksum: partial, gso: gso(GsoKind::TcpV6, false) }),
        ([1, 0x81], [66, 1448, 34, 16], Offload { checksum: partial, gso: gso(GsoKind::TcpV4, true) }),
    ];
    for (bytes, words, offload) in table {
        let header = [&bytes[..], &le(words)].concat();
        assert_eq!(Offload::parse(&header), Ok(offload));
        let mut emitted = [0xff; Offload::HEADER_LEN];
        offload.emit(&mut emitted);
        assert_eq!(emitted[..], header[..]);
        assert_eq!(offload.is_none(), bytes == [0, 0]);
    }
    // Verified on reception is no less complete than said to be so.
    assert_eq!(Offload::parse(&[2, 0, 0, 0, 0, 0, 0, 0, 0, 0]), Ok(Offload::default()));
}

#[test]
fn a_header_that_makes_no_sense_is_refused() {
    assert_eq!(Offload::parse(&[0; 9]), Err(OffloadError::ShortHeader(9)));
    assert_eq!(Offload::parse(&[1, 5, 0, 0, 9, 9, 0, 0, 0, 0]), Err(OffloadError::Kind(5)));
    assert_eq!(Offload::parse(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(OffloadError::SegmentSize));
}

#[test]
fn two_segments_byte_for_byte() {
    let shape = Shape { kind: GsoKind::TcpV4, vlan: false, tcp_options: 0 };
    let mut frame = tso_frame(shape, FIN_PSH_ACK_CWR, b"abcde");
    frame[38..42].copy_from_slice(&[1, 2, 3, 4]);
    let frames = cut(&frame, GsoKind::TcpV4, 3).unwrap();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // Lengths 43 and 42, identification counting on, CWR and ACK, then FIN, PSH and ACK; sums by an independent program.
    let first = "4500002b00ff4000400625cc0a0000010a00000203e807d0010203040000000550900200c5290000616263";
    let second = "4500002a01004000400625cc0a0000010a00000203e807d0010203070000000550190200259c00006465";
    assert_eq!(frames.iter().map(|frame| hex(&frame[14..])).collect::<Vec<_>>(), [first, second]);
    assert!(frames.iter().all(|segment| segment[..14] == frame[..14]));
}

#[test]
fn flags_stay_with_the_segment_that_they_belong_to() {
    let shape = Shape { kind: GsoKind::TcpV6, vlan: true, tcp_options: 12 };
    let flags = |count: usize| {
        let frame = tso_frame(shape, FIN_PSH_ACK_CWR, &vec![7; count * 100]);
        let frames = cut(&frame, shape.kind, 100).unwrap();
        frames.iter().map(|frame| frame[18 + 40 + 13]).collect::<Vec<_>>()
    };
    assert_eq!(flags(1), [0x99]);
    assert_eq!(flags(2), [0x90, 0x19]);
    assert_eq!(flags(3), [0x90, 0x10, 0x19]);
}

#[test]
fn a_frame_without_payload_is_one_segment_and_padding_is_cut_off() {
    let shape = Shape { kind: GsoKind::TcpV4, vlan: false, tcp_options: 0 };
    let mut frame = tso_frame(shape, 0x10, &[]);
    let len = frame.len();
    frame.resize(60, 0);
    let frames = cut(&frame, shape.kind, 100).unwrap();
    assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [len]);
    verified(&frames[0], shape);
}

#[test]
fn what_is_not_the_tcp_that_the_header_names_is_refused() {
    let v4 = Shape { kind: GsoKind::TcpV4, vlan: false, tcp_options: 0 };
    let frame = tso_frame(v4, 0x10, b"payload");
    let changed = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        cut(&frame, GsoKind::TcpV4, 3)
    };
    assert_eq!(cut(&frame, GsoKind::TcpV6, 3), Err(OffloadError::NotTcp));
    assert_eq!(changed(13, 0x06), Err(OffloadError::NotTcp), "ARP");
    assert_eq!(changed(23, 17), Err(OffloadError::NotTcp), "UDP");
    assert_eq!(changed(20, 0x20), Err(OffloadError::NotTcp), "a fragment");
    assert_eq!(changed(14, 0x44), Err(OffloadError::NotTcp), "an IP header of 16 bytes");
    assert_eq!(changed(46, 0x40), Err(OffloadError::NotTcp), "a TCP header of 16 bytes");
    assert_eq!(changed(46, 0xf0), Err(OffloadError::NotTcp), "a TCP header longer than the packet");
    assert_eq!(changed(16, 0x10), Err(OffloadError::NotTcp), "a packet longer than the frame");
    assert_eq!(cut(&frame[..50], GsoKind::TcpV4, 3), Err(OffloadError::NotTcp), "a frame that is cut off");
    assert_eq!(cut(&frame, GsoKind::TcpV4, 0), Err(OffloadError::SegmentSize));
}

#[test]
fn a_checksum_is_completed_in_place() {
    for payload in [&b"odd"[..], b"even"] {
        let mut frame = [&MACS[..], &[0x08, 0, 0x45, 0, 0, 28 + payload.len() as u8]].concat();
        frame.extend([0, 0, 0, 0, 64, 17, 0, 0]);
        frame.extend(V4.0.octets().iter().chain(&V4.1.octets()));
        let len = 8 + payload.len() as u16;
        // What the kernel leaves in the field: the sum of addresses, protocol and length.
        let pseudo = 2 * 0x0a00 + 1 + 2 + 17 + len;
        frame.extend([1_000_u16, 2_000, len, pseudo].map(u16::to_be_bytes).as_flattened());
        frame.extend(payload);
        complete_checksum(&mut frame, Partial { start: 34, offset: 6 }).unwrap();
        let udp = UdpPacket::new_checked(&frame[34..]).unwrap();
        assert!(udp.verify_checksum(&V4.0.into(), &V4.1.into()));
    }
}

#[test]
fn a_checksum_that_comes_to_nothing_is_written_as_its_equal() {
    // The only other word is 0xffff, whose checksum is 0; in UDP that would say that there is none.
    let mut frame = [0xff, 0xff, 0, 0];
    complete_checksum(&mut frame, Partial { start: 0, offset: 2 }).unwrap();
    assert_eq!(frame, [0xff; 4]);
}

#[test]
fn a_checksum_outside_the_frame_is_refused() {
    let outside = |start, offset| Err(OffloadError::ChecksumOutside { start, offset, len: 60 });
    for (start, offset) in [(60, 0), (34, 25), (34, u16::MAX), (u16::MAX, u16::MAX)] {
        assert_eq!(complete_checksum(&mut [0; 60], Partial { start, offset }), outside(start, offset));
    }
    assert_eq!(complete_checksum(&mut [0; 60], Partial { start: 34, offset: 24 }), Ok(()));
}

#[test]
fn a_frame_that_needs_no_cutting_is_completed_and_handed_on() {
    let offload = Offload { checksum: Some(Partial { start: 0, offset: 2 }), gso: None };
    let mut frames = Vec::new();
    let count = segment(&[0, 1, 0, 0], offload, &mut Vec::new(), &mut |frame| frames.push(frame.to_vec()));
    assert_eq!((count, frames), (Ok(1), vec![vec![0, 1, 0xff, 0xfe]]));
}

fn shapes() -> impl Strategy<Value = Shape> {
    let kind = prop_oneof![Just(GsoKind::TcpV4), Just(GsoKind::TcpV6)];
    (kind, any::<bool>(), 0..=10_usize).prop_map(|(kind, vlan, words)| Shape {
        kind,
        vlan,
        tcp_options: words * 4,
    })
}

proptest! {
    #[test]
    fn segments_put_together_are_the_payload(
        shape in shapes(),
        payload in prop::collection::vec(any::<u8>(), 1..20_000),
        size in 1..9_000_u16,
    ) {
        let frames = cut(&tso_frame(shape, 0x18, &payload), shape.kind, size).unwrap();
        let mut received: Vec<u8> = Vec::new();
        for frame in &frames {
            let tcp = verified(frame, shape);
            prop_assert_eq!(tcp.seq_number().0, SEQ.wrapping_add(received.len() as u32) as i32);
            prop_assert!(tcp.payload().len() <= usize::from(size));
            received.extend(tcp.payload());
        }
        prop_assert_eq!(frames.len(), payload.len().div_ceil(usize::from(size)));
        prop_assert!(received == payload);
    }

    #[test]
    fn no_bytes_make_it_panic(
        header in any::<[u8; Offload::HEADER_LEN]>(),
        start in 0..80_u16,
        shape in shapes(),
        spoiled in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        keep in 0..200_usize,
    ) {
        let mut frame = tso_frame(shape, 0x18, &[3; 100]);
        for (at, byte) in spoiled {
            // Among the headers, where a wrong byte is worth most.
            let at = at.index(80);
            frame[at] = byte;
        }
        frame.truncate(keep);
        let kind = if header[0] & 1 == 0 { GsoKind::TcpV4 } else { GsoKind::TcpV6 };
        let offload = Offload::parse(&header).unwrap_or(Offload {
            checksum: Some(Partial { start, offset: u16::from(header[1]) }),
            gso: Some(Gso { kind, size: u16::from(header[2]), header_len: 0, ecn: false }),
        });
        let _ = complete_checksum(&mut frame, Partial { start, offset: u16::from(header[1]) });
        let mut bytes = 0;
        let count = segment(&frame, offload, &mut Vec::new(), &mut |segment| bytes += segment.len());
        prop_assert!(count.is_ok() || bytes == 0, "an error after the first segment");
    }
}
