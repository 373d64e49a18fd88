//! The loop that drives one pure node in a process of its own: it waits in one `ppoll` for datagrams, control messages,
//! the node's deadline and its jobs, and carries out what the node wants. Single-threaded, so that the process can fork.

use crate::process::jobs::Jobs;
use crate::process::uplink::Uplink;
use crate::process::wire::{Down, Up};
use crate::sys::clock::{Clock, timeout};
use crate::sys::packet::{Packets, Received};
use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use zerogap_proto::{Endpoint, Input, Instant, Node, Output};

/// Datagrams and control messages taken in one turn, so that neither keeps the other or a deadline waiting for long.
const BATCH: usize = 32;
/// Deadlines met in one turn: a node behind its schedule still hears what comes in.
const WAKES: usize = 64;
/// More than any message: longer datagrams are cut, and are no message either way.
const DATAGRAM_LEN: usize = 2_048;

/// A node and all that connects it to the world.
#[derive(Debug)]
pub struct Driver<N, J> {
    node: N,
    jobs: J,
    socket: UdpSocket,
    up: Uplink,
    clock: Clock,
}

/// Gives the node its start and drives it until the testbed closes the control socket.
///
/// # Errors
/// The kernel refused what it never refuses in order.
pub fn drive<N: Node, J: Jobs<N>>(mut driver: Driver<N, J>) -> Result<()> {
    match driver.run() {
        Err(error) if is_end(&error) => Ok(()),
        other => other,
    }
}

impl<N: Node, J: Jobs<N>> Driver<N, J> {
    /// `socket` must be non-blocking.
    pub fn new(node: N, jobs: J, socket: UdpSocket, control: Packets, clock: Clock) -> Self {
        Self { node, jobs, socket, up: Uplink::new(control), clock }
    }

    fn run(&mut self) -> Result<()> {
        self.handle(Input::Start)?;
        loop {
            self.wait()?;
            if !self.take_controls()? {
                return Ok(());
            }
            self.take_datagrams()?;
            self.wake()?;
            while let Some((migration, result)) = self.jobs.turn(self.clock.now(), &mut self.node) {
                self.handle(Input::JobDone { migration, result })?;
            }
            self.up.flush()?;
        }
    }

    /// Until something is to be done.
    fn wait(&self) -> Result<()> {
        let deadline = self.node.deadline().map(|(at, _)| at);
        let deadline = deadline.into_iter().chain(self.jobs.deadline()).min();
        let wait = deadline.map(|at| timeout(self.clock.until(at)));
        let up_for = if self.up.is_waiting() { PollFlags::POLLOUT } else { PollFlags::empty() };
        let mut fds = vec![
            PollFd::new(self.socket.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.up.as_fd(), PollFlags::POLLIN | up_for),
        ];
        self.jobs.waits_for(&mut fds);
        match ppoll(&mut fds, wait, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno).context("ppoll"),
        }
    }

    /// False when the testbed has closed the socket.
    fn take_controls(&mut self) -> Result<bool> {
        for _ in 0..BATCH {
            match self.up.socket().try_receive()? {
                Received::Message(Down::Control { from, message }, _) => {
                    self.handle(Input::Control { from, message })?;
                }
                // Said before, and once is enough.
                Received::Message(Down::Setup(_) | Down::Start, _) => {}
                Received::Nothing => return Ok(true),
                Received::End => return Ok(false),
            }
        }
        Ok(true)
    }

    fn take_datagrams(&mut self) -> Result<()> {
        let mut buffer = [0; DATAGRAM_LEN];
        for _ in 0..BATCH {
            match self.socket.recv_from(&mut buffer) {
                Ok((len, SocketAddr::V4(from))) => {
                    let from = Endpoint { addr: *from.ip(), port: from.port() };
                    self.jobs.hears(&self.node, &buffer[..len]);
                    self.handle(Input::Datagram { from, payload: &buffer[..len] })?;
                }
                // The socket speaks IPv4 only.
                Ok((_, SocketAddr::V6(_))) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // What ICMP says about an earlier datagram: a hint for nobody here, the next read goes on.
                Err(_) => self.up.lost_mut().socket_errors += 1,
            }
        }
        Ok(())
    }

    /// Wakes the node for each deadline that has passed.
    fn wake(&mut self) -> Result<()> {
        for _ in 0..WAKES {
            match self.node.deadline() {
                Some((at, timer)) if at <= self.clock.now() => self.handle(Input::Wake(timer))?,
                Some(_) | None => break,
            }
        }
        Ok(())
    }

    /// One mutation, then all that comes of it.
    fn handle(&mut self, input: Input<'_>) -> Result<()> {
        let now = self.clock.now();
        self.node.handle(now, input);
        while let Some(output) = self.node.poll() {
            self.carry_out(now, output)?;
        }
        Ok(())
    }

    fn carry_out(&mut self, now: Instant, output: Output) -> Result<()> {
        match output {
            Output::Datagram { to, payload } => {
                if self.socket.send_to(&payload, (to.addr, to.port)).is_err() {
                    self.up.lost_mut().datagrams += 1;
                }
            }
            Output::Control { to, message } => self.up.send(&Up::Control { to, message })?,
            Output::Event(event) => self.up.send(&Up::Event { at: now, event })?,
            Output::Record(record) => self.up.send(&Up::Record(record))?,
            Output::Start(job) => self.jobs.start(&mut self.node, job),
            Output::CancelJob(migration) => self.jobs.cancel(&mut self.node, migration),
            // Hosts have no ports; a node that thinks so is in the wrong place.
            Output::Frame { .. } => self.up.lost_mut().datagrams += 1,
        }
        Ok(())
    }
}

/// The testbed has ended while something was being sent to it.
fn is_end(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}
