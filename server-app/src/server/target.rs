//! A server as the target of a migration: it takes pages as they arrive, scans them, and becomes the state that was sent. Of
//! a lazy transfer it takes the header, goes on at once, and finds out when all pages are here whether the header was true.

use super::{Server, Work};
use crate::app::Scan;
use crate::memory::Memory;
use crate::pages::PageSet;
use crate::snapshot::{Cut, Header, HeaderError};
use crate::transfer::Sink;
use zerogap_proto::{Event, Instant, Job, JobFailure, MigrationId, Offset, Pull, Task};

impl<M: Memory> Server<M> {
    /// The memory, for the driver's own arrangements with it. What a transfer brings is written through [`Sink`]; a driver that
    /// writes it here itself makes all that was scanned of the transfer be scanned again.
    pub fn memory_mut(&mut self) -> &mut M {
        if matches!(self.task, Task::Receiving { .. }) {
            self.replica.app_mut().forget_sums();
        }
        self.replica.app_mut().memory_mut()
    }

    /// Scans at most `max_chunks` of the chunks that have arrived so far, and returns how many there were: called between
    /// reads, it leaves little for the scan at the end.
    pub fn scan_arrived(&mut self, max_chunks: usize) -> usize {
        if matches!(self.task, Task::Receiving { .. }) {
            self.replica.app_mut().scan_arrived(max_chunks)
        } else {
            0
        }
    }

    /// Digest of the memory without the pages that are `missing`, which are not read: what pulled pages are added to. Quick
    /// for what has been scanned as it arrived, so it is asked for before [`Server::memory_mut`].
    pub fn digest_without(&self, missing: &PageSet) -> u64 {
        self.replica.app().digest_without(missing)
    }

    pub(super) fn prepare(&mut self, migration: MigrationId) {
        if !self.begins(migration) {
            return;
        }
        self.reset();
        self.replica.app_mut().expect_transfer();
        self.set_task(Task::Receiving { migration });
        self.start(Job::Receive { migration });
    }

    pub(super) fn received(&mut self, migration: MigrationId, header: Vec<u8>) {
        self.work = Work::Received(header);
        self.set_task(Task::Restoring { migration });
        self.start(Job::Scan { migration });
    }

    pub(super) fn restore(&mut self, now: Instant, migration: MigrationId) {
        self.flip_if_armed();
        let Work::Received(received) = std::mem::replace(&mut self.work, Work::Nothing) else {
            return self.fail(migration, JobFailure::Header);
        };
        match self.adopt(&received) {
            Ok(()) => self.holds_state = true,
            Err(error) => return self.fail(migration, error.into()),
        }
        let (mark, digest) = (self.replica.next(), self.replica.digest());
        self.restored(now, migration, mark, digest);
    }

    pub(super) fn go_on_lazily(&mut self, migration: MigrationId, received: &[u8]) {
        let memory_digest = match self.adopt_lazily(received) {
            Ok(digest) => digest,
            Err(error) => {
                self.cancel_job();
                return self.fail(migration, error.into());
            }
        };
        self.holds_state = true;
        self.work = Work::Pulling { memory_digest };
        let (mark, digest) = (self.replica.next(), self.replica.digest());
        self.event(Event::Usable { server: self.config.node, migration, mark });
        self.set_task(Task::Pulling { migration, mark, digest });
    }

    pub(super) fn pulled(
        &mut self,
        now: Instant,
        migration: MigrationId,
        mark: Offset,
        digest: u64,
        figures: Pull,
    ) {
        if !matches!(self.work, Work::Pulling { memory_digest } if memory_digest == figures.digest) {
            return self.fail(migration, JobFailure::Checksum);
        }
        self.work = Work::Nothing;
        self.event(Event::Pulled { server: self.config.node, migration, figures });
        self.flip_if_armed();
        self.restored(now, migration, mark, digest);
    }

    fn restored(&mut self, now: Instant, migration: MigrationId, mark: Offset, digest: u64) {
        self.event(Event::Restored { server: self.config.node, migration, mark, digest });
        self.set_task(Task::Restored { migration, mark, digest });
        self.start_scrub(now);
    }

    fn adopt(&mut self, received: &[u8]) -> Result<(), HeaderError> {
        let header = Header::decode(received)?;
        let scan = match header.cut {
            Cut::Frozen => Scan::Rest,
            Cut::Image | Cut::Lazy(_) => Scan::All,
        };
        self.replica.adopt(&header, scan)
    }

    fn adopt_lazily(&mut self, received: &[u8]) -> Result<u64, HeaderError> {
        let header = Header::decode(received)?;
        match header.cut {
            Cut::Lazy(digest) => self.replica.adopt(&header, Scan::Later(digest)).map(|()| digest),
            Cut::Image | Cut::Frozen => Err(HeaderError::NotLazy),
        }
    }

    /// The fault that the testbed file wants at the end of this transfer.
    fn flip_if_armed(&mut self) {
        if let Some((byte, bit)) = self.armed_flip.take() {
            self.flip(byte, bit);
        }
    }

    /// Only who waits for a transfer lets its memory be written.
    const fn takes_pages(&self) -> Result<(), JobFailure> {
        match self.task {
            Task::Receiving { .. } | Task::Pulling { .. } => Ok(()),
            Task::None
            | Task::Rounds { .. }
            | Task::Cutting { .. }
            | Task::Sending { .. }
            | Task::Sent { .. }
            | Task::Restoring { .. }
            | Task::Restored { .. }
            | Task::Failed { .. } => Err(JobFailure::Protocol),
        }
    }
}

impl<M: Memory> Sink for Server<M> {
    fn bytes(&self) -> u64 {
        self.config.state_bytes
    }

    fn pages(&mut self, first: usize, bytes: &[u8]) -> Result<(), JobFailure> {
        self.takes_pages()?;
        self.replica.app_mut().write_pages(first, bytes);
        Ok(())
    }

    fn zeros(&mut self, first: usize, count: usize) -> Result<(), JobFailure> {
        self.takes_pages()?;
        self.replica.app_mut().clear_pages(first, count);
        Ok(())
    }
}
