//! The format in which a state travels over a byte stream, without any IO. A stream begins with a hello and goes on with
//! parts: pages, in any order, then an end: of a round, of all (with the header), or, lazily, the header and the set of
//! pages that are missing, which are then asked for and follow one by one. Every record carries checksums, every end the
//! number of its part's pages, and the receiver keeps account of all pages: a page that is lost is found.
//!
//! ```text
//! hello     magic "ZGST"  version (2)  0 (2)  migration (4)  state bytes (8)  crc32 of these (4)
//! record    kind (4)  first (4)  count (4)  crc32 of the bytes (4)  crc32 of these (4)  bytes
//!   1 data      the pages first to first + count - 1, 16 at the most
//!   2 zeros     as many pages of zeros; no bytes
//!   3 header    count bytes: all of the state but the memory
//!   4 missing   count runs of pages: first (4)  number (4)
//!   5 round     end of round `first`, of count pages
//!   6 complete  end of the last part, of count pages: all is here
//!   7 usable    end of a lazy part: count pages are missing, pulled pages follow
//!   8 done      end of the pulled pages, for migration `first`
//! back:     magic "ZGOK"  migration (4)  crc32 of both (4)             all is here
//!           magic "ZGPG"  migration (4)  page (4)  crc32 of these (4)  send this page next
//! ```
//! All numbers are big-endian. crc32 is IEEE 802.3's; one changed byte never escapes it.

mod back;
mod decode;
mod encode;
mod inbox;
mod record;

pub use back::{ACK_LEN, Back, REQUEST_LEN, Requests, acknowledgement, request_page};
pub use decode::{Decoder, Progress, Sink};
pub use encode::{Encoder, End, encode_done, encode_pages, stream_len};
pub use inbox::Inbox;

use self::record::{HEAD_LEN, RUN_LEN, RUNS_MAX};
use crate::memory::PAGE_LEN;
use crate::snapshot::HEADER_MAX_LEN;
use zerogap_proto::{JobFailure, MigrationId};

/// Most pages in one record, and in one run of pages that are asked for.
pub const PAGES_MAX: usize = 16;
/// More than the longest thing that is only taken whole: a hello, a record's head, or its bytes.
pub const ITEM_MAX_LEN: usize =
    1 + longest([HELLO_LEN, HEAD_LEN, PAGES_MAX * PAGE_LEN, HEADER_MAX_LEN, RUNS_MAX * RUN_LEN]);

const MAGIC: [u8; 4] = *b"ZGST";
const VERSION: u16 = 2;
const HELLO_LEN: usize = 24;

/// Why a transfer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransferError {
    /// Not a transfer at all.
    #[error("what arrived is no state transfer")]
    NotATransfer,
    /// Of another version.
    #[error(
        "the transfer has version {0}, this server speaks version {VERSION}: run the same version everywhere"
    )]
    Version(u16),
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
    /// A set of pages of another memory.
    #[error("the pages to send are of a memory of {set} pages, this one has {memory}")]
    PageSet {
        /// Pages of the set's memory.
        set: usize,
        /// Pages of the memory.
        memory: usize,
    },
    /// A checksum is wrong.
    #[error("a checksum of the transfer is wrong")]
    Checksum,
    /// A record where it must not stand, a page that came before, or one that does not exist.
    #[error("the transfer's records do not follow each other as they must")]
    Order,
    /// An end, but not all the pages that must come before it.
    #[error("the transfer lacks pages")]
    Incomplete,
    /// Bytes after the end.
    #[error("the transfer goes on after its end")]
    Trailing,
    /// Whoever takes the pages could not.
    #[error("a page cannot be put in its place: {0}")]
    Sink(JobFailure),
}

impl From<TransferError> for JobFailure {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::NotATransfer
            | TransferError::Version(_)
            | TransferError::OtherMigration(_)
            | TransferError::Order
            | TransferError::Incomplete
            | TransferError::Trailing => Self::Protocol,
            TransferError::StateBytes { .. } | TransferError::PageSet { .. } => Self::Memory,
            TransferError::HeaderLength(_) => Self::Header,
            TransferError::Checksum => Self::Checksum,
            TransferError::Sink(failure) => failure,
        }
    }
}

const fn longest<const N: usize>(lens: [usize; N]) -> usize {
    let (mut longest, mut at) = (0, 0);
    while at < N {
        if lens[at] > longest {
            longest = lens[at];
        }
        at += 1;
    }
    longest
}

/// Number of pages of a memory.
const fn pages_of(state_bytes: u64) -> usize {
    state_bytes.div_ceil(PAGE_LEN as u64) as usize
}

/// Length in bytes of `count` pages, the last of which may be shorter.
const fn bytes_of(state_bytes: u64, first: usize, count: usize) -> usize {
    let (from, wanted) = ((first * PAGE_LEN) as u64, (count * PAGE_LEN) as u64);
    let there = state_bytes.saturating_sub(from);
    (if there < wanted { there } else { wanted }) as usize
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[at..at + 4]);
    u32::from_be_bytes(word)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) << 32 | u64::from(u32_at(bytes, at + 4))
}

fn put_words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
}
