//! What a match can look at, parsed once from a frame and packed into seven words, so that masking, comparing and hashing
//! it costs seven operations each. Parsing is bounded and total: any bytes give a key or, if too short, none.

use super::field::Mac;
use super::layout::{ETH_IPV6, ICMP, Layout, Network, TCP, UDP, word};
use super::pattern::{self, Words};
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use std::fmt;
use std::net::Ipv6Addr;
use zerogap_proto::PortId;

/// The fields of one frame. ARP's addresses stand where IPv4's would, its operation where the source port would; a flag
/// each says whether the network and the transport header were sound, so that what is missing never looks like a zero.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(pub(super) Words);

impl Key {
    /// The key of `frame`, which came in by `in_port`; `None` if it is shorter than an Ethernet header.
    pub fn parse(in_port: PortId, frame: &[u8]) -> Option<Self> {
        let layout = Layout::of(frame)?;
        let mut key = Self([0; pattern::WORDS]);
        key.put(pattern::IN_PORT, in_port.0.into());
        key.put(pattern::ETH_DST, mac_bits(frame, 0));
        key.put(pattern::ETH_SRC, mac_bits(frame, 6));
        key.put(pattern::ETH_TYPE, layout.eth_type.into());
        if let Some(tag) = layout.tag {
            key.put(pattern::VLAN, u64::from(tag & 0x0fff | pattern::VLAN_PRESENT));
        }
        let packet = &frame[layout.network_at..];
        match layout.network {
            Network::Other => {}
            Network::Arp => {
                key.put(pattern::HAS_NETWORK, 1);
                key.put(pattern::HAS_TRANSPORT, 1);
                key.put(pattern::TRANSPORT_SRC, word(packet, 6).into());
                key.put(pattern::IPV4_SRC, address_bits(packet, 14));
                key.put(pattern::IPV4_DST, address_bits(packet, 24));
            }
            Network::Ipv4(ip) => {
                key.put(pattern::HAS_NETWORK, 1);
                key.put(pattern::IP_DSCP, u64::from(packet[1] >> 2));
                key.put(pattern::IP_PROTO, ip.proto.into());
                key.put(pattern::IPV4_SRC, address_bits(packet, 12));
                key.put(pattern::IPV4_DST, address_bits(packet, 16));
                if let (Some(at), false) = (ip.transport_at, ip.is_fragment) {
                    key.put_transport(ip.proto, &frame[at..]);
                }
            }
            Network::Ipv6(ip) => {
                key.put(pattern::HAS_NETWORK, 1);
                key.put(pattern::IP_DSCP, u64::from(word(packet, 0) >> 6 & 0x3f));
                key.put(pattern::IP_PROTO, ip.proto.into());
                for (at, place) in (8..).step_by(8).zip([pattern::IPV6_SRC, pattern::IPV6_DST].as_flattened())
                {
                    key.put(*place, long_bits(packet, at));
                }
                if let Some(at) = ip.transport_at {
                    key.put_transport(ip.proto, &frame[at..]);
                }
            }
        }
        Some(key)
    }

    fn put_transport(&mut self, proto: u8, header: &[u8]) {
        let (src, dst) = match proto {
            TCP | UDP => (word(header, 0), word(header, 2)),
            ICMP => (header[0].into(), header[1].into()),
            _ => return,
        };
        self.put(pattern::HAS_TRANSPORT, 1);
        self.put(pattern::TRANSPORT_SRC, src.into());
        self.put(pattern::TRANSPORT_DST, dst.into());
    }

    fn put(&mut self, place: pattern::Place, bits: u64) {
        self.0[place.word] |= bits << place.shift;
    }

    const fn get(&self, place: pattern::Place) -> u64 {
        self.0[place.word] >> place.shift & place.ones()
    }

    /// The port that the frame came in by.
    pub const fn in_port(&self) -> PortId {
        PortId(self.get(pattern::IN_PORT) as u16)
    }

    /// Source MAC address.
    pub const fn eth_src(&self) -> EthernetAddress {
        mac(self.get(pattern::ETH_SRC))
    }

    /// Destination MAC address.
    pub const fn eth_dst(&self) -> EthernetAddress {
        mac(self.get(pattern::ETH_DST))
    }

    /// The type of what the frame carries, behind a tag if there is one.
    pub const fn eth_type(&self) -> u16 {
        self.get(pattern::ETH_TYPE) as u16
    }

    /// The VLAN id, if the frame is tagged.
    pub const fn vlan(&self) -> Option<u16> {
        let bits = self.get(pattern::VLAN) as u16;
        if bits & pattern::VLAN_PRESENT == 0 { None } else { Some(bits & 0x0fff) }
    }

    /// IPv4's sender and receiver (of ARP: sender and target), if the frame carries them soundly.
    pub const fn addresses(&self) -> Option<(Ipv4Address, Ipv4Address)> {
        if self.get(pattern::HAS_NETWORK) == 0 || self.eth_type() == ETH_IPV6 {
            return None;
        }
        let src = Ipv4Address::from_bits(self.get(pattern::IPV4_SRC) as u32);
        Some((src, Ipv4Address::from_bits(self.get(pattern::IPV4_DST) as u32)))
    }

    /// IPv6's sender and receiver, if the frame carries them soundly.
    pub fn addresses_v6(&self) -> Option<(Ipv6Addr, Ipv6Addr)> {
        if self.get(pattern::HAS_NETWORK) == 0 || self.eth_type() != ETH_IPV6 {
            return None;
        }
        let whole = |[high, low]: [pattern::Place; 2]| {
            Ipv6Addr::from_bits(u128::from(self.get(high)) << 64 | u128::from(self.get(low)))
        };
        Some((whole(pattern::IPV6_SRC), whole(pattern::IPV6_DST)))
    }

    /// IPv4's protocol or IPv6's next header; 0 in frames without it.
    pub const fn ip_proto(&self) -> u8 {
        self.get(pattern::IP_PROTO) as u8
    }

    /// The DSCP; 0 in frames without it.
    pub const fn ip_dscp(&self) -> u8 {
        self.get(pattern::IP_DSCP) as u8
    }

    /// Ports of UDP and TCP, type and code of ICMP, operation (and 0) of ARP, if they are there.
    pub const fn transport(&self) -> Option<(u16, u16)> {
        if self.get(pattern::HAS_TRANSPORT) == 0 {
            return None;
        }
        Some((self.get(pattern::TRANSPORT_SRC) as u16, self.get(pattern::TRANSPORT_DST) as u16))
    }

    /// A hash of everything but the port and the DSCP: the same for all frames of a flow, whatever way they come.
    pub(super) fn flow_hash(&self) -> u64 {
        let mut words = self.0;
        words[pattern::IN_PORT.word] &= !(pattern::IN_PORT.ones() << pattern::IN_PORT.shift);
        words[pattern::IP_DSCP.word] &= !(pattern::IP_DSCP.ones() << pattern::IP_DSCP.shift);
        pattern::hash(&words)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (src, dst) = (Mac(self.eth_src()), Mac(self.eth_dst()));
        write!(f, "{} {src} > {dst} {:#06x} vlan {:?}", self.in_port(), self.eth_type(), self.vlan())?;
        if let Some(addresses) = self.addresses_v6() {
            write!(f, " {addresses:?}")?;
        }
        write!(f, " {:?} proto {} dscp {}", self.addresses(), self.ip_proto(), self.ip_dscp())?;
        write!(f, " {:?}", self.transport())
    }
}

const fn mac(bits: u64) -> EthernetAddress {
    let [_, _, a, b, c, d, e, f] = bits.to_be_bytes();
    EthernetAddress([a, b, c, d, e, f])
}

fn mac_bits(frame: &[u8], at: usize) -> u64 {
    u64::from(word(frame, at)) << 32 | address_bits(frame, at + 2)
}

/// The eight bytes at `at`, which are there.
fn long_bits(bytes: &[u8], at: usize) -> u64 {
    (at..at + 8).fold(0, |bits, at| bits << 8 | u64::from(bytes[at]))
}

fn address_bits(bytes: &[u8], at: usize) -> u64 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]).into()
}
