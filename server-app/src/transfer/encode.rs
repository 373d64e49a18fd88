//! The sending side of a transfer: one record at a time, into a buffer that the driver uses again and again. Pages of
//! zeros are told of, not sent.

use super::record::{HEAD_LEN, Kind, RUN_LEN, RUNS_MAX, put};
use super::{HELLO_LEN, MAGIC, PAGES_MAX, TransferError, VERSION, put_words};
use crate::memory::{BLOCK_LEN, Memory, PAGE_LEN, Prior, is_all};
use crate::pages::PageSet;
use crate::snapshot::HEADER_MAX_LEN;
use zerogap_proto::MigrationId;

/// Most pages of zeros in one record: looking at them is 16 MB of work.
const ZEROS_MAX: usize = 4_096;

/// How a part of a transfer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End<'a> {
    /// A round of this number, one more than the one before. More parts follow.
    Round(u32),
    /// With the header: after this part the receiver has all.
    Complete(&'a [u8]),
    /// With the header. The part's pages are not sent but said to be missing; they follow as pulled pages.
    Usable(&'a [u8]),
}

/// Turns an image of the memory into the records of one part of a transfer.
#[derive(Debug)]
pub struct Encoder<'a, M> {
    memory: &'a M,
    pages: &'a PageSet,
    migration: MigrationId,
    end: End<'a>,
    next: Next,
    /// Pages in the part so far, and those of them that were not zeros.
    told: u32,
    sent: u64,
}

/// What the next record is.
#[derive(Clone, Copy, Debug)]
enum Next {
    Hello,
    /// Pages from this one on.
    Pages(usize),
    Header,
    /// Runs of missing pages from this one on.
    Missing(usize),
    End,
    Nothing,
}

impl<'a, M: Memory> Encoder<'a, M> {
    /// A part of these `pages` of `memory`, which must not change while it is under way. `hello` begins the first part on a
    /// connection.
    pub fn new(
        migration: MigrationId,
        memory: &'a M,
        pages: &'a PageSet,
        hello: bool,
        end: End<'a>,
    ) -> Result<Self, TransferError> {
        let header_len = end.header().map_or(0, <[u8]>::len);
        if header_len > HEADER_MAX_LEN {
            return Err(TransferError::HeaderLength(u32::try_from(header_len).unwrap_or(u32::MAX)));
        }
        if pages.bound() != memory.pages() {
            return Err(TransferError::PageSet { set: pages.bound(), memory: memory.pages() });
        }
        let next = if hello { Next::Hello } else { end.begin() };
        Ok(Self { memory, pages, migration, end, next, told: 0, sent: 0 })
    }

    /// Puts the next record into `out`, in place of what is there; `false`, with nothing in it, after the last.
    pub fn next_record(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        while out.is_empty() {
            self.next = match self.next {
                Next::Hello => self.put_hello(out),
                Next::Pages(at) => self.put_pages(at, out),
                Next::Header => self.put_header(out),
                Next::Missing(at) => self.put_missing(at, out),
                Next::End => self.put_end(out),
                Next::Nothing => return false,
            };
        }
        true
    }

    /// Pages sent so far, those of zeros not counted.
    pub const fn pages_sent(&self) -> u64 {
        self.sent
    }

    fn put_hello(&self, out: &mut Vec<u8>) -> Next {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.migration.0.to_be_bytes());
        out.extend_from_slice(&(self.memory.len() as u64).to_be_bytes());
        let crc = crc32fast::hash(out);
        put_words(out, [crc]);
        debug_assert_eq!(out.len(), HELLO_LEN);
        self.end.begin()
    }

    fn put_pages(&mut self, at: usize, out: &mut Vec<u8>) -> Next {
        let Some(first) = self.pages.next_from(at) else {
            return if self.end.header().is_some() { Next::Header } else { Next::End };
        };
        let run = self.pages.run_at(first, ZEROS_MAX);
        let (count, data) = put_some(self.memory, first, run, out);
        self.told += count as u32;
        self.sent += if data { count as u64 } else { 0 };
        Next::Pages(first + count)
    }

    fn put_header(&self, out: &mut Vec<u8>) -> Next {
        let header = self.end.header().unwrap_or_default();
        put(out, Kind::Header, 0, header.len() as u32, |out| out.extend_from_slice(header));
        match self.end {
            End::Usable(_) => Next::Missing(0),
            End::Round(_) | End::Complete(_) => Next::End,
        }
    }

    fn put_missing(&mut self, at: usize, out: &mut Vec<u8>) -> Next {
        let mut runs = Vec::with_capacity(RUNS_MAX);
        let mut at = at;
        while let Some(first) = self.pages.next_from(at).filter(|_| runs.len() < RUNS_MAX) {
            let count = self.pages.run_at(first, self.pages.bound() - first);
            runs.push([first as u32, count as u32]);
            self.told += count as u32;
            at = first + count;
        }
        if runs.is_empty() {
            return Next::End;
        }
        put(out, Kind::Missing, 0, runs.len() as u32, |out| runs.iter().for_each(|run| put_words(out, *run)));
        Next::Missing(at)
    }

    fn put_end(&self, out: &mut Vec<u8>) -> Next {
        let (kind, number) = match self.end {
            End::Round(number) => (Kind::Round, number),
            End::Complete(_) => (Kind::Complete, 0),
            End::Usable(_) => (Kind::Usable, 0),
        };
        put(out, kind, number, self.told, |_| ());
        Next::Nothing
    }
}

impl<'a> End<'a> {
    const fn header(self) -> Option<&'a [u8]> {
        match self {
            Self::Round(_) => None,
            Self::Complete(header) | Self::Usable(header) => Some(header),
        }
    }

    const fn begin(self) -> Next {
        match self {
            Self::Round(_) | Self::Complete(_) => Next::Pages(0),
            Self::Usable(_) => Next::Header,
        }
    }
}

/// Appends the records of `count` pages from `first` on to `out`: pages that were asked for, or are sent in between.
pub fn encode_pages<M: Memory>(memory: &M, first: usize, count: usize, out: &mut Vec<u8>) {
    let (mut at, end) = (first, first + count);
    while at < end {
        at += put_some(memory, at, end - at, out).0;
    }
}

/// Appends the end of the pulled pages to `out`.
pub fn encode_done(migration: MigrationId, out: &mut Vec<u8>) {
    put(out, Kind::Done, migration.0, 0, |_| ());
}

/// Most bytes that a part of `pages` with a header of this length can have, pulled pages included: for progress, and for
/// drivers that only model a transfer.
pub fn stream_len(pages: &PageSet, header_len: usize) -> u64 {
    let (mut records, mut runs) = (0, 0);
    for (_, count) in pages.runs() {
        records += count.div_ceil(PAGES_MAX);
        runs += 1;
    }
    // The header, the end, what is missing, the end of the pulled pages. Pages of zeros in between only make it less.
    let records = records + 3 + usize::div_ceil(runs, RUNS_MAX);
    (HELLO_LEN + header_len + records * HEAD_LEN + runs * RUN_LEN + pages.len() * PAGE_LEN) as u64
}

/// Appends one record of at most `max` pages from `first` on. Returns how many, and whether they are data.
fn put_some<M: Memory>(memory: &M, first: usize, max: usize, out: &mut Vec<u8>) -> (usize, bool) {
    let zeros = (first..first + max.min(ZEROS_MAX)).take_while(|&page| is_zero(memory, page)).count();
    if zeros > 0 {
        put(out, Kind::Zeros, first as u32, zeros as u32, |_| ());
        return (zeros, false);
    }
    let pages = first..first + max.min(PAGES_MAX);
    let count = pages.clone().take_while(|&page| page == first || !is_zero(memory, page)).count();
    put(out, Kind::Data, first as u32, count as u32, |out| {
        pages.take(count).for_each(|page| memory.read_page(page, out));
    });
    (count, true)
}

/// Whether all of a page is zeros; one that holds the prior for sure is not read to know.
fn is_zero<M: Memory>(memory: &M, page: usize) -> bool {
    match (memory.page(page), memory.prior()) {
        (Some(bytes), _) => bytes.chunks(BLOCK_LEN).all(|block| is_all(block, 0)),
        (None, Prior::Unknown) => true,
        (None, Prior::FloorPlan) => false,
    }
}
