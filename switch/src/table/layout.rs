//! Where the headers of a frame are: Ethernet, at most one 802.1Q tag, then ARP, IPv4 or IPv6, with its transport header. Every
//! length is checked against the bytes that are there, so that what is found may be read and written without a further look.

/// Length of the two addresses, after which a tag stands.
pub(super) const ADDRESSES_LEN: usize = 12;
/// Length of an 802.1Q tag.
pub(super) const TAG_LEN: usize = 4;
/// The type that begins an 802.1Q tag.
pub(super) const TPID: u16 = 0x8100;
pub(super) const ETH_IPV4: u16 = 0x0800;
pub(super) const ETH_ARP: u16 = 0x0806;
pub(super) const ETH_IPV6: u16 = 0x86dd;
pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;

const ETHERNET_LEN: usize = 14;
const IPV4_LEN_MIN: usize = 20;
const IPV6_LEN: usize = 40;
const ARP_LEN: usize = 28;
/// Hardware type Ethernet, protocol type IPv4, and the lengths of their addresses (RFC 826).
const ARP_OF_IPV4: [u8; 6] = [0, 1, 8, 0, 6, 4];

/// Where the headers of one frame are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// The type of what follows the Ethernet header and its tag.
    pub(super) eth_type: u16,
    /// The tag's control information, if there is a tag.
    pub(super) tag: Option<u16>,
    /// Where the network header begins.
    pub(super) network_at: usize,
    /// What is there, as far as it can be trusted.
    pub(super) network: Network,
}

/// The network header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    /// Neither ARP nor IP, or not soundly so.
    Other,
    /// ARP for IPv4 over Ethernet.
    Arp,
    /// IPv4.
    Ipv4(Ipv4),
    /// IPv6.
    Ipv6(Ipv6),
}

/// What an IPv4 header says about what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv4 {
    pub(super) proto: u8,
    /// Where the transport header begins, if it is all there: not in any fragment but the first.
    pub(super) transport_at: Option<usize>,
    /// Whether the packet is a part of a larger one. Fragments have no ports, not even the first.
    pub(super) is_fragment: bool,
    /// Whether it is a part that does not begin with the transport header.
    pub(super) is_later_fragment: bool,
}

/// What an IPv6 header says about what follows it. Extension headers are not looked behind: fragments begin with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv6 {
    /// Of the header that stands next.
    pub(super) proto: u8,
    /// Where the header of TCP or UDP begins, if it stands next and is all there.
    pub(super) transport_at: Option<usize>,
}

impl Layout {
    /// The layout of `frame`; `None` if it is shorter than its Ethernet header.
    pub(super) fn of(frame: &[u8]) -> Option<Self> {
        if frame.len() < ETHERNET_LEN {
            return None;
        }
        let (tag, network_at) = match word(frame, ADDRESSES_LEN) {
            TPID if frame.len() >= ETHERNET_LEN + TAG_LEN => {
                (Some(word(frame, ETHERNET_LEN)), ETHERNET_LEN + TAG_LEN)
            }
            _ => (None, ETHERNET_LEN),
        };
        let eth_type = word(frame, network_at - 2);
        let packet = &frame[network_at..];
        let network = match eth_type {
            ETH_IPV4 => ipv4(packet, network_at).map_or(Network::Other, Network::Ipv4),
            ETH_IPV6 => ipv6(packet, network_at).map_or(Network::Other, Network::Ipv6),
            ETH_ARP if packet.len() >= ARP_LEN && packet[..6] == ARP_OF_IPV4 => Network::Arp,
            _ => Network::Other,
        };
        Some(Self { eth_type, tag, network_at, network })
    }
}

/// The two bytes at `at`, which are there.
pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn ipv4(packet: &[u8], at: usize) -> Option<Ipv4> {
    if packet.len() < IPV4_LEN_MIN || packet[0] >> 4 != 4 {
        return None;
    }
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    let total_len = usize::from(word(packet, 2));
    if header_len < IPV4_LEN_MIN || total_len < header_len || packet.len() < total_len {
        return None;
    }
    let fragment = word(packet, 6) & 0x3fff;
    let is_later_fragment = fragment & 0x1fff != 0;
    let needed_len = match packet[9] {
        TCP => 20,
        UDP | ICMP => 8,
        _ => 0,
    };
    let is_there = !is_later_fragment && total_len - header_len >= needed_len;
    Some(Ipv4 {
        proto: packet[9],
        transport_at: is_there.then_some(at + header_len),
        is_fragment: fragment != 0,
        is_later_fragment,
    })
}

fn ipv6(packet: &[u8], at: usize) -> Option<Ipv6> {
    if packet.len() < IPV6_LEN || packet[0] >> 4 != 6 {
        return None;
    }
    let payload_len = usize::from(word(packet, 4));
    if packet.len() < IPV6_LEN + payload_len {
        return None;
    }
    let proto = packet[6];
    let needed_len = match proto {
        TCP => 20,
        UDP => 8,
        _ => return Some(Ipv6 { proto, transport_at: None }),
    };
    Some(Ipv6 { proto, transport_at: (payload_len >= needed_len).then_some(at + IPV6_LEN) })
}
