//! One record: its head, and how many bytes may follow it. A head has a checksum of its own, so that no length is believed
//! that was not written by a sender.

use super::{PAGES_MAX, TransferError, bytes_of, pages_of, u32_at};
use crate::snapshot::HEADER_MAX_LEN;

/// Length of a head.
pub(super) const HEAD_LEN: usize = 20;
/// Length of a run in a `Missing` record.
pub(super) const RUN_LEN: usize = 8;
/// Most runs in one.
pub(super) const RUNS_MAX: usize = 1_024;

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Data = 1,
    Zeros,
    Header,
    Missing,
    Round,
    Complete,
    Usable,
    Done,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Data,
        Self::Zeros,
        Self::Header,
        Self::Missing,
        Self::Round,
        Self::Complete,
        Self::Usable,
        Self::Done,
    ];
}

/// The first words of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) kind: Kind,
    pub(super) first: u32,
    pub(super) count: u32,
    /// Checksum of the bytes that follow.
    pub(super) crc: u32,
}

impl Head {
    /// The head in `bytes`, which are [`HEAD_LEN`] long.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TransferError> {
        if crc32fast::hash(&bytes[..HEAD_LEN - 4]) != u32_at(bytes, HEAD_LEN - 4) {
            return Err(TransferError::Checksum);
        }
        let kind = u32_at(bytes, 0);
        let kind = Kind::ALL.into_iter().find(|known| *known as u32 == kind).ok_or(TransferError::Order)?;
        Ok(Self { kind, first: u32_at(bytes, 4), count: u32_at(bytes, 8), crc: u32_at(bytes, 12) })
    }

    /// How many bytes follow, in a transfer of a state of this size.
    pub(super) fn body_len(self, state_bytes: u64) -> Result<usize, TransferError> {
        let (first, count) = (self.first as usize, self.count as usize);
        let pages = pages_of(state_bytes);
        let exist = count > 0 && first < pages && count <= pages - first;
        match self.kind {
            Kind::Data if exist && count <= PAGES_MAX => Ok(bytes_of(state_bytes, first, count)),
            Kind::Zeros if exist => Ok(0),
            Kind::Header if count > HEADER_MAX_LEN => Err(TransferError::HeaderLength(self.count)),
            Kind::Header => Ok(count),
            Kind::Missing if (1..=RUNS_MAX).contains(&count) => Ok(count * RUN_LEN),
            Kind::Data | Kind::Zeros | Kind::Missing => Err(TransferError::Order),
            Kind::Round | Kind::Complete | Kind::Usable | Kind::Done => Ok(0),
        }
    }
}

/// Appends a record to `out`, whose bytes `body` appends.
pub(super) fn put(out: &mut Vec<u8>, kind: Kind, first: u32, count: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_LEN]);
    body(out);
    let (head, body) = out[start..].split_at_mut(HEAD_LEN);
    let words = [kind as u32, first, count, crc32fast::hash(body)];
    for (to, word) in head.chunks_exact_mut(4).zip(words) {
        to.copy_from_slice(&word.to_be_bytes());
    }
    let crc = crc32fast::hash(&head[..HEAD_LEN - 4]);
    head[HEAD_LEN - 4..].copy_from_slice(&crc.to_be_bytes());
}
