//! Sending a snapshot: a forked child has the memory as it was between two requests and sends it to all targets at once,
//! each as fast as it takes it, while the server goes on serving. The child ends with the server.

use crate::place::{Placement, Work};
use crate::sys::clock::{Clock, timeout};
use crate::sys::fd::close_all_from;
use crate::sys::fork::fork_child;
use crate::sys::packet::{Packets, Received};
use crate::sys::pidfd::PidFd;
use libc::linger;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::{getpid, getppid, setsid};
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use zerogap_proto::{Duration, Endpoint, Instant, JobFailure, JobResult, MigrationId};
use zerogap_server_app::Memory;
use zerogap_server_app::transfer::{ACK_LEN, Encoder, check_acknowledgement};

/// How long a target may take to listen.
const CONNECT_MAX: Duration = Duration::from_secs(3);
const CONNECT_AGAIN: Duration = Duration::from_millis(20);
/// A target that takes nothing for so long is lost.
const IDLE_MAX: Duration = Duration::from_secs(5);
/// The acknowledgement comes when the last byte has left the buffers of both kernels, over a link of any rate.
const ACK_MAX: Duration = Duration::from_secs(30);
/// Records to one target before the next one gets its turn.
const RECORDS: usize = 16;

/// The child that sends, as the server sees it.
#[derive(Debug)]
pub(super) struct Send {
    child: PidFd,
    report: Packets,
}

impl Send {
    /// Takes the image: when this returns, later changes of `memory` are not in it.
    pub(super) fn fork<M: Memory>(
        migration: MigrationId,
        header: &[u8],
        targets: &[Endpoint],
        memory: &M,
        placement: Placement,
        clock: Clock,
    ) -> io::Result<Self> {
        let (report, theirs) = Packets::pair()?;
        let server = getpid();
        let (_, child) = fork_child(|| {
            let result = settle(&theirs, placement).and_then(|()| {
                // The signal is not sent for a death that came before it was asked for.
                if getppid() == server { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
            });
            let sent = match result {
                Ok(()) => Sender { migration, clock }.send(header, targets, memory),
                Err(_) => Err(JobFailure::Snapshot),
            };
            u8::from(theirs.send(&sent, &[]).is_err())
        })?;
        Ok(Self { child, report })
    }

    /// How it ended, if it has.
    pub(super) fn result(&self) -> Option<JobResult> {
        match self.report.try_receive::<Result<u64, JobFailure>>() {
            Ok(Received::Nothing) => None,
            Ok(Received::Message(Ok(bytes), _)) => Some(JobResult::Sent { bytes }),
            Ok(Received::Message(Err(failure), _)) => Some(JobResult::Failed(failure)),
            // It was killed from outside.
            Ok(Received::End) | Err(_) => Some(JobResult::Failed(JobFailure::Torn)),
        }
    }

    /// Ends the child, which has to be reaped.
    pub(super) fn kill(self) -> PidFd {
        // The only error is that it is dead already.
        let _ = self.child.signal(Signal::SIGKILL);
        self.child
    }
}

impl AsFd for Send {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }
}

/// Makes the forked child a process that is in nobody's way.
fn settle(report: &Packets, placement: Placement) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    // The server's sockets must be gone when the server is.
    close_all_from(3, report.as_fd().as_raw_fd())?;
    setsid()?;
    fs::write("/proc/self/oom_score_adj", "1000")?;
    // Both are for the sake of others' latency: a transfer in a worse place is still a transfer.
    let _ = placement.enter(Work::Bulk);
    let _ = placement.be_nice();
    Ok(())
}

#[derive(Clone, Copy)]
struct Sender {
    migration: MigrationId,
    clock: Clock,
}

/// One target.
struct Flow<'a, M> {
    stream: TcpStream,
    encoder: Encoder<'a, M>,
    record: Vec<u8>,
    /// How much of the record is sent.
    sent: usize,
    /// The acknowledgement as far as it has come.
    ack: Vec<u8>,
    state: State,
    /// When something last went on.
    progress: Instant,
    bytes: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Sending,
    AwaitingAck,
    Done,
}

impl Sender {
    /// Sends everything to everybody and gives the number of bytes.
    fn send<M: Memory>(self, header: &[u8], targets: &[Endpoint], memory: &M) -> Result<u64, JobFailure> {
        let mut flows = Vec::new();
        for &target in targets {
            let encoder = Encoder::new(self.migration, header, memory).map_err(JobFailure::from)?;
            flows.push(Flow::new(self.connect(target)?, encoder, self.clock.now()));
        }
        while flows.iter().any(|flow| flow.state != State::Done) {
            self.wait(&flows)?;
            for flow in &mut flows {
                flow.go_on(self.migration, self.clock.now())?;
            }
        }
        Ok(flows.iter().map(|flow| flow.bytes).sum())
    }

    /// A target that is just about to listen is waited for.
    fn connect(self, target: Endpoint) -> Result<TcpStream, JobFailure> {
        let until = self.clock.now() + CONNECT_MAX;
        let address = SocketAddr::from((target.addr, target.port));
        loop {
            let left = self.clock.until(until);
            if left == Duration::ZERO {
                return Err(JobFailure::Unreachable);
            }
            match TcpStream::connect_timeout(&address, std::time::Duration::from_nanos(left.as_nanos())) {
                Ok(stream) => return arrange(&stream).map(|()| stream).map_err(|_| JobFailure::Unreachable),
                Err(_) => self.clock.sleep_until(self.clock.now() + CONNECT_AGAIN),
            }
        }
    }

    /// Until some target takes or says something, or the first has been silent for too long.
    fn wait<M: Memory>(self, flows: &[Flow<'_, M>]) -> Result<(), JobFailure> {
        let open = flows.iter().filter(|flow| flow.state != State::Done);
        let mut fds: Vec<_> = open.clone().map(Flow::waits_for).collect();
        let Some(deadline) = open.map(Flow::deadline).min() else { return Ok(()) };
        match ppoll(&mut fds, Some(timeout(self.clock.until(deadline))), None) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(_) => Err(JobFailure::Torn),
        }
    }
}

/// A transfer that is given up is over at once, for its target too: what waits in the socket is thrown away. One that is
/// acknowledged has nothing waiting.
fn arrange(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 })?;
    stream.set_nonblocking(true)
}

impl<'a, M: Memory> Flow<'a, M> {
    const fn new(stream: TcpStream, encoder: Encoder<'a, M>, now: Instant) -> Self {
        Self {
            stream,
            encoder,
            record: Vec::new(),
            sent: 0,
            ack: Vec::new(),
            state: State::Sending,
            progress: now,
            bytes: 0,
        }
    }

    fn waits_for(&self) -> PollFd<'_> {
        let flags = if self.state == State::Sending { PollFlags::POLLOUT } else { PollFlags::POLLIN };
        PollFd::new(self.stream.as_fd(), flags)
    }

    fn deadline(&self) -> Instant {
        self.progress + if self.state == State::Sending { IDLE_MAX } else { ACK_MAX }
    }

    /// As far as it goes without waiting.
    fn go_on(&mut self, migration: MigrationId, now: Instant) -> Result<(), JobFailure> {
        let before = (self.bytes, self.ack.len(), self.state);
        let went = match self.state {
            State::Sending => self.write(),
            State::AwaitingAck => self.read_ack(migration),
            State::Done => return Ok(()),
        };
        match went {
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(JobFailure::Torn),
            Ok(()) | Err(_) => {}
        }
        if (self.bytes, self.ack.len(), self.state) != before {
            self.progress = now;
        }
        if now < self.deadline() { Ok(()) } else { Err(JobFailure::Torn) }
    }

    fn write(&mut self) -> io::Result<()> {
        for _ in 0..RECORDS {
            if self.sent == self.record.len() {
                self.sent = 0;
                if !self.encoder.next_record(&mut self.record) {
                    self.state = State::AwaitingAck;
                    return Ok(());
                }
            }
            let len = self.stream.write(&self.record[self.sent..])?;
            self.sent += len;
            self.bytes += len as u64;
        }
        Ok(())
    }

    fn read_ack(&mut self, migration: MigrationId) -> io::Result<()> {
        let mut bytes = [0; ACK_LEN];
        let missing = ACK_LEN - self.ack.len();
        match self.stream.read(&mut bytes[..missing])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            len => self.ack.extend_from_slice(&bytes[..len]),
        }
        if let Ok(ack) = <&[u8; ACK_LEN]>::try_from(&self.ack[..]) {
            check_acknowledgement(ack, migration).map_err(io::Error::other)?;
            self.state = State::Done;
        }
        Ok(())
    }
}
