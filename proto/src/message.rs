//! The message in each datagram of a service: a header that the switch reads and stamps, and a body that only the app and
//! its client understand. Requests and answers have one length, 624 bytes at the IP layer (the paper's Table I).
//!
//! ```text
//!  0 magic "ZGAP"   4 version   5 kind   6 reserved (2)
//!  8 client (4)    12 client incarnation (4)   16 sequence (8)
//! 24 stamp: server incarnation (4)  28 epoch (4)  32 offset (8)  40 flags (4)
//! 44 body (552)
//! ```
//! All numbers are big-endian. The client leaves the stamp zero; the anchor writes it; the server echoes it. Two answers
//! agree when all their bytes outside the stamp are equal.

use crate::frame::{HEADERS_LEN, patch_with_checksum};
use crate::id::{ClientId, Epoch, Incarnation, Offset, Sequence};

/// Length of a message in bytes: 624 less the IPv4 and UDP headers.
pub const MESSAGE_LEN: usize = 624 - 20 - 8;
/// Where the stamp begins in a message.
pub const STAMP_AT: usize = 24;
/// Length of the stamp in bytes.
pub const STAMP_LEN: usize = 20;
/// Where the body begins in a message.
pub const BODY_AT: usize = STAMP_AT + STAMP_LEN;
/// Length of the body in bytes.
pub const BODY_LEN: usize = MESSAGE_LEN - BODY_AT;

const MAGIC: [u8; 4] = *b"ZGAP";
const VERSION: u8 = 1;
const FLAG_REPLAYED: u32 = 1;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From a client.
    Request,
    /// A server's answer to the request at the stamp's offset.
    Answer,
    /// From a server that got a request too early: the stamp's offset is the one it expects. No answer.
    Expect,
    /// From a server that was asked for an answer it no longer remembers: the stamp's offset is the one asked for.
    Forgotten,
}

impl Kind {
    const fn code(self) -> u8 {
        match self {
            Self::Request => 1,
            Self::Answer => 2,
            Self::Expect => 3,
            Self::Forgotten => 4,
        }
    }
    const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Request),
            2 => Some(Self::Answer),
            3 => Some(Self::Expect),
            4 => Some(Self::Forgotten),
            _ => None,
        }
    }
}

/// What the anchor writes into a request and the server echoes (802.1CB: sequence generation).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stamp {
    /// The life of the server that is meant; another life does not take the request.
    pub incarnation: Incarnation,
    /// The service's epoch when it was sent.
    pub epoch: Epoch,
    /// The request's position in the log.
    pub offset: Offset,
    /// The request is sent again or late, so the emulated service time is not waited for. Changes no answer.
    pub replayed: bool,
}

impl Stamp {
    /// The stamp's bytes as they stand in a message.
    pub fn to_bytes(self) -> [u8; STAMP_LEN] {
        let mut bytes = [0; STAMP_LEN];
        bytes[0..4].copy_from_slice(&self.incarnation.0.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.epoch.0.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.offset.0.to_be_bytes());
        let flags = if self.replayed { FLAG_REPLAYED } else { 0 };
        bytes[16..20].copy_from_slice(&flags.to_be_bytes());
        bytes
    }

    fn from_bytes(bytes: &[u8; STAMP_LEN]) -> Self {
        Self {
            incarnation: Incarnation(be_u32(bytes, 0)),
            epoch: Epoch(be_u32(bytes, 4)),
            offset: Offset(be_u64(bytes, 8)),
            replayed: be_u32(bytes, 16) & FLAG_REPLAYED != 0,
        }
    }
}

/// A message: header and body, borrowed from the datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// Who asks, or is answered.
    pub client: ClientId,
    /// The client's life.
    pub client_incarnation: Incarnation,
    /// The client's number for the request.
    pub sequence: Sequence,
    /// The switch's stamp; all zero when it comes from a client.
    pub stamp: Stamp,
    /// The app's part.
    pub body: &'a [u8; BODY_LEN],
}

impl<'a> Message<'a> {
    /// The message in a datagram's payload; `None` if the length, magic, version or kind is wrong.
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
        let payload: &[u8; MESSAGE_LEN] = payload.try_into().ok()?;
        if payload[0..4] != MAGIC || payload[4] != VERSION {
            return None;
        }
        let stamp: &[u8; STAMP_LEN] = payload[STAMP_AT..BODY_AT].try_into().ok()?;
        Some(Self {
            kind: Kind::from_code(payload[5])?,
            client: ClientId(be_u32(payload, 8)),
            client_incarnation: Incarnation(be_u32(payload, 12)),
            sequence: Sequence(be_u64(payload, 16)),
            stamp: Stamp::from_bytes(stamp),
            body: payload[BODY_AT..].try_into().ok()?,
        })
    }

    /// The message's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; MESSAGE_LEN];
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = self.kind.code();
        bytes[8..12].copy_from_slice(&self.client.0.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.client_incarnation.0.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.0.to_be_bytes());
        bytes[STAMP_AT..BODY_AT].copy_from_slice(&self.stamp.to_bytes());
        bytes[BODY_AT..].copy_from_slice(self.body);
        bytes
    }
}

/// Writes `stamp` into the message of a frame whose IPv4 header has no options, and corrects the UDP checksum.
pub fn stamp_frame(frame: &mut [u8], stamp: Stamp) {
    patch_with_checksum(frame, HEADERS_LEN + STAMP_AT, &stamp.to_bytes(), HEADERS_LEN - 2);
}

/// Where two messages first differ outside their stamps, and over how many bytes up to the last difference; `None` if
/// they agree. Lengths that differ are a difference at the shorter one's end.
pub fn difference(a: &[u8], b: &[u8]) -> Option<Difference> {
    // Nearly always they agree, which whole slices show fastest.
    let alike =
        a.len() == b.len() && a.get(..STAMP_AT) == b.get(..STAMP_AT) && a.get(BODY_AT..) == b.get(BODY_AT..);
    if alike && a.len() >= BODY_AT {
        return None;
    }
    let differs = |&i: &usize| !(STAMP_AT..BODY_AT).contains(&i) && a.get(i) != b.get(i);
    let longest = a.len().max(b.len());
    let first = (0..longest).find(differs)?;
    let last = (first..longest).rev().find(differs).unwrap_or(first);
    Some(Difference { at: first as u32, len: (last - first + 1) as u32 })
}

/// Where two answers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Difference {
    /// The first byte that differs, counted from the start of the message.
    pub at: u32,
    /// Bytes from the first to the last that differs.
    pub len: u32,
}

fn be_u32(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

fn be_u64(bytes: &[u8], at: usize) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(body: &[u8; BODY_LEN]) -> Message<'_> {
        Message {
            kind: Kind::Answer,
            client: ClientId(7),
            client_incarnation: Incarnation(1),
            sequence: Sequence(99),
            stamp: Stamp { incarnation: Incarnation(3), epoch: Epoch(4), offset: Offset(5), replayed: true },
            body,
        }
    }

    #[test]
    fn a_message_survives_the_wire() {
        let body = [0xab; BODY_LEN];
        let message = sample(&body);
        assert_eq!(Message::parse(&message.to_bytes()), Some(message));
        assert_eq!(message.to_bytes().len() + 28, 624, "the paper's packet size");
    }

    #[test]
    fn only_what_stands_outside_the_stamp_is_compared() {
        let body = [1; BODY_LEN];
        let a = sample(&body).to_bytes();
        let mut b = Message { stamp: Stamp::default(), ..sample(&body) }.to_bytes();
        assert_eq!(difference(&a, &b), None);
        b[BODY_AT + 3] ^= 1;
        b[BODY_AT + 9] ^= 1;
        assert_eq!(difference(&a, &b), Some(Difference { at: BODY_AT as u32 + 3, len: 7 }));
        assert_eq!(difference(&a, &a[..MESSAGE_LEN - 1]).map(|d| d.len), Some(1));
    }

    proptest! {
        #[test]
        fn parsing_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..700)) {
            let _ = Message::parse(&bytes);
        }
    }
}
