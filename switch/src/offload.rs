//! What a frame still needs before it may stand on a wire: a checksum, or to be cut into segments. A TAP with offload and a
//! packet socket say so in a virtio-net header in front of each frame; towards a port that takes no offload the switch does
//! the work itself, with [`complete_checksum`] and [`segment`]. Source: VIRTIO 1.3, 5.1.6 and `linux/virtio_net.h`.

mod checksum;
mod segment;

pub use checksum::complete_checksum;
pub use segment::segment;

#[cfg(test)]
mod tests;

use thiserror::Error;

const NEEDS_CHECKSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCP_V4: u8 = 1;
const GSO_TCP_V6: u8 = 4;
const GSO_UDP: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// What a frame still needs. The default is a frame that is complete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// The checksum that is not there yet, if any.
    pub checksum: Option<Partial>,
    /// The segments that the frame stands for, if it is more than one.
    pub gso: Option<Gso>,
}

/// A checksum that covers everything from `start` to the frame's end and belongs at `start + offset`, where the sum of the
/// pseudo header already is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Partial {
    /// Where the transport header begins, in bytes from the frame's beginning.
    pub start: u16,
    /// Where the checksum is, in bytes from `start`.
    pub offset: u16,
}

/// A frame that stands for several segments of one TCP connection, or for several datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gso {
    /// What it is cut as.
    pub kind: GsoKind,
    /// The most payload a segment carries, in bytes.
    pub size: u16,
    /// Length of all headers in bytes; a hint, the headers themselves decide.
    pub header_len: u16,
    /// Whether the TCP header says CWR, which only the first segment may repeat.
    pub ecn: bool,
}

/// What a frame is cut as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoKind {
    /// TCP over IPv4.
    TcpV4,
    /// TCP over IPv6.
    TcpV6,
    /// UDP over either: the frame stands for several datagrams.
    Udp,
}

/// Why a frame's offload cannot be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OffloadError {
    /// The virtio-net header is not all there.
    #[error("a virtio-net header is longer than {0} bytes")]
    ShortHeader(usize),
    /// A kind of segmentation that no port here asks for: UFO, for instance.
    #[error("segmentation of kind {0} is not supported")]
    Kind(u8),
    /// Segments without payload.
    #[error("a segment size of 0")]
    SegmentSize,
    /// The checksum's place is outside the frame.
    #[error("the checksum at {start} + {offset} is outside the frame of {len} bytes")]
    ChecksumOutside {
        /// Where the transport header begins.
        start: u16,
        /// Where the checksum is from there.
        offset: u16,
        /// The frame's length.
        len: usize,
    },
    /// The frame's headers are not those of the kind that the header in front names.
    #[error("the frame is not unfragmented TCP or UDP over IP as its virtio-net header says")]
    OtherHeaders,
}

impl Offload {
    /// Length of `struct virtio_net_hdr` in bytes.
    pub const HEADER_LEN: usize = 10;

    /// Reads a virtio-net header as the kernel writes it: in the machine's byte order.
    ///
    /// # Errors
    /// It is too short, or names a kind of segmentation that no port here asks for.
    pub fn parse(header: &[u8]) -> Result<Self, OffloadError> {
        let header: &[u8; Self::HEADER_LEN] =
            header.first_chunk().ok_or(OffloadError::ShortHeader(header.len()))?;
        let word = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
        let partial = Partial { start: word(6), offset: word(8) };
        let ecn = header[1] & GSO_ECN != 0;
        let gso = |kind| Some(Gso { kind, size: word(4), header_len: word(2), ecn });
        let gso = match header[1] & !GSO_ECN {
            GSO_NONE => None,
            GSO_TCP_V4 => gso(GsoKind::TcpV4),
            GSO_TCP_V6 => gso(GsoKind::TcpV6),
            GSO_UDP => gso(GsoKind::Udp),
            kind => return Err(OffloadError::Kind(kind)),
        };
        if gso.is_some_and(|gso| gso.size == 0) {
            return Err(OffloadError::SegmentSize);
        }
        Ok(Self { checksum: (header[0] & NEEDS_CHECKSUM != 0).then_some(partial), gso })
    }

    /// Writes the virtio-net header into the first [`Self::HEADER_LEN`] bytes of `header`.
    ///
    /// # Panics
    /// If there is no room for it.
    pub fn emit(&self, header: &mut [u8]) {
        let header = &mut header[..Self::HEADER_LEN];
        header.fill(0);
        if let Some(gso) = self.gso {
            let kind = match gso.kind {
                GsoKind::TcpV4 => GSO_TCP_V4,
                GsoKind::TcpV6 => GSO_TCP_V6,
                GsoKind::Udp => GSO_UDP,
            };
            header[1] = if gso.ecn { kind | GSO_ECN } else { kind };
            header[2..4].copy_from_slice(&gso.header_len.to_ne_bytes());
            header[4..6].copy_from_slice(&gso.size.to_ne_bytes());
        }
        if let Some(partial) = self.checksum {
            header[0] = NEEDS_CHECKSUM;
            header[6..8].copy_from_slice(&partial.start.to_ne_bytes());
            header[8..10].copy_from_slice(&partial.offset.to_ne_bytes());
        }
    }

    /// Whether the frame is complete as it is.
    pub const fn is_none(&self) -> bool {
        self.checksum.is_none() && self.gso.is_none()
    }
}
