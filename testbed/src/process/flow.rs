//! What goes to one target over one connection: the parts of a transfer, the pages that the target asks for and all others, and what
//! it says back. Goes on as far as it can without waiting.

use crate::sys::tcp;
use nix::poll::{PollFd, PollFlags};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::os::fd::AsFd as _;
use zerogap_proto::{Duration, Instant, JobFailure, MigrationId};
use zerogap_server_app::Memory;
use zerogap_server_app::pull::PullOrder;
use zerogap_server_app::transfer::{Back, Encoder, Requests, encode_done, encode_pages};

/// A target that takes nothing for so long is lost.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// The acknowledgement comes when the last byte has left the buffers of both kernels, over a link of any rate.
const ACK_MAX: Duration = Duration::from_secs(30);
/// Writes to one target before the next one gets its turn.
const WRITES: usize = 16;
/// How soon to look again whether all is confirmed: no descriptor tells.
const LOOK_AGAIN: Duration = Duration::from_micros(200);

/// What one target is sent.
#[derive(Debug)]
pub(super) struct Flow<'a, M> {
    stream: &'a TcpStream,
    migration: MigrationId,
    memory: &'a M,
    parts: VecDeque<Encoder<'a, M>>,
    then: Then,
    /// What is being written, and how much of it has been.
    out: Vec<u8>,
    written: usize,
    requests: Requests,
    /// When something last went on, and what was on the way then.
    progress: Instant,
    queued: usize,
    /// Bytes written.
    pub(super) bytes: u64,
    /// Pages in the parts that were written, those of zeros not counted.
    pub(super) pages: u64,
}

/// What comes after the parts.
#[derive(Clone, Debug)]
pub(super) enum Then {
    /// Nothing, once the target's kernel has it all.
    Confirmed,
    /// The pages that it asks for, and all others in between; then the acknowledgement.
    Pull(PullOrder),
    /// The acknowledgement, once everything is written.
    Acknowledged,
    /// It is over.
    Over,
}

impl<'a, M: Memory> Flow<'a, M> {
    pub(super) fn new(
        stream: &'a TcpStream,
        migration: MigrationId,
        memory: &'a M,
        parts: VecDeque<Encoder<'a, M>>,
        then: Then,
        now: Instant,
    ) -> Self {
        Self {
            stream,
            migration,
            memory,
            parts,
            then,
            out: Vec::new(),
            written: 0,
            requests: Requests::new(migration, memory.pages()),
            progress: now,
            queued: 0,
            bytes: 0,
            pages: 0,
        }
    }

    /// Whether there is nothing more to do.
    pub(super) const fn is_over(&self) -> bool {
        matches!(self.then, Then::Over)
    }

    /// Whether everything is written.
    fn is_written(&self) -> bool {
        let pulling = matches!(self.then, Then::Pull(_));
        self.written == self.out.len() && self.parts.is_empty() && !pulling
    }

    /// What to wait for.
    pub(super) fn waits_for(&self) -> PollFd<'_> {
        let out = if self.is_written() { PollFlags::empty() } else { PollFlags::POLLOUT };
        PollFd::new(self.stream.as_fd(), PollFlags::POLLIN | out)
    }

    /// When to come back even if none of that happens.
    pub(super) fn deadline(&self, now: Instant) -> Instant {
        match self.then {
            Then::Confirmed if self.is_written() => self.lost_at().min(now + LOOK_AGAIN),
            Then::Confirmed | Then::Pull(_) | Then::Acknowledged | Then::Over => self.lost_at(),
        }
    }

    fn lost_at(&self) -> Instant {
        let awaits_ack = matches!(self.then, Then::Acknowledged) && self.is_written();
        self.progress + if awaits_ack { ACK_MAX } else { IDLE_MAX }
    }

    /// As far as it goes without waiting.
    pub(super) fn go_on(&mut self, now: Instant) -> Result<(), JobFailure> {
        if self.is_over() {
            return Ok(());
        }
        let before = self.bytes;
        let heard = self.read()?;
        self.write()?;
        if heard || self.bytes != before || self.is_being_confirmed()? {
            self.progress = now;
        }
        if now < self.lost_at() { Ok(()) } else { Err(JobFailure::Torn) }
    }

    /// Whether the target's kernel has confirmed more than before, of what was written for it to confirm.
    fn is_being_confirmed(&mut self) -> Result<bool, JobFailure> {
        if !matches!(self.then, Then::Confirmed) || !self.is_written() {
            return Ok(false);
        }
        let before = self.queued;
        self.queued = tcp::on_the_way(self.stream).map_err(|_| JobFailure::Torn)?;
        if self.queued == 0 {
            self.then = Then::Over;
        }
        Ok(self.queued != before)
    }

    /// Takes what the target says; whether it has said anything.
    fn read(&mut self) -> Result<bool, JobFailure> {
        let mut bytes = [0; 1_024];
        let len = match self.stream.read(&mut bytes) {
            Ok(0) => return Err(JobFailure::Torn),
            Ok(len) => len,
            Err(error) => return if is_wait(&error) { Ok(false) } else { Err(JobFailure::Torn) },
        };
        let written = self.is_written();
        for back in self.requests.push(&bytes[..len])? {
            match (back, &mut self.then) {
                (Back::Wanted(page), Then::Pull(order)) => order.fault(page),
                // It was on its way when the target asked.
                (Back::Wanted(_), Then::Acknowledged) => {}
                (Back::Acknowledged, Then::Acknowledged) if written => self.then = Then::Over,
                (Back::Wanted(_) | Back::Acknowledged, _) => return Err(JobFailure::Protocol),
            }
        }
        Ok(true)
    }

    fn write(&mut self) -> Result<(), JobFailure> {
        // While pages are asked for, what is asked for is looked at between any two writes.
        let writes = if matches!(self.then, Then::Pull(_)) && self.parts.is_empty() { 1 } else { WRITES };
        for _ in 0..writes {
            if self.written == self.out.len() && !self.refill()? {
                return Ok(());
            }
            match self.stream.write(&self.out[self.written..]) {
                Ok(len) => {
                    self.written += len;
                    self.bytes += len as u64;
                }
                Err(error) => return if is_wait(&error) { Ok(()) } else { Err(JobFailure::Torn) },
            }
        }
        // That a part is over is known before its acknowledgement can come.
        if self.written == self.out.len() && !self.parts.is_empty() {
            self.refill()?;
        }
        Ok(())
    }

    /// Puts what is next into `out`; false if there is nothing.
    fn refill(&mut self) -> Result<bool, JobFailure> {
        self.written = 0;
        self.out.clear();
        while let Some(part) = self.parts.front_mut() {
            if part.next_record(&mut self.out) {
                return Ok(true);
            }
            self.pages += part.pages_sent();
            self.parts.pop_front();
            if self.parts.is_empty() && matches!(self.then, Then::Pull(_)) {
                tcp::keep_little_waiting(self.stream).map_err(|_| JobFailure::Torn)?;
            }
        }
        let Then::Pull(order) = &mut self.then else { return Ok(false) };
        match order.next() {
            Some((first, count)) => encode_pages(self.memory, first, count, &mut self.out),
            None => {
                encode_done(self.migration, &mut self.out);
                self.then = Then::Acknowledged;
            }
        }
        Ok(true)
    }
}

fn is_wait(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
