//! Cutting a frame that stands for many TCP segments into those segments, as a network card with TSO would: numbers and
//! lengths count on, flags stay with the segment that they belong to, every checksum is complete.

use super::checksum::{finish, sum};
use super::{Gso, GsoKind, Offload, OffloadError, complete_checksum};

const MACS_LEN: usize = 12;
const ETHERTYPE_VLAN: [u8; 2] = [0x81, 0x00];
const ETHERTYPE_QINQ: [u8; 2] = [0x88, 0xa8];
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP_LEN: usize = 20;
const PROTOCOL_TCP: u8 = 6;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Cuts a frame into frames of at most `gso.size` bytes of payload, each with complete checksums, and returns how many there
/// were; a frame that needs no cutting is one. `out` is called with each in order; they are built in `scratch`.
///
/// The frame is TCP over IPv4 or over IPv6 without extension headers, with at most one VLAN tag. What stands behind the IP
/// packet's length (padding) is cut off.
///
/// # Errors
/// The frame is not what `offload` says; `out` has not been called then.
pub fn segment(
    frame: &[u8],
    offload: Offload,
    scratch: &mut Vec<u8>,
    out: &mut dyn FnMut(&[u8]),
) -> Result<usize, OffloadError> {
    let Some(gso) = offload.gso else {
        scratch.clear();
        scratch.extend_from_slice(frame);
        if let Some(partial) = offload.checksum {
            complete_checksum(scratch, partial)?;
        }
        out(scratch);
        return Ok(1);
    };
    if gso.size == 0 {
        return Err(OffloadError::SegmentSize);
    }
    let layout = Layout::of(frame, gso)?;
    let (headers, payload) = frame[..layout.end].split_at(layout.payload);
    let chunks = payload.chunks(usize::from(gso.size));
    let count = chunks.len().max(1);
    // A frame without payload is one segment all the same.
    for (number, chunk) in chunks.chain(payload.is_empty().then_some(payload)).enumerate() {
        scratch.clear();
        scratch.extend_from_slice(headers);
        scratch.extend_from_slice(chunk);
        let place = Place { number, at: number * usize::from(gso.size), last: number + 1 == count };
        layout.write_headers(scratch, place);
        out(scratch);
    }
    Ok(count)
}

/// Which of a frame's segments it is.
#[derive(Clone, Copy)]
struct Place {
    number: usize,
    /// Where its payload begins in the whole payload.
    at: usize,
    last: bool,
}

/// Where a frame's headers are.
struct Layout {
    kind: GsoKind,
    ip: usize,
    tcp: usize,
    payload: usize,
    /// The end of the IP packet.
    end: usize,
}

impl Layout {
    fn of(frame: &[u8], gso: Gso) -> Result<Self, OffloadError> {
        Self::find(frame, gso.kind).ok_or(OffloadError::NotTcp)
    }

    fn find(frame: &[u8], kind: GsoKind) -> Option<Self> {
        let ethertype = |at: usize| frame.get(at..)?.first_chunk::<2>().copied();
        let mut at = MACS_LEN;
        if [ETHERTYPE_VLAN, ETHERTYPE_QINQ].contains(&ethertype(at)?) {
            at += 4;
        }
        let ip = at + 2;
        let packet = frame.get(ip..)?;
        let (tcp, packet_len) = match (kind, ethertype(at)?) {
            (GsoKind::TcpV4, ETHERTYPE_IPV4) => ipv4(packet)?,
            (GsoKind::TcpV6, ETHERTYPE_IPV6) => ipv6(packet)?,
            (GsoKind::TcpV4 | GsoKind::TcpV6, _) => return None,
        };
        let segment = packet.get(tcp..packet_len)?;
        let tcp_len = usize::from(segment.get(..TCP_LEN)?[12] >> 4) * 4;
        if !(TCP_LEN..=segment.len()).contains(&tcp_len) {
            return None;
        }
        Some(Self { kind, ip, tcp: ip + tcp, payload: ip + tcp + tcp_len, end: ip + packet_len })
    }

    /// Makes the copied headers in `frame` those of this segment.
    fn write_headers(&self, frame: &mut [u8], place: Place) {
        let packet_len = frame.len() - self.ip;
        let packet = &mut frame[self.ip..];
        let tcp = self.tcp - self.ip;
        let addresses = match self.kind {
            GsoKind::TcpV4 => {
                set_word(packet, 2, packet_len as u16);
                let id = word(packet, 4).wrapping_add(place.number as u16);
                set_word(packet, 4, id);
                set_word(packet, 10, 0);
                let checksum = finish(sum(&packet[..tcp]));
                set_word(packet, 10, checksum);
                sum(&packet[12..IPV4_LEN])
            }
            GsoKind::TcpV6 => {
                set_word(packet, 4, (packet_len - IPV6_LEN) as u16);
                sum(&packet[8..IPV6_LEN])
            }
        };
        let segment = &mut packet[tcp..];
        if let Some(seq) = segment[4..].first_chunk_mut::<4>() {
            *seq = u32::from_be_bytes(*seq).wrapping_add(place.at as u32).to_be_bytes();
        }
        if !place.last {
            segment[13] &= !(FIN | PSH);
        }
        if place.number > 0 {
            segment[13] &= !CWR;
        }
        set_word(segment, 16, 0);
        let pseudo = addresses + u64::from(PROTOCOL_TCP) + segment.len() as u64;
        let checksum = finish(pseudo + sum(segment));
        set_word(segment, 16, checksum);
    }
}

/// Where the TCP header begins in an IPv4 packet, and the packet's length.
fn ipv4(packet: &[u8]) -> Option<(usize, usize)> {
    let header: &[u8; IPV4_LEN] = packet.first_chunk()?;
    let header_len = usize::from(header[0] & 0xf) * 4;
    // Neither a first fragment nor a later one.
    let whole = word(header, 6) & 0x3fff == 0;
    let is_tcp = header[0] >> 4 == 4 && header_len >= IPV4_LEN && header[9] == PROTOCOL_TCP && whole;
    is_tcp.then(|| (header_len, usize::from(word(header, 2))))
}

/// Where the TCP header begins in an IPv6 packet, and the packet's length.
fn ipv6(packet: &[u8]) -> Option<(usize, usize)> {
    let header: &[u8; IPV6_LEN] = packet.first_chunk()?;
    let is_tcp = header[0] >> 4 == 6 && header[6] == PROTOCOL_TCP;
    is_tcp.then(|| (IPV6_LEN, IPV6_LEN + usize::from(word(header, 4))))
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn set_word(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
