//! Cutting a frame that stands for many TCP segments or UDP datagrams into these, as a network card with TSO or USO would:
//! numbers and lengths count on, flags stay with the segment that they belong to, every checksum is complete.

use super::checksum::{finish, sum};
use super::{GsoKind, Offload, OffloadError, complete_checksum};

const MACS_LEN: usize = 12;
const ETHERTYPE_VLAN: [u8; 2] = [0x81, 0x00];
const ETHERTYPE_QINQ: [u8; 2] = [0x88, 0xa8];
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];
const ETHERTYPE_IPV6: [u8; 2] = [0x86, 0xdd];
const IPV4_LEN: usize = 20;
const IPV6_LEN: usize = 40;
const TCP_LEN: usize = 20;
const UDP_LEN: usize = 8;
const PROTOCOL_TCP: u8 = 6;
const PROTOCOL_UDP: u8 = 17;
const FIN: u8 = 0x01;
const PSH: u8 = 0x08;
const CWR: u8 = 0x80;

/// Cuts a frame into frames of at most `gso.size` bytes of payload, each with complete checksums, and returns how many there
/// were; a frame that needs no cutting is one. `out` is called with each in order; they are built in `scratch`.
///
/// The frame is TCP or UDP over IPv4 or over IPv6 without extension headers, with at most one VLAN tag. What stands behind the IP
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
    let layout = Layout::find(frame, gso.kind).ok_or(OffloadError::OtherHeaders)?;
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
    is_v4: bool,
    transport: usize,
    payload: usize,
    /// The end of the IP packet.
    end: usize,
}

/// What an IP header says: where the transport header begins in the packet, the packet's length, and the protocol.
type Ip = (usize, usize, u8);

impl Layout {
    fn find(frame: &[u8], kind: GsoKind) -> Option<Self> {
        let ethertype = |at: usize| frame.get(at..)?.first_chunk::<2>().copied();
        let mut at = MACS_LEN;
        if [ETHERTYPE_VLAN, ETHERTYPE_QINQ].contains(&ethertype(at)?) {
            at += 4;
        }
        let (ip, is_v4) = (at + 2, ethertype(at)? == ETHERTYPE_IPV4);
        let packet = frame.get(ip..)?;
        let (transport, packet_len, protocol) = match ethertype(at)? {
            ETHERTYPE_IPV4 => ipv4(packet)?,
            ETHERTYPE_IPV6 => ipv6(packet)?,
            _ => return None,
        };
        let segment = packet.get(transport..packet_len)?;
        let header_len = match (kind, is_v4, protocol) {
            (GsoKind::TcpV4, true, PROTOCOL_TCP) | (GsoKind::TcpV6, false, PROTOCOL_TCP) => {
                let len = usize::from(segment.get(..TCP_LEN)?[12] >> 4) * 4;
                (len >= TCP_LEN).then_some(len)?
            }
            (GsoKind::Udp, _, PROTOCOL_UDP) => UDP_LEN,
            (GsoKind::TcpV4 | GsoKind::TcpV6 | GsoKind::Udp, ..) => return None,
        };
        let (transport, payload) = (ip + transport, ip + transport + header_len);
        let end = ip + packet_len;
        (payload <= end).then_some(Self { kind, ip, is_v4, transport, payload, end })
    }

    /// Makes the copied headers in `frame` those of this segment.
    fn write_headers(&self, frame: &mut [u8], place: Place) {
        let (header, segment) = frame[self.ip..].split_at_mut(self.transport - self.ip);
        let packet_len = header.len() + segment.len();
        let addresses = if self.is_v4 {
            set_word(header, 2, packet_len as u16);
            let id = word(header, 4).wrapping_add(place.number as u16);
            set_word(header, 4, id);
            set_word(header, 10, 0);
            let checksum = finish(sum(header));
            set_word(header, 10, checksum);
            sum(&header[12..IPV4_LEN])
        } else {
            set_word(header, 4, (packet_len - IPV6_LEN) as u16);
            sum(&header[8..IPV6_LEN])
        };
        let pseudo = addresses + segment.len() as u64;
        match self.kind {
            GsoKind::TcpV4 | GsoKind::TcpV6 => write_tcp(segment, place, pseudo),
            GsoKind::Udp => write_udp(segment, pseudo),
        }
    }
}

fn write_tcp(segment: &mut [u8], place: Place, pseudo: u64) {
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
    let checksum = finish(pseudo + u64::from(PROTOCOL_TCP) + sum(segment));
    set_word(segment, 16, checksum);
}

fn write_udp(datagram: &mut [u8], pseudo: u64) {
    set_word(datagram, 4, datagram.len() as u16);
    set_word(datagram, 6, 0);
    let checksum = finish(pseudo + u64::from(PROTOCOL_UDP) + sum(datagram));
    // 0 says that there is none.
    set_word(datagram, 6, if checksum == 0 { 0xffff } else { checksum });
}

fn ipv4(packet: &[u8]) -> Option<Ip> {
    let header: &[u8; IPV4_LEN] = packet.first_chunk()?;
    let header_len = usize::from(header[0] & 0xf) * 4;
    // Neither a first fragment nor a later one.
    let whole = word(header, 6) & 0x3fff == 0;
    let usable = header[0] >> 4 == 4 && header_len >= IPV4_LEN && whole;
    usable.then(|| (header_len, usize::from(word(header, 2)), header[9]))
}

fn ipv6(packet: &[u8]) -> Option<Ip> {
    let header: &[u8; IPV6_LEN] = packet.first_chunk()?;
    (header[0] >> 4 == 6).then(|| (IPV6_LEN, IPV6_LEN + usize::from(word(header, 4)), header[6]))
}

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn set_word(bytes: &mut [u8], at: usize, value: u16) {
    bytes[at..at + 2].copy_from_slice(&value.to_be_bytes());
}
