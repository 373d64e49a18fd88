//! The receiving side of a transfer: takes whole records out of the bytes that have arrived (which an inbox holds until they
//! are whole), and hands each page on once its checksum is right. Copies no page, trusts no length, and keeps account of every
//! page; after an error it stays failed.

use super::record::{HEAD_LEN, Head, Kind, RUN_LEN};
use super::{HELLO_LEN, MAGIC, TransferError, VERSION, pages_of, u32_at, u64_at};
use crate::pages::PageSet;
use zerogap_proto::{JobFailure, MigrationId};

/// Who takes the pages as they arrive.
pub trait Sink {
    /// Size of its memory.
    fn bytes(&self) -> u64;
    /// Whole pages from `first` on, the last of which may be the memory's shorter last one.
    fn pages(&mut self, first: usize, bytes: &[u8]) -> Result<(), JobFailure>;
    /// Pages of zeros.
    fn zeros(&mut self, first: usize, count: usize) -> Result<(), JobFailure>;
}

/// How far a transfer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// More is to come. If the stream ends here, it was torn.
    More,
    /// The round of this number is whole.
    Round(u32),
    /// The memory is complete, and this is the header that came with it.
    Complete(Vec<u8>),
    /// The memory is complete but for `missing`; pulled pages follow.
    Usable {
        /// The header that came.
        header: Vec<u8>,
        /// The pages that are still to come.
        missing: PageSet,
    },
    /// All missing pages have come.
    Pulled,
}

/// The state of one connection's transfer that is being received. May go on in another process, which then needs the
/// bytes that are left and those that follow.
#[derive(Clone, Debug)]
pub struct Decoder {
    migration: MigrationId,
    state_bytes: u64,
    state: State,
    /// Pages that have come since the hello.
    came: PageSet,
    /// Pages that have come in this part.
    part: PageSet,
    header: Option<Vec<u8>>,
    /// Pages that are to be pulled.
    missing: PageSet,
    /// Whether pages are being pulled.
    usable: bool,
    latest_round: Option<u32>,
}

/// What is waited for.
#[derive(Clone, Copy, Debug)]
enum State {
    Hello,
    Head,
    Body(Head),
    Over,
    Failed(TransferError),
}

impl Decoder {
    /// Waits for the transfer of this migration into a memory of this size.
    pub fn new(migration: MigrationId, state_bytes: u64) -> Self {
        let none = PageSet::none(pages_of(state_bytes));
        Self {
            migration,
            state_bytes,
            state: State::Hello,
            came: none.clone(),
            part: none.clone(),
            header: None,
            missing: none,
            usable: false,
            latest_round: None,
        }
    }

    /// Takes the next bytes of the stream, up to and with the first that complete something; `bytes` is left with the
    /// others. [`Progress::More`] leaves less than [`ITEM_MAX_LEN`](super::ITEM_MAX_LEN) of them, which are to be pushed again with what follows.
    pub fn push(&mut self, bytes: &mut &[u8], sink: &mut impl Sink) -> Result<Progress, TransferError> {
        self.go_on(bytes, sink).inspect_err(|&error| self.state = State::Failed(error))
    }

    fn go_on(&mut self, bytes: &mut &[u8], sink: &mut impl Sink) -> Result<Progress, TransferError> {
        if sink.bytes() != self.state_bytes {
            return Err(TransferError::StateBytes { theirs: self.state_bytes, ours: sink.bytes() });
        }
        loop {
            let len = match self.state {
                State::Hello => HELLO_LEN,
                State::Head => HEAD_LEN,
                State::Body(head) => head.body_len(self.state_bytes)?,
                State::Over if bytes.is_empty() => return Ok(Progress::More),
                State::Over => return Err(TransferError::Trailing),
                State::Failed(error) => return Err(error),
            };
            let Some((whole, later)) = bytes.split_at_checked(len) else { return Ok(Progress::More) };
            *bytes = later;
            let progress = self.take(whole, sink)?;
            if progress != Progress::More {
                return Ok(progress);
            }
        }
    }

    /// What was waited for is whole.
    fn take(&mut self, bytes: &[u8], sink: &mut impl Sink) -> Result<Progress, TransferError> {
        match self.state {
            State::Hello => {
                self.take_hello(bytes)?;
                self.state = State::Head;
                Ok(Progress::More)
            }
            State::Head => {
                self.state = State::Body(Head::parse(bytes)?);
                Ok(Progress::More)
            }
            State::Body(head) => {
                if crc32fast::hash(bytes) != head.crc {
                    return Err(TransferError::Checksum);
                }
                self.state = State::Head;
                self.take_record(head, bytes, sink)
            }
            State::Over | State::Failed(_) => Ok(Progress::More),
        }
    }

    fn take_hello(&self, hello: &[u8]) -> Result<(), TransferError> {
        if hello[0..4] != MAGIC {
            return Err(TransferError::NotATransfer);
        }
        let version = (u32_at(hello, 4) >> 16) as u16;
        if version != VERSION {
            return Err(TransferError::Version(version));
        }
        if crc32fast::hash(&hello[..HELLO_LEN - 4]) != u32_at(hello, HELLO_LEN - 4) {
            return Err(TransferError::Checksum);
        }
        self.is_ours(u32_at(hello, 8))?;
        let (theirs, ours) = (u64_at(hello, 12), self.state_bytes);
        if theirs == ours { Ok(()) } else { Err(TransferError::StateBytes { theirs, ours }) }
    }

    fn is_ours(&self, migration: u32) -> Result<(), TransferError> {
        let migration = MigrationId(migration);
        if migration == self.migration { Ok(()) } else { Err(TransferError::OtherMigration(migration)) }
    }

    fn take_record(
        &mut self,
        head: Head,
        bytes: &[u8],
        sink: &mut impl Sink,
    ) -> Result<Progress, TransferError> {
        let (first, count) = (head.first as usize, head.count as usize);
        match head.kind {
            Kind::Data => {
                self.account_for(first, count)?;
                sink.pages(first, bytes).map_err(TransferError::Sink)?;
                Ok(Progress::More)
            }
            Kind::Zeros => {
                self.account_for(first, count)?;
                sink.zeros(first, count).map_err(TransferError::Sink)?;
                Ok(Progress::More)
            }
            Kind::Header if self.header.is_none() && !self.usable => {
                self.header = Some(bytes.to_vec());
                Ok(Progress::More)
            }
            Kind::Header => Err(TransferError::Order),
            Kind::Missing => self.take_missing(bytes),
            Kind::Round => self.end_round(head.first, count),
            Kind::Complete => self.end_all(count),
            Kind::Usable => self.end_lazily(count),
            Kind::Done => self.end_pulling(head.first),
        }
    }

    /// Pages have come that exist: each once a part, and pulled ones only if they are missing.
    fn account_for(&mut self, first: usize, count: usize) -> Result<(), TransferError> {
        for page in first..first + count {
            let expected = if self.usable { self.missing.remove(page) } else { self.part.insert(page) };
            if !expected {
                return Err(TransferError::Order);
            }
        }
        self.came.insert_run(first, count);
        Ok(())
    }

    fn take_missing(&mut self, bytes: &[u8]) -> Result<Progress, TransferError> {
        if self.usable {
            return Err(TransferError::Order);
        }
        for run in bytes.chunks_exact(RUN_LEN) {
            let (first, count) = (u32_at(run, 0) as usize, u32_at(run, 4) as usize);
            let before = self.missing.len();
            self.missing.insert_run(first, count);
            // One that lies beyond the end or was named before has not been put in.
            if self.missing.len() - before != count {
                return Err(TransferError::Order);
            }
        }
        Ok(Progress::More)
    }

    fn end_round(&mut self, number: u32, count: usize) -> Result<Progress, TransferError> {
        let follows = self.latest_round.is_none_or(|latest| number == latest.wrapping_add(1));
        if self.usable || self.header.is_some() || !self.missing.is_empty() || !follows {
            return Err(TransferError::Order);
        }
        self.has_come(count)?;
        self.latest_round = Some(number);
        self.part = PageSet::none(self.part.bound());
        Ok(Progress::Round(number))
    }

    fn end_all(&mut self, count: usize) -> Result<Progress, TransferError> {
        if self.usable || !self.missing.is_empty() {
            return Err(TransferError::Order);
        }
        let header = self.header.take().ok_or(TransferError::Order)?;
        self.has_come(count)?;
        if self.came.len() < self.came.bound() {
            return Err(TransferError::Incomplete);
        }
        self.state = State::Over;
        Ok(Progress::Complete(header))
    }

    fn end_lazily(&mut self, count: usize) -> Result<Progress, TransferError> {
        if self.usable || !self.part.is_empty() {
            return Err(TransferError::Order);
        }
        let header = self.header.take().ok_or(TransferError::Order)?;
        let mut known = self.came.clone();
        known.insert_all(&self.missing);
        if count != self.missing.len() || known.len() < known.bound() {
            return Err(TransferError::Incomplete);
        }
        self.usable = true;
        Ok(Progress::Usable { header, missing: self.missing.clone() })
    }

    fn end_pulling(&mut self, migration: u32) -> Result<Progress, TransferError> {
        if !self.usable {
            return Err(TransferError::Order);
        }
        self.is_ours(migration)?;
        if !self.missing.is_empty() {
            return Err(TransferError::Incomplete);
        }
        self.state = State::Over;
        Ok(Progress::Pulled)
    }

    /// Whether as many pages have come in this part as its end says.
    fn has_come(&self, count: usize) -> Result<(), TransferError> {
        if self.part.len() == count { Ok(()) } else { Err(TransferError::Incomplete) }
    }
}
