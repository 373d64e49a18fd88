//! The receiving side of a transfer: takes bytes as they arrive, in pieces of any size, and writes each chunk into the
//! memory once its checksum is right. Holds one record at most and trusts no length; after an error it stays failed.

use super::{
    CRC_LEN, END, HELLO_LEN, MAGIC, RECORD_LEN, TransferError, VERSION, chunks_of, crc_of, u32_at, u64_at,
};
use crate::memory::{CHUNK_LEN, Memory};
use crate::snapshot::HEADER_MAX_LEN;
use zerogap_proto::MigrationId;

/// How far a transfer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come. If the stream ends here, it was torn.
    More,
    /// The memory is complete, and this is the header that came with it. Said once.
    Complete(Vec<u8>),
}

/// The state of one transfer that is being received.
#[derive(Debug)]
pub struct Decoder {
    migration: MigrationId,
    state: State,
    record: Vec<u8>,
    header: Vec<u8>,
}

/// What the record being gathered is, with what is known of it.
#[derive(Clone, Copy, Debug)]
enum State {
    Hello,
    Header { len: usize },
    Record { chunk: usize },
    Chunk { chunk: usize, len: usize },
    Complete,
    Failed(TransferError),
}

impl State {
    const fn record_len(self) -> usize {
        match self {
            Self::Hello => HELLO_LEN,
            Self::Header { len } => CRC_LEN + len,
            Self::Record { .. } => RECORD_LEN,
            Self::Chunk { len, .. } => RECORD_LEN + len,
            Self::Complete | Self::Failed(_) => 0,
        }
    }
}

impl Decoder {
    /// Waits for the transfer of this migration.
    pub const fn new(migration: MigrationId) -> Self {
        Self { migration, state: State::Hello, record: Vec::new(), header: Vec::new() }
    }

    /// Takes the next bytes of the stream. What has been written into `memory` is of use only when it is complete.
    pub fn push<M: Memory>(&mut self, mut bytes: &[u8], memory: &mut M) -> Result<Progress, TransferError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        while !matches!(self.state, State::Complete) {
            let missing = self.state.record_len() - self.record.len();
            let (now, later) = bytes.split_at(missing.min(bytes.len()));
            self.record.extend_from_slice(now);
            bytes = later;
            if now.len() < missing {
                return Ok(Progress::More);
            }
            self.state = self.advance(memory).map_err(|error| self.fail(error))?;
            if matches!(self.state, State::Complete) && bytes.is_empty() {
                return Ok(Progress::Complete(std::mem::take(&mut self.header)));
            }
        }
        if bytes.is_empty() { Ok(Progress::More) } else { Err(self.fail(TransferError::Trailing)) }
    }

    fn fail(&mut self, error: TransferError) -> TransferError {
        self.state = State::Failed(error);
        self.record = Vec::new();
        error
    }

    /// The record is whole: takes what it says and tells what follows.
    fn advance<M: Memory>(&mut self, memory: &mut M) -> Result<State, TransferError> {
        let next = match self.state {
            State::Hello => self.take_hello(memory)?,
            State::Header { .. } => self.take_header()?,
            State::Record { chunk } => return self.take_record(chunk, memory),
            State::Chunk { chunk, .. } => self.take_chunk(chunk, memory)?,
            State::Complete | State::Failed(_) => self.state,
        };
        self.record.clear();
        Ok(next)
    }

    fn take_hello<M: Memory>(&self, memory: &M) -> Result<State, TransferError> {
        let hello = &self.record;
        if hello[0..4] != MAGIC || hello[4..6] != VERSION.to_be_bytes() {
            return Err(TransferError::NotATransfer);
        }
        if crc32fast::hash(&hello[..HELLO_LEN - CRC_LEN]) != u32_at(hello, HELLO_LEN - CRC_LEN) {
            return Err(TransferError::Checksum);
        }
        let migration = MigrationId(u32_at(hello, 8));
        if migration != self.migration {
            return Err(TransferError::OtherMigration(migration));
        }
        let (theirs, ours) = (u64_at(hello, 12), memory.len() as u64);
        if theirs != ours {
            return Err(TransferError::StateBytes { theirs, ours });
        }
        let len = u32_at(hello, 20);
        if len as usize > HEADER_MAX_LEN {
            return Err(TransferError::HeaderLength(len));
        }
        Ok(State::Header { len: len as usize })
    }

    fn take_header(&mut self) -> Result<State, TransferError> {
        let header = &self.record[CRC_LEN..];
        if crc32fast::hash(header) != u32_at(&self.record, 0) {
            return Err(TransferError::Checksum);
        }
        self.header = header.to_vec();
        Ok(State::Record { chunk: 0 })
    }

    /// A record's first words: the chunk that must follow, or the end after the last. They stay in front of the chunk's
    /// bytes, over which the checksum goes as well.
    fn take_record<M: Memory>(&mut self, chunk: usize, memory: &M) -> Result<State, TransferError> {
        let (index, len) = (u32_at(&self.record, 0), u32_at(&self.record, 4));
        if chunk as u64 == chunks_of(memory.len() as u64) {
            if (index, len) != (END, chunk as u32) {
                return Err(TransferError::Order);
            }
            if u32_at(&self.record, 8) != crc_of(index, len, &[]) {
                return Err(TransferError::Checksum);
            }
            self.record = Vec::new();
            return Ok(State::Complete);
        }
        let expected = memory.chunk_len(chunk);
        if (index, len) != (chunk as u32, expected as u32) {
            return Err(TransferError::Order);
        }
        Ok(State::Chunk { chunk, len: expected })
    }

    fn take_chunk<M: Memory>(&self, chunk: usize, memory: &mut M) -> Result<State, TransferError> {
        let bytes = &self.record[RECORD_LEN..];
        if crc_of(chunk as u32, bytes.len() as u32, bytes) != u32_at(&self.record, 8) {
            return Err(TransferError::Checksum);
        }
        memory.write(chunk * CHUNK_LEN, bytes);
        Ok(State::Record { chunk: chunk + 1 })
    }
}
