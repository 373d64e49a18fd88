//! Receiving a state: one connection over all rounds, read in bounded parts between other work; each page goes to the server as
//! soon as its checksum is right, and what has arrived is scanned between the reads. A lazy transfer is handed to a pager.

use crate::process::child::{Child, Manner};
use crate::process::pager::Pager;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use zerogap_proto::{Duration, Endpoint, Instant, JobFailure, MigrationId};
use zerogap_server_app::transfer::{Decoder, Inbox, Progress, TransferError, acknowledgement};
use zerogap_server_app::{PageSet, Region, Server};

/// A sender that is silent for so long in the middle of something is not coming back.
pub(super) const IDLE_MAX: Duration = Duration::from_secs(5);
/// Reads in one turn: about a millisecond's work.
const READS: usize = 4;
/// Chunks scanned after each read: as much as it may have brought, and a little more.
const CHUNKS: usize = 5;

/// A transfer that is waited for or under way.
#[derive(Debug)]
pub(super) struct Receive {
    migration: MigrationId,
    state_bytes: u64,
    listener: TcpListener,
    stream: Option<TcpStream>,
    /// When the sender was last heard, while it is in the middle of something. Until it has connected, and between rounds, there is
    /// no hurry: the controller's own deadline for the phase cancels the job.
    heard: Option<Instant>,
    decoder: Decoder,
    inbox: Inbox,
    /// Whether there may be more to scan.
    scanning: bool,
}

/// How a transfer ended here.
#[derive(Debug)]
pub(super) enum Received {
    /// All is here, and the sender knows.
    Complete { header: Vec<u8> },
    /// All but `missing` is here; some of what follows may have come already.
    Usable { header: Vec<u8>, missing: PageSet },
}

impl Receive {
    pub(super) fn listen(migration: MigrationId, at: Endpoint, state_bytes: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((at.addr, at.port))?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            migration,
            state_bytes,
            listener,
            stream: None,
            heard: None,
            decoder: Decoder::new(migration, state_bytes),
            inbox: Inbox::new(),
            scanning: false,
        })
    }

    /// When to come back even if nothing comes.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.scanning { Some(Instant::ZERO) } else { self.heard.map(|heard| heard + IDLE_MAX) }
    }

    /// Reads what is there; how it ended, if it has.
    pub(super) fn turn(
        &mut self,
        now: Instant,
        server: &mut Server<Region>,
    ) -> Result<Option<Received>, JobFailure> {
        for _ in 0..READS {
            let came = self.read(now)?;
            if let Some(received) = self.take(now, server)? {
                return Ok(Some(received));
            }
            self.scanning = server.scan_arrived(CHUNKS) > 0;
            if came == 0 {
                break;
            }
        }
        Ok(None)
    }

    /// Reads into the inbox; 0 if there is nothing to read now.
    fn read(&mut self, now: Instant) -> Result<usize, JobFailure> {
        if self.stream.is_none() {
            let Ok((stream, _)) = self.listener.accept() else { return Ok(0) };
            let arranged = stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true));
            arranged.map_err(|_| JobFailure::Torn)?;
            self.stream = Some(stream);
            self.heard = Some(now);
        }
        let Some(stream) = &mut self.stream else { return Ok(0) };
        match stream.read(self.inbox.room()) {
            Ok(0) => Err(JobFailure::Torn),
            Ok(len) => {
                self.inbox.arrived(len);
                self.heard = Some(now);
                Ok(len)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let lost = self.heard.is_some_and(|heard| now.since(heard) >= IDLE_MAX);
                if lost { Err(JobFailure::Torn) } else { Ok(0) }
            }
            Err(_) => Err(JobFailure::Torn),
        }
    }

    /// Takes what has come.
    fn take(&mut self, now: Instant, server: &mut Server<Region>) -> Result<Option<Received>, JobFailure> {
        loop {
            match self.inbox.decode(&mut self.decoder, server) {
                Ok(Progress::More) => return Ok(None),
                Ok(Progress::Round(_)) => self.heard = if self.inbox.is_empty() { None } else { Some(now) },
                Ok(Progress::Complete(header)) => {
                    let Some(stream) = self.stream.as_mut().filter(|_| self.inbox.is_empty()) else {
                        return Err(JobFailure::Protocol);
                    };
                    // Nothing has been sent that way, so there is room.
                    stream.write_all(&acknowledgement(self.migration)).map_err(|_| JobFailure::Torn)?;
                    return Ok(Some(Received::Complete { header }));
                }
                Ok(Progress::Usable { header, missing }) => {
                    return Ok(Some(Received::Usable { header, missing }));
                }
                // Cannot come before `Usable`.
                Ok(Progress::Pulled) => return Err(JobFailure::Protocol),
                // The remains of an attempt that was given up; the memory has not been touched by it.
                Err(TransferError::OtherMigration(_)) => {
                    self.stream = None;
                    self.heard = None;
                    self.decoder = Decoder::new(self.migration, self.state_bytes);
                    self.inbox = Inbox::new();
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Makes the server's memory lazy and starts a pager for what is missing.
    pub(super) fn pull(
        self,
        server: &mut Server<Region>,
        missing: &PageSet,
        manner: Manner,
    ) -> Result<Child, JobFailure> {
        let here = server.digest_without(missing);
        let started = match (server.memory_mut().make_lazy(missing), self.stream) {
            (Ok(lazy), Some(stream)) => {
                let connection = (stream, self.decoder, self.inbox);
                Pager::fork(self.migration, server.memory(), lazy, here, connection, manner)
            }
            (Ok(_) | Err(_), _) => Err(JobFailure::Paging),
        };
        // Nobody would place what is missing: the state is given up, and the memory is of use for another.
        started.inspect_err(|_| server.memory_mut().end_lazy())
    }
}

impl AsFd for Receive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_ref().map_or_else(|| self.listener.as_fd(), AsFd::as_fd)
    }
}
