//! What a flow asks of a frame, as people write it: `{in_port: a, eth_type: ipv4, ipv4_dst: 10.0.0.0/8}`. A field stands
//! only where the fields that give it a meaning stand too (OpenFlow 1.5, 7.2.3.6: prerequisites).

use super::field::{ArpOp, EthType, IpProto, Mac, Masked, Number, VLAN_MAX, Vlan};
use super::layout::{ETH_ARP, ETH_IPV4, ETH_IPV6, ICMP, TCP, UDP};
use super::pattern::{self, Pattern, Place, VLAN_PRESENT};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smoltcp::wire::Ipv4Address;
use std::net::Ipv6Addr;
use thiserror::Error;
use zerogap_proto::PortId;

/// What is asked of a frame; a field that is left out does not count. `P` is how ports are called: by name in files, by
/// number in tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Match<P = PortId> {
    /// The port that it came in by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_port: Option<P>,
    /// Source MAC address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_src: Option<Masked<Mac>>,
    /// Destination MAC address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_dst: Option<Masked<Mac>>,
    /// What the frame carries, behind a tag if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eth_type: Option<EthType>,
    /// Its 802.1Q tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// ARP: question or answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arp_op: Option<ArpOp>,
    /// ARP: who speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arp_spa: Option<Masked<Ipv4Address>>,
    /// ARP: who is asked about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arp_tpa: Option<Masked<Ipv4Address>>,
    /// IPv4: sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_src: Option<Masked<Ipv4Address>>,
    /// IPv4: receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_dst: Option<Masked<Ipv4Address>>,
    /// IPv6: sender.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_src: Option<Masked<Ipv6Addr>>,
    /// IPv6: receiver.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6_dst: Option<Masked<Ipv6Addr>>,
    /// IPv4: what the packet carries; IPv6: the header that stands next, be it an extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_proto: Option<IpProto>,
    /// IPv4, IPv6: differentiated services code point, 0 to 63.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip_dscp: Option<u8>,
    /// UDP: source port. Fragments have no ports, nor has what stands behind an extension header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_src: Option<Masked<Number>>,
    /// UDP: destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub udp_dst: Option<Masked<Number>>,
    /// TCP: source port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_src: Option<Masked<Number>>,
    /// TCP: destination port.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_dst: Option<Masked<Number>>,
    /// ICMP: type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    /// ICMP: code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
}

/// Why a match means nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MatchError {
    /// A field without what gives it a meaning.
    #[error("{field} needs {needs}")]
    Prerequisite {
        /// The field.
        field: &'static str,
        /// What must stand beside it.
        needs: &'static str,
    },
    /// A number that the field has no room for.
    #[error("{field} is at most {max}, not {value}")]
    Range {
        /// The field.
        field: &'static str,
        /// What was written.
        value: u16,
        /// The most that there is.
        max: u16,
    },
}

/// The fields that a header gives a meaning to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Arp,
    Ipv4,
    Ipv6,
    /// Either.
    Ip,
    /// Over either.
    Udp,
    /// Over either.
    Tcp,
    /// ICMP over IPv4.
    Icmp,
    UdpOverIpv4,
    TcpOverIpv4,
}

/// The largest code point.
pub(super) const DSCP_MAX: u8 = 63;

impl Header {
    /// How a match asks for it.
    pub(super) const fn asked_for(self) -> &'static str {
        match self {
            Self::Arp => "eth_type: arp",
            Self::Ipv4 => "eth_type: ipv4",
            Self::Ipv6 => "eth_type: ipv6",
            Self::Ip => "eth_type: ipv4 or ipv6",
            Self::Udp => "eth_type: ipv4 or ipv6, and ip_proto: udp",
            Self::Tcp => "eth_type: ipv4 or ipv6, and ip_proto: tcp",
            Self::UdpOverIpv4 => "eth_type: ipv4 and ip_proto: udp",
            Self::TcpOverIpv4 => "eth_type: ipv4 and ip_proto: tcp",
            Self::Icmp => "eth_type: ipv4 and ip_proto: icmp",
        }
    }
}

/// Asks for nothing.
impl<P> Default for Match<P> {
    fn default() -> Self {
        Self {
            in_port: None,
            eth_src: None,
            eth_dst: None,
            eth_type: None,
            vlan: None,
            arp_op: None,
            arp_spa: None,
            arp_tpa: None,
            ipv4_src: None,
            ipv4_dst: None,
            ipv6_src: None,
            ipv6_dst: None,
            ip_proto: None,
            ip_dscp: None,
            udp_src: None,
            udp_dst: None,
            tcp_src: None,
            tcp_dst: None,
            icmp_type: None,
            icmp_code: None,
        }
    }
}

impl<P> Match<P> {
    /// Whether only frames with this header are matched.
    pub(super) fn asks_for(&self, header: Header) -> bool {
        let (eth_types, proto) = match header {
            Header::Arp => (&[ETH_ARP][..], None),
            Header::Ipv4 => (&[ETH_IPV4][..], None),
            Header::Ipv6 => (&[ETH_IPV6][..], None),
            Header::Ip => (&[ETH_IPV4, ETH_IPV6][..], None),
            Header::Udp => (&[ETH_IPV4, ETH_IPV6][..], Some(UDP)),
            Header::Tcp => (&[ETH_IPV4, ETH_IPV6][..], Some(TCP)),
            Header::Icmp => (&[ETH_IPV4][..], Some(ICMP)),
            Header::UdpOverIpv4 => (&[ETH_IPV4][..], Some(UDP)),
            Header::TcpOverIpv4 => (&[ETH_IPV4][..], Some(TCP)),
        };
        let proto = proto.map(|proto| IpProto(proto.into()));
        self.eth_type.is_some_and(|EthType(is)| eth_types.contains(&is))
            && (proto.is_none() || self.ip_proto == proto)
    }

    /// Whether only frames with (without) a tag are matched; `None` if it does not say.
    pub(super) const fn tagged(&self) -> Option<bool> {
        match self.vlan {
            Some(Vlan::Any | Vlan::Id(_)) => Some(true),
            Some(Vlan::None) => Some(false),
            None => None,
        }
    }

    /// The same match, its port called otherwise.
    pub(super) fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<Match<Q>, E> {
        Ok(Match {
            in_port: self.in_port.map(map).transpose()?,
            eth_src: self.eth_src,
            eth_dst: self.eth_dst,
            eth_type: self.eth_type,
            vlan: self.vlan,
            arp_op: self.arp_op,
            arp_spa: self.arp_spa,
            arp_tpa: self.arp_tpa,
            ipv4_src: self.ipv4_src,
            ipv4_dst: self.ipv4_dst,
            ipv6_src: self.ipv6_src,
            ipv6_dst: self.ipv6_dst,
            ip_proto: self.ip_proto,
            ip_dscp: self.ip_dscp,
            udp_src: self.udp_src,
            udp_dst: self.udp_dst,
            tcp_src: self.tcp_src,
            tcp_dst: self.tcp_dst,
            icmp_type: self.icmp_type,
            icmp_code: self.icmp_code,
        })
    }
}

/// A field's name, what gives it a meaning, where it stands, and what is asked of it.
type Asked = (&'static str, Option<Header>, Place, Option<(u64, u64)>);

impl Match {
    /// The match as the look-up sees it.
    ///
    /// # Errors
    /// A field without its prerequisites, or a number out of range.
    pub(super) fn pattern(&self) -> Result<Pattern, MatchError> {
        if let Some(value) = self.ip_dscp.filter(|dscp| *dscp > DSCP_MAX) {
            let (value, max) = (value.into(), DSCP_MAX.into());
            return Err(MatchError::Range { field: "ip_dscp", value, max });
        }
        if let Some(Vlan::Id(value)) = self.vlan
            && value > VLAN_MAX
        {
            return Err(MatchError::Range { field: "vlan", value, max: VLAN_MAX });
        }
        let mut pattern = Pattern::default();
        for (field, header, place, asked) in self.asked() {
            let Some((value, mask)) = asked else { continue };
            if let Some(header) = header {
                if !self.asks_for(header) {
                    return Err(MatchError::Prerequisite { field, needs: header.asked_for() });
                }
                pattern.put(pattern::HAS_NETWORK, 1, 1);
            }
            if [pattern::TRANSPORT_SRC, pattern::TRANSPORT_DST].contains(&place) {
                pattern.put(pattern::HAS_TRANSPORT, 1, 1);
            }
            pattern.put(place, value, mask);
        }
        Ok(pattern)
    }

    fn asked(&self) -> [Asked; 22] {
        use pattern::{IPV4_DST, IPV4_SRC, IPV6_DST, IPV6_SRC, TRANSPORT_DST, TRANSPORT_SRC};
        let exactly = |value: Option<u16>, ones: u64| value.map(|value| (u64::from(value), ones));
        let byte = |value: Option<u8>| value.map(|value| (u64::from(value), 0xffff));
        let address = |value: Option<Masked<Ipv4Address>>| value.map(Masked::bits);
        let half = |value: Option<Masked<Ipv6Addr>>, half: usize| value.map(|value| value.halves()[half]);
        let number = |value: Option<Masked<Number>>| value.map(Masked::bits);
        let vlan = self.vlan.map(|vlan| match vlan {
            Vlan::None => (0, u64::from(VLAN_PRESENT)),
            Vlan::Any => (VLAN_PRESENT.into(), VLAN_PRESENT.into()),
            Vlan::Id(id) => (u64::from(id | VLAN_PRESENT), pattern::VLAN.ones()),
        });
        let [arp, ipv4, ipv6, ip] = [Header::Arp, Header::Ipv4, Header::Ipv6, Header::Ip].map(Some);
        let [udp, tcp, icmp] = [Header::Udp, Header::Tcp, Header::Icmp].map(Some);
        [
            ("in_port", None, pattern::IN_PORT, exactly(self.in_port.map(|port| port.0), 0xffff)),
            ("eth_src", None, pattern::ETH_SRC, self.eth_src.map(Masked::bits)),
            ("eth_dst", None, pattern::ETH_DST, self.eth_dst.map(Masked::bits)),
            ("eth_type", None, pattern::ETH_TYPE, exactly(self.eth_type.map(|kind| kind.0), 0xffff)),
            ("vlan", None, pattern::VLAN, vlan),
            ("arp_op", arp, TRANSPORT_SRC, exactly(self.arp_op.map(|op| op.0), 0xffff)),
            ("arp_spa", arp, IPV4_SRC, address(self.arp_spa)),
            ("arp_tpa", arp, IPV4_DST, address(self.arp_tpa)),
            ("ip_proto", ip, pattern::IP_PROTO, exactly(self.ip_proto.map(|proto| proto.0), 0xff)),
            ("ip_dscp", ip, pattern::IP_DSCP, exactly(self.ip_dscp.map(u16::from), 0x3f)),
            ("ipv4_src", ipv4, IPV4_SRC, address(self.ipv4_src)),
            ("ipv4_dst", ipv4, IPV4_DST, address(self.ipv4_dst)),
            ("ipv6_src", ipv6, IPV6_SRC[0], half(self.ipv6_src, 0)),
            ("ipv6_src", ipv6, IPV6_SRC[1], half(self.ipv6_src, 1)),
            ("ipv6_dst", ipv6, IPV6_DST[0], half(self.ipv6_dst, 0)),
            ("ipv6_dst", ipv6, IPV6_DST[1], half(self.ipv6_dst, 1)),
            ("udp_src", udp, TRANSPORT_SRC, number(self.udp_src)),
            ("udp_dst", udp, TRANSPORT_DST, number(self.udp_dst)),
            ("tcp_src", tcp, TRANSPORT_SRC, number(self.tcp_src)),
            ("tcp_dst", tcp, TRANSPORT_DST, number(self.tcp_dst)),
            ("icmp_type", icmp, TRANSPORT_SRC, byte(self.icmp_type)),
            ("icmp_code", icmp, TRANSPORT_DST, byte(self.icmp_code)),
        ]
    }
}
