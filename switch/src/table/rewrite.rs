//! Changing the fields of a frame. Checksums are corrected by what changed (RFC 1624, equation 3), not computed anew, so a
//! frame that was damaged before is still seen to be; a checksum that is only the pseudo header's sum so far stays one.

use super::action::SetFields;
use super::layout::{ADDRESSES_LEN, Ipv4, Layout, Network, TAG_LEN, TCP, TPID, UDP, word};
use crate::offload::Offload;

/// The frame lacks what is to be changed: it is not whole, is a fragment without ports, or has a tag (no tag) already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfit;

/// Where IPv4's checksum is, in its header.
const IPV4_CHECKSUM: usize = 10;

/// Puts a tag on the frame that begins at `base` and ends at the buffer's end.
pub(super) fn push_vlan(
    frames: &mut Vec<u8>,
    base: usize,
    offload: &mut Offload,
    id: u16,
) -> Result<(), Unfit> {
    if Layout::of(&frames[base..]).ok_or(Unfit)?.tag.is_some() {
        return Err(Unfit);
    }
    *offload = moved(*offload, |at| at.checked_add(TAG_LEN as u16))?;
    let (at, end) = (base + ADDRESSES_LEN, frames.len());
    frames.extend_from_slice(&[0; TAG_LEN]);
    frames.copy_within(at..end, at + TAG_LEN);
    frames[at..at + 2].copy_from_slice(&TPID.to_be_bytes());
    frames[at + 2..at + TAG_LEN].copy_from_slice(&id.to_be_bytes());
    Ok(())
}

/// Takes the tag off the frame that begins at `base` and ends at the buffer's end.
pub(super) fn pop_vlan(frames: &mut Vec<u8>, base: usize, offload: &mut Offload) -> Result<(), Unfit> {
    Layout::of(&frames[base..]).ok_or(Unfit)?.tag.ok_or(Unfit)?;
    *offload = moved(*offload, |at| at.checked_sub(TAG_LEN as u16))?;
    let at = base + ADDRESSES_LEN;
    frames.copy_within(at + TAG_LEN.., at);
    frames.truncate(frames.len() - TAG_LEN);
    Ok(())
}

/// The same work for headers that have moved.
fn moved(mut offload: Offload, by: impl Fn(u16) -> Option<u16>) -> Result<Offload, Unfit> {
    if let Some(partial) = &mut offload.checksum {
        partial.start = by(partial.start).ok_or(Unfit)?;
    }
    if let Some(gso) = &mut offload.gso {
        gso.header_len = by(gso.header_len).unwrap_or(0);
    }
    Ok(offload)
}

/// Changes the fields of `frame`.
pub(super) fn set(frame: &mut [u8], offload: Offload, fields: &SetFields) -> Result<(), Unfit> {
    let layout = Layout::of(frame).ok_or(Unfit)?;
    let SetFields { eth_src, eth_dst, vlan, .. } = *fields;
    if let Some(mac) = eth_dst {
        frame[..6].copy_from_slice(&mac.0.0);
    }
    if let Some(mac) = eth_src {
        frame[6..ADDRESSES_LEN].copy_from_slice(&mac.0.0);
    }
    if let Some(id) = vlan {
        let tag = layout.tag.ok_or(Unfit)? & 0xf000 | id;
        frame[ADDRESSES_LEN + 2..ADDRESSES_LEN + TAG_LEN].copy_from_slice(&tag.to_be_bytes());
    }
    let SetFields { ipv4_src, ipv4_dst, ip_dscp, udp_src, udp_dst, tcp_src, tcp_dst, .. } = *fields;
    let ports = [(UDP, 0, udp_src), (UDP, 2, udp_dst), (TCP, 0, tcp_src), (TCP, 2, tcp_dst)];
    let addresses = [(12, ipv4_src), (16, ipv4_dst)];
    let has_ports = ports.iter().any(|(_, _, port)| port.is_some());
    if ip_dscp.is_none() && !has_ports && addresses.iter().all(|(_, address)| address.is_none()) {
        return Ok(());
    }
    let Network::Ipv4(ip) = layout.network else { return Err(Unfit) };
    let mut packet = Packet { frame, at: layout.network_at, ip, transport: transport(ip, offload)? };
    if let Some(dscp) = ip_dscp {
        packet.set_dscp(dscp);
    }
    for (at, address) in addresses {
        if let Some(address) = address {
            packet.set_address(at, address.octets());
        }
    }
    for (proto, at, port) in ports {
        if let Some(port) = port {
            packet.set_port(proto, at, port)?;
        }
    }
    Ok(())
}

/// The checksum of a transport header.
#[derive(Clone, Copy, Debug)]
struct Transport {
    /// Where it is.
    checksum_at: usize,
    kind: Checksum,
}

/// What a checksum is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Checksum {
    /// There, and always so.
    Complete,
    /// There unless it is 0 (UDP).
    Optional,
    /// The sum of the pseudo header, not yet complemented.
    Partial,
}

/// The transport checksum that covers the addresses too, if it is in this packet.
fn transport(ip: Ipv4, offload: Offload) -> Result<Option<Transport>, Unfit> {
    let (offset, kind) = match ip.proto {
        TCP => (16, Checksum::Complete),
        UDP => (6, Checksum::Optional),
        _ => return Ok(None),
    };
    if ip.is_later_fragment {
        return Ok(None);
    }
    // A first fragment that is too short for its checksum cannot be kept right (RFC 1858 asks to drop such anyway).
    let at = ip.transport_at.ok_or(Unfit)?;
    let is_partial = offload.checksum.is_some_and(|partial| usize::from(partial.start) == at);
    let kind = if is_partial { Checksum::Partial } else { kind };
    Ok(Some(Transport { checksum_at: at + offset, kind }))
}

struct Packet<'a> {
    frame: &'a mut [u8],
    /// Where the IPv4 header begins.
    at: usize,
    ip: Ipv4,
    transport: Option<Transport>,
}

impl Packet<'_> {
    fn set_dscp(&mut self, dscp: u8) {
        let old = [self.frame[self.at], self.frame[self.at + 1]];
        let new = [old[0], dscp << 2 | old[1] & 0x03];
        correct(self.frame, self.at + IPV4_CHECKSUM, Checksum::Complete, &old, &new);
        self.frame[self.at + 1] = new[1];
    }

    fn set_address(&mut self, at: usize, new: [u8; 4]) {
        let at = self.at + at;
        let old = [self.frame[at], self.frame[at + 1], self.frame[at + 2], self.frame[at + 3]];
        correct(self.frame, self.at + IPV4_CHECKSUM, Checksum::Complete, &old, &new);
        if let Some(Transport { checksum_at, kind }) = self.transport {
            correct(self.frame, checksum_at, kind, &old, &new);
        }
        self.frame[at..at + 4].copy_from_slice(&new);
    }

    fn set_port(&mut self, proto: u8, at: usize, port: u16) -> Result<(), Unfit> {
        let (Some(header_at), Some(Transport { checksum_at, kind })) = (self.ip.transport_at, self.transport)
        else {
            return Err(Unfit);
        };
        if self.ip.proto != proto || self.ip.is_fragment {
            return Err(Unfit);
        }
        let at = header_at + at;
        let old = [self.frame[at], self.frame[at + 1]];
        // The pseudo header does not have the ports; whoever completes the sum will meet them in the packet.
        if kind != Checksum::Partial {
            correct(self.frame, checksum_at, kind, &old, &port.to_be_bytes());
        }
        self.frame[at..at + 2].copy_from_slice(&port.to_be_bytes());
        Ok(())
    }
}

/// Corrects the checksum at `at` for words that change from `old` to `new`.
fn correct(frame: &mut [u8], at: usize, kind: Checksum, old: &[u8], new: &[u8]) {
    let before = word(frame, at);
    let after = match kind {
        Checksum::Complete => !changed(!before, old, new),
        Checksum::Optional if before == 0 => 0,
        // 0 would say that there is none (RFC 768).
        Checksum::Optional => match !changed(!before, old, new) {
            0 => 0xffff,
            after => after,
        },
        Checksum::Partial => changed(before, old, new),
    };
    frame[at..at + 2].copy_from_slice(&after.to_be_bytes());
}

/// A one's complement sum in which the words of `old` are replaced by those of `new`.
fn changed(sum: u16, old: &[u8], new: &[u8]) -> u16 {
    let mut sum = u32::from(sum);
    for (old, new) in old.chunks_exact(2).zip(new.chunks_exact(2)) {
        sum += u32::from(!word(old, 0)) + u32::from(word(new, 0));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
