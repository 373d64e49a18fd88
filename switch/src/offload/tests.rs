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
    is_v4: bool,
    vlan: bool,
    tcp_options: usize,
}

const TCP_V4: Shape = Shape { kind: GsoKind::TcpV4, is_v4: true, vlan: false, tcp_options: 0 };

/// A frame as a host hands it to a network card that cuts.
fn uncut(shape: Shape, flags: u8, payload: &[u8]) -> Vec<u8> {
    let tcp_len = 20 + shape.tcp_options;
    let (protocol, transport_len) = match shape.kind {
        GsoKind::TcpV4 | GsoKind::TcpV6 => (6, tcp_len),
        GsoKind::Udp => (17, 8),
    };
    let len = (transport_len + payload.len()) as u16;
    let mut frame = MACS.to_vec();
    if shape.vlan {
        frame.extend([0x81, 0x00, 0x60, 0x2a]);
    }
    if shape.is_v4 {
        frame.extend([0x08, 0x00, 0x45, 0]);
        frame.extend((20 + len).to_be_bytes());
        // Identification 0x00ff, do not fragment, 64 hops, a checksum that nobody has computed yet.
        frame.extend([0x00, 0xff, 0x40, 0, 64, protocol, 0, 0]);
        frame.extend(V4.0.octets().iter().chain(&V4.1.octets()));
    } else {
        frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
        frame.extend(len.to_be_bytes());
        frame.extend([protocol, 64]);
        frame.extend(V6.0.octets().iter().chain(&V6.1.octets()));
    }
    frame.extend([1_000_u16, 2_000].map(u16::to_be_bytes).as_flattened());
    match shape.kind {
        GsoKind::TcpV4 | GsoKind::TcpV6 => {
            frame.extend([SEQ, 5].map(u32::to_be_bytes).as_flattened());
            frame.extend([(tcp_len as u8 / 4) << 4, flags, 2, 0, 0xde, 0xad, 0, 0]);
            frame.resize(frame.len() + shape.tcp_options, 1);
        }
        GsoKind::Udp => frame.extend([len, 0xdead].map(u16::to_be_bytes).as_flattened()),
    }
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

/// The payload of a frame, and its number where it is TCP's. All lengths and checksums are right according to smoltcp.
fn verified(frame: &[u8], shape: Shape) -> (Option<i32>, &[u8]) {
    let packet = &EthernetFrame::new_checked(frame).unwrap().into_inner()[if shape.vlan { 18 } else { 14 }..];
    let (segment, src, dst): (_, IpAddress, IpAddress) = if shape.is_v4 {
        let ip = Ipv4Packet::new_checked(packet).unwrap();
        assert!(ip.verify_checksum());
        assert_eq!(usize::from(ip.total_len()), packet.len());
        (&packet[20..], ip.src_addr().into(), ip.dst_addr().into())
    } else {
        let ip = Ipv6Packet::new_checked(packet).unwrap();
        assert_eq!(ip.total_len(), packet.len());
        (&packet[40..], ip.src_addr().into(), ip.dst_addr().into())
    };
    match shape.kind {
        GsoKind::TcpV4 | GsoKind::TcpV6 => {
            let tcp = TcpPacket::new_checked(segment).unwrap();
            assert!(tcp.verify_checksum(&src, &dst));
            (Some(tcp.seq_number().0), &segment[usize::from(tcp.header_len())..])
        }
        GsoKind::Udp => {
            let udp = UdpPacket::new_checked(segment).unwrap();
            assert!(udp.checksum() != 0 && udp.verify_checksum(&src, &dst));
            assert_eq!(usize::from(udp.len()), segment.len());
            (None, &segment[8..])
        }
    }
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
        ([1, 5], [66, 1448, 34, 16], Offload { checksum: partial, gso: gso(GsoKind::Udp, false) }),
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
    assert_eq!(Offload::parse(&[1, 3, 0, 0, 9, 9, 0, 0, 0, 0]), Err(OffloadError::Kind(3)));
    assert_eq!(Offload::parse(&[1, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(OffloadError::SegmentSize));
}

#[test]
fn two_segments_byte_for_byte() {
    let mut frame = uncut(TCP_V4, FIN_PSH_ACK_CWR, b"abcde");
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
    let shape = Shape { kind: GsoKind::TcpV6, is_v4: false, vlan: true, tcp_options: 12 };
    let flags = |count: usize| {
        let frame = uncut(shape, FIN_PSH_ACK_CWR, &vec![7; count * 100]);
        let frames = cut(&frame, shape.kind, 100).unwrap();
        frames.iter().map(|frame| frame[18 + 40 + 13]).collect::<Vec<_>>()
    };
    assert_eq!(flags(1), [0x99]);
    assert_eq!(flags(2), [0x90, 0x19]);
    assert_eq!(flags(3), [0x90, 0x10, 0x19]);
}

#[test]
fn a_frame_without_payload_is_one_segment_and_padding_is_cut_off() {
    let mut frame = uncut(TCP_V4, 0x10, &[]);
    let len = frame.len();
    frame.resize(60, 0);
    let frames = cut(&frame, GsoKind::TcpV4, 100).unwrap();
    assert_eq!(frames.iter().map(Vec::len).collect::<Vec<_>>(), [len]);
    verified(&frames[0], TCP_V4);
}

#[test]
fn a_frame_that_is_not_what_its_header_names_is_refused() {
    let frame = uncut(TCP_V4, 0x10, b"payload");
    let changed = |at: usize, byte: u8| {
        let mut frame = frame.clone();
        frame[at] = byte;
        cut(&frame, GsoKind::TcpV4, 3)
    };
    assert_eq!(cut(&frame, GsoKind::TcpV6, 3), Err(OffloadError::OtherHeaders));
    assert_eq!(cut(&frame, GsoKind::Udp, 3), Err(OffloadError::OtherHeaders));
    assert_eq!(changed(13, 0x06), Err(OffloadError::OtherHeaders), "ARP");
    assert_eq!(changed(23, 17), Err(OffloadError::OtherHeaders), "UDP");
    assert_eq!(changed(20, 0x20), Err(OffloadError::OtherHeaders), "a fragment");
    assert_eq!(changed(14, 0x44), Err(OffloadError::OtherHeaders), "an IP header of 16 bytes");
    assert_eq!(changed(46, 0x40), Err(OffloadError::OtherHeaders), "a TCP header of 16 bytes");
    assert_eq!(changed(46, 0xf0), Err(OffloadError::OtherHeaders), "a TCP header longer than the packet");
    assert_eq!(changed(16, 0x10), Err(OffloadError::OtherHeaders), "a packet longer than the frame");
    assert_eq!(
        cut(&frame[..50], GsoKind::TcpV4, 3),
        Err(OffloadError::OtherHeaders),
        "a frame that is cut off"
    );
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
    (any::<bool>(), any::<bool>(), any::<bool>(), 0..=10_usize).prop_map(|(is_tcp, is_v4, vlan, words)| {
        let kind = match (is_tcp, is_v4) {
            (true, true) => GsoKind::TcpV4,
            (true, false) => GsoKind::TcpV6,
            (false, _) => GsoKind::Udp,
        };
        Shape { kind, is_v4, vlan, tcp_options: words * 4 }
    })
}

proptest! {
    #[test]
    fn segments_put_together_are_the_payload(
        shape in shapes(),
        payload in prop::collection::vec(any::<u8>(), 1..20_000),
        size in 1..9_000_u16,
    ) {
        let frames = cut(&uncut(shape, 0x18, &payload), shape.kind, size).unwrap();
        let mut received: Vec<u8> = Vec::new();
        for frame in &frames {
            let (number, part) = verified(frame, shape);
            prop_assert!(number.is_none_or(|seq| seq == SEQ.wrapping_add(received.len() as u32) as i32));
            prop_assert!(part.len() <= usize::from(size));
            received.extend(part);
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
        let mut frame = uncut(shape, 0x18, &[3; 100]);
        for (at, byte) in spoiled {
            // Among the headers, where a wrong byte is worth most.
            let at = at.index(80);
            frame[at] = byte;
        }
        frame.truncate(keep);
        let offload = Offload::parse(&header).unwrap_or(Offload {
            checksum: Some(Partial { start, offset: u16::from(header[1]) }),
            gso: Some(Gso { kind: shape.kind, size: u16::from(header[2]), header_len: 0, ecn: false }),
        });
        let _ = complete_checksum(&mut frame, Partial { start, offset: u16::from(header[1]) });
        let mut bytes = 0;
        let count = segment(&frame, offload, &mut Vec::new(), &mut |segment| bytes += segment.len());
        prop_assert!(count.is_ok() || bytes == 0, "an error after the first segment");
    }
}
