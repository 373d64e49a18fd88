//! Ethernet frames and the one place where bytes become headers and back. Parsing never trusts a length; building always
//! gives complete checksums. The wire formats are smoltcp's.

use crate::address::{Endpoint, node_of_mac};
use crate::id::NodeId;
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr,
    UdpPacket, UdpRepr,
};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Length of the Ethernet header in bytes.
pub const ETHERNET_LEN: usize = 14;
/// Length of the Ethernet, IPv4 (without options) and UDP headers in bytes.
pub const HEADERS_LEN: usize = ETHERNET_LEN + 20 + 8;

/// One Ethernet frame, shared between all its receivers; neither cloning nor making it from what was built copies.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame(Arc<Vec<u8>>);

impl Frame {
    /// A frame with these bytes, Ethernet header first, no FCS.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Arc::new(bytes.to_vec()))
    }

    /// The same frame from another interface.
    #[must_use]
    pub fn sent_by(mut self, mac: EthernetAddress) -> Self {
        if let Ok(mut ethernet) = EthernetFrame::new_checked(&mut Arc::make_mut(&mut self.0)[..]) {
            ethernet.set_src_addr(mac);
        }
        self
    }

    /// The node that it is addressed to, if that address follows the plan.
    pub fn addressee(&self) -> Option<NodeId> {
        let ethernet = EthernetFrame::new_checked(&self.0[..]).ok()?;
        node_of_mac(ethernet.dst_addr())
    }
}

impl Deref for Frame {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Frame {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} B)", self.0.len())
    }
}

/// A UDP datagram in an unfragmented IPv4 packet in an Ethernet frame, borrowed from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'a> {
    /// Source MAC address.
    pub src_mac: EthernetAddress,
    /// Destination MAC address.
    pub dst_mac: EthernetAddress,
    /// Sender.
    pub src: Endpoint,
    /// Receiver.
    pub dst: Endpoint,
    /// Where the payload begins in the frame.
    pub payload_at: usize,
    /// The payload.
    pub payload: &'a [u8],
}

impl<'a> Datagram<'a> {
    /// The datagram in `frame`; `None` for everything else (ARP, TCP, fragments, wrong lengths). Checksums are not
    /// verified here: the receiving host does it.
    pub fn parse(frame: &'a [u8]) -> Option<Self> {
        let eth = EthernetFrame::new_checked(frame).ok()?;
        if eth.ethertype() != EthernetProtocol::Ipv4 {
            return None;
        }
        let ip = Ipv4Packet::new_checked(&frame[ETHERNET_LEN..]).ok()?;
        if ip.next_header() != IpProtocol::Udp || ip.more_frags() || ip.frag_offset() != 0 {
            return None;
        }
        let ip_at = ETHERNET_LEN;
        let udp_at = ip_at + usize::from(ip.header_len());
        let udp = UdpPacket::new_checked(&frame[udp_at..ip_at + usize::from(ip.total_len())]).ok()?;
        let payload_at = udp_at + 8;
        Some(Self {
            src_mac: eth.src_addr(),
            dst_mac: eth.dst_addr(),
            src: Endpoint { addr: ip.src_addr(), port: udp.src_port() },
            dst: Endpoint { addr: ip.dst_addr(), port: udp.dst_port() },
            payload_at,
            payload: &frame[payload_at..udp_at + usize::from(udp.len())],
        })
    }

    /// The frame that carries this datagram (`payload_at` is not looked at), with complete checksums.
    pub fn build(&self) -> Frame {
        let udp = UdpRepr { src_port: self.src.port, dst_port: self.dst.port };
        let ip = Ipv4Repr {
            src_addr: self.src.addr,
            dst_addr: self.dst.addr,
            next_header: IpProtocol::Udp,
            payload_len: 8 + self.payload.len(),
            hop_limit: 64,
        };
        let mut bytes = vec![0; HEADERS_LEN + self.payload.len()];
        EthernetRepr { src_addr: self.src_mac, dst_addr: self.dst_mac, ethertype: EthernetProtocol::Ipv4 }
            .emit(&mut EthernetFrame::new_unchecked(&mut bytes));
        let checksums = ChecksumCapabilities::default();
        ip.emit(&mut Ipv4Packet::new_unchecked(&mut bytes[ETHERNET_LEN..]), &checksums);
        udp.emit(
            &mut UdpPacket::new_unchecked(&mut bytes[ETHERNET_LEN + 20..]),
            &self.src.addr.into(),
            &self.dst.addr.into(),
            self.payload.len(),
            |payload| payload.copy_from_slice(self.payload),
            &checksums,
        );
        bytes.into()
    }

    /// Whether the UDP checksum is right (or absent, as IPv4 allows).
    pub fn checksum_ok(frame: &'a [u8]) -> bool {
        let Some(d) = Self::parse(frame) else { return false };
        let udp_at = d.payload_at - 8;
        UdpPacket::new_checked(&frame[udp_at..d.payload_at + d.payload.len()])
            .is_ok_and(|udp| udp.verify_checksum(&d.src.addr.into(), &d.dst.addr.into()))
    }
}

/// Overwrites `bytes[at..at + new.len()]` and corrects the Internet checksum at `checksum_at` for it (RFC 1624, eqn. 3).
/// `at` and the length must be even, relative to the start of what the checksum covers. A UDP checksum of 0 (absent)
/// stays 0; one that becomes 0 is written as 0xffff (RFC 768).
pub fn patch_with_checksum(bytes: &mut [u8], at: usize, new: &[u8], checksum_at: usize) {
    let old_sum = u16::from_be_bytes([bytes[checksum_at], bytes[checksum_at + 1]]);
    let mut sum = u32::from(!old_sum);
    for (i, pair) in new.chunks_exact(2).enumerate() {
        let here = at + 2 * i;
        sum += u32::from(!u16::from_be_bytes([bytes[here], bytes[here + 1]]));
        sum += u32::from(u16::from_be_bytes([pair[0], pair[1]]));
    }
    bytes[at..at + new.len()].copy_from_slice(new);
    if old_sum == 0 {
        return;
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    let folded = !(sum as u16);
    let written = if folded == 0 { 0xffff } else { folded };
    bytes[checksum_at..checksum_at + 2].copy_from_slice(&written.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::{service_addr, service_mac};
    use crate::id::NodeId;
    use proptest::prelude::*;

    fn frame(payload: &[u8]) -> Frame {
        let (a, b) = (NodeId(1), NodeId(2));
        Datagram {
            src_mac: service_mac(a),
            dst_mac: service_mac(b),
            src: Endpoint { addr: service_addr(a), port: 40_000 },
            dst: Endpoint { addr: service_addr(b), port: 9_000 },
            payload_at: 0,
            payload,
        }
        .build()
    }

    #[test]
    fn a_frame_from_another_interface_is_the_same_but_for_its_source_and_the_first_stays_as_it_was() {
        let (first, other) = (frame(b"hello"), service_mac(NodeId(9)));
        let sent = first.clone().sent_by(other);
        assert_eq!((&sent[..6], &sent[6..12], &sent[12..]), (&first[..6], other.as_bytes(), &first[12..]));
        assert_eq!(first, frame(b"hello"));
        assert!(Datagram::checksum_ok(&sent), "no checksum covers it");
    }

    proptest! {
        #[test]
        fn what_is_built_parses_to_the_same(payload in proptest::collection::vec(any::<u8>(), 0..1400)) {
            let frame = frame(&payload);
            let d = Datagram::parse(&frame).expect("parses");
            prop_assert_eq!(d.payload, &payload[..]);
            prop_assert_eq!(d.payload_at, HEADERS_LEN);
            prop_assert!(Datagram::checksum_ok(&frame));
        }

        #[test]
        fn parsing_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Datagram::parse(&bytes);
        }

        #[test]
        fn a_patched_frame_has_a_right_checksum(
            payload in proptest::collection::vec(any::<u8>(), 40..600),
            new in proptest::array::uniform8(any::<u8>()),
        ) {
            let mut bytes = frame(&payload).to_vec();
            patch_with_checksum(&mut bytes, HEADERS_LEN + 24, &new, HEADERS_LEN - 2);
            prop_assert!(Datagram::checksum_ok(&bytes));
        }
    }
}
