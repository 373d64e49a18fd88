//! Frames as hosts build them, and as a person would describe them.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr, Ipv6Packet, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber, UdpPacket,
};
use zerogap_proto::Endpoint;
use zerogap_proto::frame::{Datagram, ETHERNET_LEN};

pub(super) const A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0x0a]);
pub(super) const B: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 0x0b]);
pub(super) const FROM: Ipv4Address = Ipv4Address::new(10, 1, 0, 1);
pub(super) const TO: Ipv4Address = Ipv4Address::new(10, 2, 0, 2);
/// Where IPv4's fragment word is in an untagged frame.
const FRAGMENT_AT: usize = ETHERNET_LEN + 6;

pub(super) fn udp(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let src = Endpoint { addr: FROM, port: src_port };
    let dst = Endpoint { addr: TO, port: dst_port };
    Datagram { src_mac: A, dst_mac: B, src, dst, payload_at: 0, payload }.build().to_vec()
}

pub(super) fn tcp(src_port: u16, dst_port: u16, payload: &[u8]) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port,
        dst_port,
        control: TcpControl::None,
        seq_number: TcpSeqNumber(7),
        ack_number: Some(TcpSeqNumber(9)),
        window_len: 100,
        window_scale: None,
        max_seg_size: None,
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload,
    };
    ipv4(IpProtocol::Tcp, tcp.buffer_len(), |bytes, checksums| {
        tcp.emit(&mut TcpPacket::new_unchecked(bytes), &FROM.into(), &TO.into(), checksums);
    })
}

pub(super) fn ping() -> Vec<u8> {
    let icmp = Icmpv4Repr::EchoRequest { ident: 1, seq_no: 2, data: b"ping" };
    ipv4(IpProtocol::Icmp, icmp.buffer_len(), |bytes, checksums| {
        icmp.emit(&mut Icmpv4Packet::new_unchecked(bytes), checksums);
    })
}

fn ipv4(
    next_header: IpProtocol,
    payload_len: usize,
    emit: impl FnOnce(&mut [u8], &ChecksumCapabilities),
) -> Vec<u8> {
    let ip = Ipv4Repr { src_addr: FROM, dst_addr: TO, next_header, payload_len, hop_limit: 64 };
    let at = ETHERNET_LEN + ip.buffer_len();
    let mut bytes = vec![0; at + payload_len];
    ethernet(&mut bytes, EthernetProtocol::Ipv4);
    let checksums = ChecksumCapabilities::default();
    ip.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[ETHERNET_LEN..]), &checksums);
    emit(&mut bytes[at..], &checksums);
    bytes
}

/// From 2001:db8:1::a to 2001:db8:2::b, code point 46.
pub(super) fn over_ipv6(next_header: IpProtocol, payload: &[u8]) -> Vec<u8> {
    const AT: usize = ETHERNET_LEN + 40;
    let mut bytes = vec![0; AT + payload.len()];
    ethernet(&mut bytes, EthernetProtocol::Ipv6);
    let mut ip = Ipv6Packet::new_unchecked(&mut bytes[ETHERNET_LEN..]);
    ip.set_version(6);
    ip.set_traffic_class(46 << 2);
    ip.set_payload_len(payload.len() as u16);
    ip.set_next_header(next_header);
    ip.set_src_addr("2001:db8:1::a".parse().expect("an address"));
    ip.set_dst_addr("2001:db8:2::b".parse().expect("an address"));
    bytes[AT..].copy_from_slice(payload);
    bytes
}

/// A UDP header and a payload of so many bytes.
pub(super) fn udp_header(src: u16, dst: u16, payload_len: usize) -> Vec<u8> {
    let words = [src, dst, (8 + payload_len) as u16, 0].map(u16::to_be_bytes).concat();
    [words, vec![0; payload_len]].concat()
}

/// A TCP header without options.
pub(super) fn tcp_header(src: u16, dst: u16) -> Vec<u8> {
    [&[src, dst].map(u16::to_be_bytes).concat()[..], &[0; 8], &[5 << 4], &[0; 7]].concat()
}

fn ethernet(bytes: &mut [u8], ethertype: EthernetProtocol) {
    EthernetRepr { src_addr: A, dst_addr: B, ethertype }.emit(&mut EthernetFrame::new_unchecked(bytes));
}

pub(super) fn arp_request() -> Vec<u8> {
    let arp = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: A,
        source_protocol_addr: FROM,
        target_hardware_addr: EthernetAddress([0; 6]),
        target_protocol_addr: TO,
    };
    let mut bytes = vec![0; ETHERNET_LEN + arp.buffer_len()];
    ethernet(&mut bytes, EthernetProtocol::Arp);
    arp.emit(&mut ArpPacket::new_unchecked(&mut bytes[ETHERNET_LEN..]));
    bytes
}

/// The same frame with a tag; the upper four bits of `tag` are its priority.
pub(super) fn tagged(mut frame: Vec<u8>, tag: u16) -> Vec<u8> {
    let [hi, lo] = tag.to_be_bytes();
    frame.splice(12..12, [0x81, 0, hi, lo]);
    frame
}

/// The same frame as a part of a larger packet; `offset` in units of eight bytes.
pub(super) fn fragment(mut frame: Vec<u8>, offset: u16, more: bool) -> Vec<u8> {
    let word = offset | if more { 0x2000 } else { 0 };
    frame[FRAGMENT_AT..FRAGMENT_AT + 2].copy_from_slice(&word.to_be_bytes());
    Ipv4Packet::new_unchecked(&mut frame[ETHERNET_LEN..]).fill_checksum();
    frame
}

/// The same untagged frame, all its checksums computed anew by smoltcp.
pub(super) fn recomputed(mut frame: Vec<u8>) -> Vec<u8> {
    let mut ip = Ipv4Packet::new_unchecked(&mut frame[ETHERNET_LEN..]);
    ip.fill_checksum();
    let (src, dst, proto) = (ip.src_addr().into(), ip.dst_addr().into(), ip.next_header());
    if proto == IpProtocol::Udp {
        UdpPacket::new_unchecked(ip.payload_mut()).fill_checksum(&src, &dst);
    } else if proto == IpProtocol::Tcp {
        TcpPacket::new_unchecked(ip.payload_mut()).fill_checksum(&src, &dst);
    }
    frame
}
