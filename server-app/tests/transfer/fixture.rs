//! A memory, transfers of it of every kind, and somebody who takes what arrives.

use proptest::prelude::*;
use zerogap_proto::{JobFailure, MigrationId};
use zerogap_server_app::transfer::{
    Decoder, Encoder, End, Inbox, Progress, Sink, TransferError, encode_done, encode_pages, stream_len,
};
use zerogap_server_app::{Memory, PAGE_LEN, PageSet, Prior, PullOrder, SparseMemory};

pub(crate) const M: MigrationId = MigrationId(7);

/// 40 pages and a piece.
pub(crate) const LEN: usize = 40 * PAGE_LEN + 1_000;

pub(crate) const PAGES: usize = 41;

pub(crate) const HEADER: &[u8] = b"all but the memory";

/// What has arrived, in a memory that held something else before.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target(pub(crate) Vec<u8>);

impl Target {
    pub(crate) fn new() -> Self {
        Self(vec![0xaa; LEN])
    }
}

impl Sink for Target {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn pages(&mut self, first: usize, bytes: &[u8]) -> Result<(), JobFailure> {
        self.0[first * PAGE_LEN..][..bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn zeros(&mut self, first: usize, count: usize) -> Result<(), JobFailure> {
        let end = self.0.len().min((first + count) * PAGE_LEN);
        self.0[first * PAGE_LEN..end].fill(0);
        Ok(())
    }
}

/// Something on most pages, nothing on some, and some that are zeros although they were written.
pub(crate) fn source(prior: Prior) -> SparseMemory {
    let mut memory = SparseMemory::new(LEN, prior);
    (0..LEN).step_by(997).filter(|at| at / PAGE_LEN % 5 > 1).for_each(|at| memory.set(at, at as u8 | 1));
    memory.clear(20, 3);
    memory
}

pub(crate) fn bytes_of(memory: &impl Memory) -> Vec<u8> {
    let mut bytes = Vec::new();
    (0..memory.chunks()).for_each(|chunk| memory.read_chunk(chunk, &mut bytes));
    bytes
}

pub(crate) fn part(memory: &impl Memory, pages: &PageSet, hello: bool, end: End<'_>) -> Vec<Vec<u8>> {
    let mut encoder = Encoder::new(M, memory, pages, hello, end).expect("a short header");
    let (mut record, mut all) = (Vec::new(), Vec::new());
    while encoder.next_record(&mut record) {
        all.push(record.clone());
    }
    let header_len = if let End::Round(_) = end { 0 } else { HEADER.len() };
    assert!(all.concat().len() as u64 <= stream_len(pages, header_len));
    all
}

pub(crate) fn pages(of: impl IntoIterator<Item = usize>) -> PageSet {
    let mut set = PageSet::none(PAGES);
    of.into_iter().for_each(|page| set.insert_run(page, 1));
    set
}

/// Everything at once.
pub(crate) fn eager() -> Vec<Vec<u8>> {
    part(&source(Prior::FloorPlan), &PageSet::all(PAGES), true, End::Complete(HEADER))
}

/// Two rounds, then what is left: the memory changes in between.
pub(crate) fn rounds() -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut memory = source(Prior::FloorPlan);
    let mut records = part(&memory, &PageSet::all(PAGES), true, End::Round(1));
    for (round, at) in [(Some(2), 5_000), (None, 5_001)] {
        let image = memory.clone();
        [at, at + 9 * PAGE_LEN, LEN - 1].into_iter().for_each(|at| memory.set(at, 0x77));
        let end = round.map_or(End::Complete(HEADER), End::Round);
        records.extend(part(&memory, &memory.changed_since(&image), false, end));
    }
    (records, bytes_of(&memory))
}

/// One round, then the header and what is missing, then that, in the order of somebody's faults.
pub(crate) fn lazy() -> (Vec<Vec<u8>>, Vec<u8>) {
    let mut memory = source(Prior::FloorPlan);
    let mut records = part(&memory, &PageSet::all(PAGES), true, End::Round(0));
    let missing = pages((3..9).chain(20..PAGES));
    missing
        .runs()
        .for_each(|(first, count)| (first..first + count).for_each(|p| memory.set(p * PAGE_LEN, 0x33)));
    records.extend(part(&memory, &missing, false, End::Usable(HEADER)));
    let mut order = PullOrder::new(missing);
    order.fault(30);
    for (first, count) in order {
        let mut record = Vec::new();
        encode_pages(&memory, first, count, &mut record);
        records.push(record);
    }
    let mut record = Vec::new();
    encode_done(M, &mut record);
    records.push(record);
    (records, bytes_of(&memory))
}

/// All that the bytes bring to completion, until they end or an error.
pub(crate) fn receive(bytes: &[u8], target: &mut Target) -> Result<Vec<Progress>, TransferError> {
    Stream::new(LEN as u64).push(bytes, target)
}

/// The receiving end of a connection.
#[derive(Clone)]
pub(crate) struct Stream {
    decoder: Decoder,
    inbox: Inbox,
}

impl Stream {
    pub(crate) fn new(state_bytes: u64) -> Self {
        Self { decoder: Decoder::new(M, state_bytes), inbox: Inbox::new() }
    }

    /// All that these bytes bring to completion.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        target: &mut Target,
    ) -> Result<Vec<Progress>, TransferError> {
        let mut said = Vec::new();
        while !bytes.is_empty() {
            self.read(&mut bytes);
            while let progress = self.next(target)?
                && progress != Progress::More
            {
                said.push(progress);
            }
        }
        Ok(said)
    }

    /// Reads what there is room for.
    pub(crate) fn read(&mut self, bytes: &mut &[u8]) {
        let room = self.inbox.room();
        assert!(!room.is_empty(), "more was asked for without room for it");
        let (now, later) = bytes.split_at(room.len().min(bytes.len()));
        room[..now.len()].copy_from_slice(now);
        self.inbox.arrived(now.len());
        *bytes = later;
    }

    pub(crate) fn next(&mut self, target: &mut Target) -> Result<Progress, TransferError> {
        self.inbox.decode(&mut self.decoder, target)
    }
}

pub(crate) const fn is_final(progress: &Progress) -> bool {
    matches!(progress, Progress::Complete(_) | Progress::Pulled)
}

/// Whether a receiver would take a damaged stream for a good one.
pub(crate) fn is_believed(result: &Result<Vec<Progress>, TransferError>) -> bool {
    result.as_ref().is_ok_and(|said| said.last().is_some_and(is_final))
}

pub(crate) fn any_transfer() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop_oneof![Just(eager()), Just(rounds().0), Just(lazy().0)]
}
