//! What the switch itself says for a service's virtual address, ARP replies and ping replies, and what it overhears: a
//! server's host that tells the client "port unreachable". Wire formats are smoltcp's.

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
    Icmpv4Message, Icmpv4Packet, Icmpv4Repr, IpProtocol, Ipv4Address, Ipv4Packet, Ipv4Repr,
};
use zerogap_proto::Frame;
use zerogap_proto::frame::ETHERNET_LEN;

/// What an ICMP error quotes at least: an IPv4 header and eight bytes (RFC 792).
const QUOTED_MIN: usize = 28;

/// An ARP message: who speaks for which address, and whom it asks about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// The speaker's address.
    pub sender: Ipv4Address,
    /// Whose MAC address is wanted (or told).
    pub target: Ipv4Address,
    /// A question rather than an answer.
    pub is_request: bool,
}

/// The ARP message in a frame.
pub fn parse_arp(frame: &[u8]) -> Option<Arp> {
    let packet = arp_packet(frame)?;
    let ArpRepr::EthernetIpv4 { operation, source_protocol_addr, target_protocol_addr, .. } =
        ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    let is_request = operation == ArpOperation::Request;
    Some(Arp { sender: source_protocol_addr, target: target_protocol_addr, is_request })
}

/// The answer to the ARP request in `frame`: its target is at `mac`.
pub fn arp_reply(frame: &[u8], mac: EthernetAddress) -> Option<Frame> {
    let packet = arp_packet(frame)?;
    let ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr,
        source_protocol_addr,
        target_protocol_addr,
        ..
    } = ArpRepr::parse(&packet).ok()?
    else {
        return None;
    };
    let reply = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Reply,
        source_hardware_addr: mac,
        source_protocol_addr: target_protocol_addr,
        target_hardware_addr: source_hardware_addr,
        target_protocol_addr: source_protocol_addr,
    };
    let mut bytes = vec![0; ETHERNET_LEN + reply.buffer_len()];
    let ethernet =
        EthernetRepr { src_addr: mac, dst_addr: source_hardware_addr, ethertype: EthernetProtocol::Arp };
    ethernet.emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    reply.emit(&mut ArpPacket::new_unchecked(&mut bytes[ETHERNET_LEN..]));
    Some(bytes.into())
}

/// The answer to a ping of `addr`, if that is what the frame is.
pub fn ping_reply(frame: &[u8], addr: Ipv4Address, mac: EthernetAddress) -> Option<Frame> {
    let (ethernet, ip, icmp) = icmp_packet(frame)?;
    let checksums = ChecksumCapabilities::default();
    let Icmpv4Repr::EchoRequest { ident, seq_no, data } = Icmpv4Repr::parse(&icmp, &checksums).ok()? else {
        return None;
    };
    if ip.dst_addr() != addr {
        return None;
    }
    let reply = Icmpv4Repr::EchoReply { ident, seq_no, data };
    let header = Ipv4Repr {
        src_addr: addr,
        dst_addr: ip.src_addr(),
        next_header: IpProtocol::Icmp,
        payload_len: reply.buffer_len(),
        hop_limit: 64,
    };
    let mut bytes = vec![0; ETHERNET_LEN + header.buffer_len() + reply.buffer_len()];
    EthernetRepr { src_addr: mac, dst_addr: ethernet.src_addr(), ethertype: EthernetProtocol::Ipv4 }
        .emit(&mut EthernetFrame::new_unchecked(&mut bytes));
    header.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[ETHERNET_LEN..]), &checksums);
    let at = ETHERNET_LEN + header.buffer_len();
    reply.emit(&mut Icmpv4Packet::new_unchecked(&mut bytes[at..]), &checksums);
    Some(bytes.into())
}

/// The address that could not be reached, if the frame is an ICMP "destination unreachable" (RFC 792) about a datagram.
pub fn unreachable_destination(frame: &[u8]) -> Option<Ipv4Address> {
    let (_, _, icmp) = icmp_packet(frame)?;
    // Not by `Icmpv4Repr`: hosts quote no more than fits 576 bytes, and it refuses a datagram that was cut off.
    let quoted = Some(icmp.data()).filter(|quoted| quoted.len() >= QUOTED_MIN)?;
    let unreachable = icmp.msg_type() == Icmpv4Message::DstUnreachable;
    unreachable.then(|| Ipv4Packet::new_unchecked(quoted).dst_addr())
}

fn arp_packet(frame: &[u8]) -> Option<ArpPacket<&[u8]>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    (ethernet.ethertype() == EthernetProtocol::Arp).then_some(())?;
    ArpPacket::new_checked(&frame[ETHERNET_LEN..]).ok()
}

type IcmpParts<'a> = (EthernetFrame<&'a [u8]>, Ipv4Packet<&'a [u8]>, Icmpv4Packet<&'a [u8]>);

fn icmp_packet(frame: &[u8]) -> Option<IcmpParts<'_>> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    (ethernet.ethertype() == EthernetProtocol::Ipv4).then_some(())?;
    let ip = Ipv4Packet::new_checked(&frame[ETHERNET_LEN..]).ok()?;
    (ip.next_header() == IpProtocol::Icmp).then_some(())?;
    let from = ETHERNET_LEN + usize::from(ip.header_len());
    let icmp = Icmpv4Packet::new_checked(&frame[from..ETHERNET_LEN + usize::from(ip.total_len())]).ok()?;
    Some((ethernet, ip, icmp))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ME: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 9]);
    const CLIENT: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
    const VIP: Ipv4Address = Ipv4Address::new(10, 90, 255, 1);
    const CLIENT_ADDR: Ipv4Address = Ipv4Address::new(10, 90, 0, 1);

    fn arp_request() -> Vec<u8> {
        let repr = ArpRepr::EthernetIpv4 {
            operation: ArpOperation::Request,
            source_hardware_addr: CLIENT,
            source_protocol_addr: CLIENT_ADDR,
            target_hardware_addr: EthernetAddress([0; 6]),
            target_protocol_addr: VIP,
        };
        let mut bytes = vec![0; ETHERNET_LEN + repr.buffer_len()];
        EthernetRepr {
            src_addr: CLIENT,
            dst_addr: EthernetAddress::BROADCAST,
            ethertype: EthernetProtocol::Arp,
        }
        .emit(&mut EthernetFrame::new_unchecked(&mut bytes));
        repr.emit(&mut ArpPacket::new_unchecked(&mut bytes[ETHERNET_LEN..]));
        bytes
    }

    #[test]
    fn an_arp_request_is_answered_to_its_sender() {
        let request = arp_request();
        assert_eq!(parse_arp(&request), Some(Arp { sender: CLIENT_ADDR, target: VIP, is_request: true }));
        let reply = arp_reply(&request, ME).expect("a request");
        assert_eq!(parse_arp(&reply), Some(Arp { sender: VIP, target: CLIENT_ADDR, is_request: false }));
        assert_eq!(EthernetFrame::new_unchecked(&reply[..]).dst_addr(), CLIENT);
        assert!(arp_reply(&reply, ME).is_none(), "an answer is not answered");
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parsers_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120), ip: bool) {
            let mut bytes = bytes;
            if bytes.len() > ETHERNET_LEN + 10 {
                bytes[12..14].copy_from_slice(if ip { &[8, 0] } else { &[8, 6] });
                bytes[14] = 0x45;
                bytes[23] = 1;
            }
            let _ = (parse_arp(&bytes), arp_reply(&bytes, ME), ping_reply(&bytes, VIP, ME), unreachable_destination(&bytes));
        }
    }
}
