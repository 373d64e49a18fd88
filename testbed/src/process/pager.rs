//! The pager: a child of a target that goes on while its memory is still being pulled. It asks for the pages that the server waits
//! for, puts what comes in its place and sums it up. The server's state can never be complete without it: if the source is lost, the
//! pager says so and ends the server; if the pager is lost, the server ends itself. A missing page never becomes zeros.

use crate::process::child::{Child, Manner, Said};
use crate::process::receive::IDLE_MAX;
use crate::sys::clock::{Clock, timeout};
use crate::sys::pidfd::PidFd;
use crate::sys::watch;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use nix::unistd::getpid;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::{AsFd as _, AsRawFd as _};
use zerogap_proto::{Duration, Instant, JobFailure, MigrationId, Pull};
use zerogap_server_app::digest::{digest_of_pages, digest_of_zeros};
use zerogap_server_app::region::LazyPages;
use zerogap_server_app::transfer::{Decoder, Inbox, Progress, Sink, acknowledgement, request_page};
use zerogap_server_app::{Memory as _, PAGE_LEN, Prior, Region};

/// Time for a server that does not wait for a page to report what has happened, before it is ended.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The pager of one migration.
#[derive(Debug)]
pub(super) struct Pager {
    migration: MigrationId,
    stream: TcpStream,
    decoder: Decoder,
    inbox: Inbox,
    arrivals: Arrivals,
    clock: Clock,
    /// What is to be told the source.
    out: Vec<u8>,
}

impl Pager {
    /// Forks it. `here` is the digest of what is not missing. Of the connection: the stream, its decoder, and what has been read of
    /// it already.
    pub(super) fn fork(
        migration: MigrationId,
        memory: &Region,
        lazy: LazyPages,
        here: u64,
        connection: (TcpStream, Decoder, Inbox),
        manner: Manner,
    ) -> Result<Child, JobFailure> {
        let (prior, len, clock) = (memory.prior(), memory.len(), manner.clock);
        let (stream, decoder, inbox) = connection;
        let server = PidFd::open(getpid()).map_err(|_| JobFailure::Paging)?;
        let arrivals = Arrivals::new(lazy, prior, len, here, clock);
        let mut pager = Self { migration, stream, decoder, inbox, arrivals, clock, out: Vec::new() };
        let fds = [pager.stream.as_fd(), pager.arrivals.lazy.as_fd(), server.as_fd()];
        let keep = fds.map(|fd| fd.as_raw_fd());
        let child = Child::fork(manner, &keep, |teller| match pager.pull() {
            Ok(pull) => Ok(Said::Pulled(pull)),
            Err(failure) => {
                teller.say(Said::Failed(failure));
                clock.sleep_until(clock.now() + LAST_WORDS);
                // The only error is that it is dead already.
                let _ = server.signal(Signal::SIGKILL);
                Err(failure)
            }
        });
        let child = child.map_err(|_| JobFailure::Paging)?;
        match watch::end_with(child.pid()) {
            Ok(()) => Ok(child),
            Err(_) => {
                // Reaped when this process ends; the handler is only refused for signals that do not exist.
                drop(child.kill());
                Err(JobFailure::Paging)
            }
        }
    }
    /// Until all is here and the source has been told so.
    fn pull(&mut self) -> Result<Pull, JobFailure> {
        let mut heard = self.clock.now();
        let mut complete = self.take()?;
        while !complete {
            self.wait(heard + IDLE_MAX)?;
            for page in self.arrivals.new_faults()? {
                self.out.extend_from_slice(&request_page(self.migration, page as u32));
            }
            self.write()?;
            match self.stream.read(self.inbox.room()) {
                Ok(0) => return Err(JobFailure::Torn),
                Ok(len) => {
                    heard = self.clock.now();
                    self.inbox.arrived(len);
                    complete = self.take()?;
                }
                // The source sends without a pause until all is sent.
                Err(error) if is_wait(&error) && self.clock.now().since(heard) < IDLE_MAX => {}
                Err(_) => return Err(JobFailure::Torn),
            }
        }
        self.out.extend_from_slice(&acknowledgement(self.migration));
        let until = self.clock.now() + IDLE_MAX;
        while !self.out.is_empty() && self.clock.now() < until {
            self.wait(until)?;
            self.write()?;
        }
        Ok(self.arrivals.pull)
    }

    fn wait(&self, until: Instant) -> Result<(), JobFailure> {
        let out = if self.out.is_empty() { PollFlags::empty() } else { PollFlags::POLLOUT };
        let mut fds = [
            PollFd::new(self.stream.as_fd(), PollFlags::POLLIN | out),
            PollFd::new(self.arrivals.lazy.as_fd(), PollFlags::POLLIN),
        ];
        match ppoll(&mut fds, Some(timeout(self.clock.until(until))), None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(_) => Err(JobFailure::Paging),
        }
    }

    /// Takes what has come; whether that was all.
    fn take(&mut self) -> Result<bool, JobFailure> {
        match self.inbox.decode(&mut self.decoder, &mut self.arrivals)? {
            Progress::More => Ok(false),
            Progress::Pulled if self.inbox.is_empty() => Ok(true),
            Progress::Pulled | Progress::Round(_) | Progress::Complete(_) | Progress::Usable { .. } => {
                Err(JobFailure::Protocol)
            }
        }
    }

    fn write(&mut self) -> Result<(), JobFailure> {
        if self.out.is_empty() {
            return Ok(());
        }
        match self.stream.write(&self.out) {
            Ok(len) => drop(self.out.drain(..len)),
            Err(error) if is_wait(&error) => {}
            Err(_) => return Err(JobFailure::Torn),
        }
        Ok(())
    }
}

/// Puts pages in their places.
#[derive(Debug)]
struct Arrivals {
    lazy: LazyPages,
    prior: Prior,
    len: usize,
    clock: Clock,
    /// Pages that the server waits for, and since when.
    waiting: BTreeMap<usize, Instant>,
    pull: Pull,
}

impl Arrivals {
    const fn new(lazy: LazyPages, prior: Prior, len: usize, here: u64, clock: Clock) -> Self {
        let pull = Pull { digest: here, pages: 0, faults: 0, blocked: Duration::ZERO };
        Self { lazy, prior, len, clock, waiting: BTreeMap::new(), pull }
    }

    /// Pages that the server has begun to wait for.
    fn new_faults(&mut self) -> Result<Vec<usize>, JobFailure> {
        let mut wanted = Vec::new();
        self.lazy.read_faults(&mut wanted).map_err(|error| failure_of(&error))?;
        let now = self.clock.now();
        // A wait that a signal has interrupted is told of again.
        wanted.retain(|&page| !self.waiting.contains_key(&page));
        self.waiting.extend(wanted.iter().map(|&page| (page, now)));
        self.pull.faults += wanted.len() as u64;
        Ok(wanted)
    }

    fn arrived(&mut self, first: usize, count: usize, digest: u64) {
        self.pull.digest = self.pull.digest.wrapping_add(digest);
        self.pull.pages += count as u64;
        if self.waiting.is_empty() {
            return;
        }
        let now = self.clock.now();
        for page in first..first + count {
            if let Some(since) = self.waiting.remove(&page) {
                self.pull.blocked = self.pull.blocked + now.since(since);
            }
        }
    }
}

impl Sink for Arrivals {
    fn bytes(&self) -> u64 {
        self.len as u64
    }

    fn pages(&mut self, first: usize, bytes: &[u8]) -> Result<(), JobFailure> {
        self.lazy.place(first, bytes).map_err(|error| failure_of(&error))?;
        let count = bytes.len().div_ceil(PAGE_LEN);
        self.arrived(first, count, digest_of_pages(self.prior, first, bytes));
        Ok(())
    }

    fn zeros(&mut self, first: usize, count: usize) -> Result<(), JobFailure> {
        self.lazy.zero(first, count).map_err(|error| failure_of(&error))?;
        self.arrived(first, count, digest_of_zeros(self.prior, first, count, self.len));
        Ok(())
    }
}

fn failure_of(error: &io::Error) -> JobFailure {
    if error.kind() == ErrorKind::OutOfMemory { JobFailure::Memory } else { JobFailure::Paging }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
