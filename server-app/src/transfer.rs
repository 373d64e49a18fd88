//! The format in which a state travels over a byte stream, without any IO: the snapshot's header, then all chunks of the
//! memory in order, then the end; and the acknowledgement that goes back. Every part carries a checksum.
//!
//! ```text
//! hello   magic "ZGST"  version (2)  0 (2)  migration (4)  state bytes (8)  header length (4)  crc32 of these (4)
//! header  crc32 (4)  the header's bytes
//! chunk   index (4)  length (4)  crc32 of both and the bytes (4)  bytes            once for every chunk, in order
//! end     ffffffff  number of chunks (4)  crc32 of both (4)
//! back:   magic "ZGOK"  migration (4)  crc32 of both (4)
//! ```
//! All numbers are big-endian. crc32 is IEEE 802.3's; one changed byte never escapes it.

mod decode;
mod encode;

pub use decode::{Decoder, Progress};
pub use encode::{Encoder, stream_len};

use crate::memory::CHUNK_LEN;
use crate::snapshot::HEADER_MAX_LEN;
use zerogap_proto::{JobFailure, MigrationId};

/// Length of an acknowledgement in bytes.
pub const ACK_LEN: usize = 12;

const MAGIC: [u8; 4] = *b"ZGST";
const ACK_MAGIC: [u8; 4] = *b"ZGOK";
const VERSION: u16 = 1;
const HELLO_LEN: usize = 28;
const CRC_LEN: usize = 4;
const RECORD_LEN: usize = 12;
const END: u32 = u32::MAX;

/// Why a transfer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Not a transfer of this version.
    #[error("what arrived is no state transfer of version {VERSION}: run the same version on all hosts")]
    NotATransfer,
    /// Meant for another migration.
    #[error("the transfer is for migration {0}, another one than was waited for")]
    OtherMigration(MigrationId),
    /// Of another size.
    #[error(
        "the transfer carries {theirs} bytes of state, this server has {ours}: give both the same state size"
    )]
    StateBytes {
        /// The transfer's.
        theirs: u64,
        /// This server's.
        ours: u64,
    },
    /// A header that is longer than any.
    #[error("the transfer announces a header of {0} bytes, more than {HEADER_MAX_LEN}")]
    HeaderLength(u32),
    /// A checksum is wrong.
    #[error("a checksum of the transfer is wrong")]
    Checksum,
    /// Not the chunk that must follow, or not of its length.
    #[error("the transfer's chunks are out of order")]
    Order,
    /// Bytes after the end.
    #[error("the transfer goes on after its end")]
    Trailing,
}

impl From<TransferError> for JobFailure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::NotATransfer
            | TransferError::OtherMigration(_)
            | TransferError::Order
            | TransferError::Trailing => Self::Protocol,
            TransferError::StateBytes { .. } => Self::Memory,
            TransferError::HeaderLength(_) => Self::Header,
            TransferError::Checksum => Self::Checksum,
        }
    }
}

/// What a target sends back when it has everything.
pub fn acknowledgement(migration: MigrationId) -> [u8; ACK_LEN] {
    let mut bytes = [0; ACK_LEN];
    bytes[0..4].copy_from_slice(&ACK_MAGIC);
    bytes[4..8].copy_from_slice(&migration.0.to_be_bytes());
    let crc = crc32fast::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// Whether `bytes` acknowledge the transfer of this migration.
pub fn check_acknowledgement(bytes: &[u8; ACK_LEN], migration: MigrationId) -> Result<(), TransferError> {
    if bytes[0..4] != ACK_MAGIC {
        return Err(TransferError::NotATransfer);
    }
    if crc32fast::hash(&bytes[..8]) != u32_at(bytes, 8) {
        return Err(TransferError::Checksum);
    }
    let theirs = MigrationId(u32_at(bytes, 4));
    if theirs == migration { Ok(()) } else { Err(TransferError::OtherMigration(theirs)) }
}

/// Number of chunks of a memory.
const fn chunks_of(state_bytes: u64) -> u64 {
    state_bytes.div_ceil(CHUNK_LEN as u64)
}

/// Checksum of a record: its index, its length, its bytes.
fn crc_of(index: u32, len: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&index.to_be_bytes());
    hasher.update(&len.to_be_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acknowledgement_counts_for_its_own_migration_and_only_whole() {
        let bytes = acknowledgement(MigrationId(7));
        assert_eq!(check_acknowledgement(&bytes, MigrationId(7)), Ok(()));
        let other = Err(TransferError::OtherMigration(MigrationId(7)));
        assert_eq!(check_acknowledgement(&bytes, MigrationId(8)), other);
        for at in 0..ACK_LEN {
            let mut damaged = bytes;
            damaged[at] ^= 0x10;
            assert!(check_acknowledgement(&damaged, MigrationId(7)).is_err(), "byte {at}");
        }
    }
}
