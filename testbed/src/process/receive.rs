//! Receiving a state transfer: one connection, read in bounded parts between other work, each chunk written into the
//! server's memory as soon as its checksum is right.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use zerogap_proto::{Duration, Endpoint, Instant, JobFailure, JobResult, MigrationId};
use zerogap_server_app::Memory;
use zerogap_server_app::transfer::{Decoder, Progress, TransferError, acknowledgement};

/// A sender that is silent for so long is not coming back.
const IDLE_MAX: Duration = Duration::from_secs(5);
const BUFFER_LEN: usize = 256 * 1_024;
/// Reads in one turn: about a millisecond's work.
const READS: usize = 4;

/// A transfer that is waited for or under way.
#[derive(Debug)]
pub(super) struct Receive {
    migration: MigrationId,
    listener: TcpListener,
    /// The connection, and when it last brought something.
    stream: Option<(TcpStream, Instant)>,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Receive {
    pub(super) fn listen(migration: MigrationId, at: Endpoint) -> io::Result<Self> {
        let listener = TcpListener::bind((at.addr, at.port))?;
        listener.set_nonblocking(true)?;
        let (decoder, buffer) = (Decoder::new(migration), vec![0; BUFFER_LEN]);
        Ok(Self { migration, listener, stream: None, decoder, buffer })
    }

    /// When the sender has been silent for too long. Until it has connected there is no hurry: the controller's own
    /// deadline for the phase cancels the job.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stream.as_ref().map(|(_, heard)| *heard + IDLE_MAX)
    }

    /// Reads what is there.
    pub(super) fn turn<M: Memory>(&mut self, now: Instant, memory: &mut M) -> Option<JobResult> {
        match self.read_on(now, memory) {
            Ok(None) => None,
            Ok(Some(header)) => Some(JobResult::Received { header }),
            Err(failure) => Some(JobResult::Failed(failure)),
        }
    }

    /// The header, when all is there.
    fn read_on<M: Memory>(&mut self, now: Instant, memory: &mut M) -> Result<Option<Vec<u8>>, JobFailure> {
        for _ in 0..READS {
            let Some((stream, heard)) = &mut self.stream else {
                match self.listener.accept() {
                    Ok((stream, _)) => {
                        stream.set_nonblocking(true).map_err(|_| JobFailure::Torn)?;
                        self.stream = Some((stream, now));
                        continue;
                    }
                    Err(_) => return Ok(None),
                }
            };
            let len = match stream.read(&mut self.buffer) {
                Ok(0) => return Err(JobFailure::Torn),
                Ok(len) => len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return if now.since(*heard) < IDLE_MAX { Ok(None) } else { Err(JobFailure::Torn) };
                }
                Err(_) => return Err(JobFailure::Torn),
            };
            *heard = now;
            match self.decoder.push(&self.buffer[..len], memory) {
                Ok(Progress::More) => {}
                Ok(Progress::Complete(header)) => {
                    // A new connection has room for twelve bytes.
                    stream.write_all(&acknowledgement(self.migration)).map_err(|_| JobFailure::Torn)?;
                    return Ok(Some(header));
                }
                // The remains of an attempt that was given up; the memory has not been touched by it.
                Err(TransferError::OtherMigration(_)) => {
                    self.stream = None;
                    self.decoder = Decoder::new(self.migration);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

impl AsFd for Receive {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_ref().map_or_else(|| self.listener.as_fd(), |(stream, _)| stream.as_fd())
    }
}
