//! The loop that drives the pure nodes of a process, usually one: it waits in one `ppoll` for datagrams, control messages, the
//! nodes' deadlines and their jobs, and carries out what the nodes want. Single-threaded, so that the process can fork.

use crate::agenda::Agenda;
use crate::process::ears::Ears;
use crate::process::jobs::Jobs;
use crate::process::uplink::Uplink;
use crate::process::wire::{Down, Up};
use crate::sys::clock::{Clock, timeout};
use crate::sys::packet::{Packets, Received};
use anyhow::{Context as _, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use zerogap_proto::{Endpoint, Input, Instant, Node, NodeId, Output, Record};

/// Datagrams and control messages taken in one turn, so that neither keeps the other or a deadline waiting for long.
const BATCH: usize = 32;
/// Deadlines met in one turn: a node behind its schedule still hears what comes in.
const WAKES: usize = 64;
/// More than any message: longer datagrams are cut, and are no message either way.
const DATAGRAM_LEN: usize = 2_048;
/// Records that go up in one message, if there are many nodes to make them.
const RECORDS_MAX: usize = 256;

/// A node of a process, and what is its own.
#[derive(Debug)]
pub struct Part<N, J> {
    /// Its id.
    pub id: NodeId,
    /// Itself.
    pub node: N,
    /// What does its jobs.
    pub jobs: J,
    /// Its socket, which must be non-blocking.
    pub socket: UdpSocket,
}

/// Nodes and all that connects them to the world.
#[derive(Debug)]
pub struct Driver<N, J> {
    parts: Vec<Part<N, J>>,
    places: BTreeMap<NodeId, usize>,
    agenda: Agenda<usize>,
    /// Parts whose jobs want a turn.
    working: BTreeSet<usize>,
    ears: Ears,
    /// Parts that may have something to read.
    ready: Vec<usize>,
    records: Vec<(NodeId, Record)>,
    up: Uplink,
    clock: Clock,
}

/// Gives the nodes their start and drives them until the testbed closes the control socket.
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
    /// A driver of these parts, at least one.
    ///
    /// # Errors
    /// No descriptors are left.
    pub fn new(parts: Vec<Part<N, J>>, control: Packets, clock: Clock) -> Result<Self> {
        let sockets: Vec<&UdpSocket> = parts.iter().map(|part| &part.socket).collect();
        Ok(Self {
            ears: Ears::of(sockets.into_iter()).context("cannot wait for so many sockets")?,
            places: parts.iter().zip(0..).map(|(part, place)| (part.id, place)).collect(),
            agenda: Agenda::default(),
            working: BTreeSet::new(),
            ready: Vec::new(),
            records: Vec::new(),
            up: Uplink::new(control),
            parts,
            clock,
        })
    }

    fn run(&mut self) -> Result<()> {
        for place in 0..self.parts.len() {
            self.handle(place, Input::Start)?;
        }
        loop {
            self.wait()?;
            if !self.take_controls()? {
                return Ok(());
            }
            self.take_datagrams()?;
            self.wake()?;
            self.work()?;
            self.up.flush()?;
        }
    }

    /// Until something is to be done.
    fn wait(&self) -> Result<()> {
        let working = || self.working.iter().map(|place| &self.parts[*place].jobs);
        let deadline = self.agenda.first().map(|(at, _)| at);
        let deadline = deadline.into_iter().chain(working().filter_map(Jobs::deadline)).min();
        let wait = deadline.map(|at| timeout(self.clock.until(at)));
        let up_for = if self.up.is_waiting() { PollFlags::POLLOUT } else { PollFlags::empty() };
        let mut fds = vec![
            PollFd::new(self.ears.fd(&self.parts[0].socket), PollFlags::POLLIN),
            PollFd::new(self.up.as_fd(), PollFlags::POLLIN | up_for),
        ];
        working().for_each(|jobs| jobs.waits_for(&mut fds));
        match ppoll(&mut fds, wait, None) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno).context("ppoll"),
        }
    }

    /// False when the testbed has closed the socket.
    fn take_controls(&mut self) -> Result<bool> {
        for _ in 0..BATCH {
            match self.up.socket().try_receive()? {
                Received::Message(Down::Control { from, to, message }, _) => {
                    // One for a node that is not here has come the wrong way, and nobody misses it.
                    if let Some(&place) = self.places.get(&to) {
                        self.handle(place, Input::Control { from, message })?;
                    }
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
        let mut ready = std::mem::take(&mut self.ready);
        self.ears.ready(&mut ready).context("epoll_wait")?;
        for &place in &ready {
            for _ in 0..self.ears.each(BATCH) {
                if !self.take_datagram(place)? {
                    break;
                }
            }
        }
        self.ready = ready;
        Ok(())
    }

    /// False when there is none.
    fn take_datagram(&mut self, place: usize) -> Result<bool> {
        let mut buffer = [0; DATAGRAM_LEN];
        let part = &mut self.parts[place];
        match part.socket.recv_from(&mut buffer) {
            Ok((len, SocketAddr::V4(from))) => {
                let from = Endpoint { addr: *from.ip(), port: from.port() };
                part.jobs.hears(&part.node, &buffer[..len]);
                self.handle(place, Input::Datagram { from, payload: &buffer[..len] })?;
            }
            // The socket speaks IPv4 only.
            Ok((_, SocketAddr::V6(_))) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            // What ICMP says about an earlier datagram: a hint for nobody here, the next read goes on.
            Err(_) => self.up.lost_mut().socket_errors += 1,
        }
        Ok(true)
    }

    /// Wakes nodes for each deadline that has passed.
    fn wake(&mut self) -> Result<()> {
        for _ in 0..WAKES {
            let Some((at, place)) = self.agenda.first() else { break };
            if at > self.clock.now() {
                break;
            }
            match self.parts[place].node.deadline() {
                Some((_, timer)) => self.handle(place, Input::Wake(timer))?,
                None => self.agenda.set(place, None),
            }
        }
        Ok(())
    }

    /// Lets the jobs go on.
    fn work(&mut self) -> Result<()> {
        for place in self.working.clone() {
            loop {
                let Part { node, jobs, .. } = &mut self.parts[place];
                let Some((migration, result)) = jobs.turn(self.clock.now(), node) else { break };
                self.handle(place, Input::JobDone { migration, result })?;
            }
            self.look_at_jobs(place);
        }
        Ok(())
    }

    fn look_at_jobs(&mut self, place: usize) {
        let Part { node, jobs, .. } = &self.parts[place];
        if jobs.are_busy(node) {
            self.working.insert(place);
        } else if !self.working.is_empty() {
            self.working.remove(&place);
        }
    }

    /// One mutation, then all that comes of it.
    fn handle(&mut self, place: usize, input: Input<'_>) -> Result<()> {
        let now = self.clock.now();
        self.parts[place].node.handle(now, input);
        while let Some(output) = self.parts[place].node.poll() {
            self.carry_out(now, place, output)?;
        }
        self.agenda.set(place, self.parts[place].node.deadline().map(|(at, _)| at));
        self.look_at_jobs(place);
        Ok(())
    }

    fn carry_out(&mut self, now: Instant, place: usize, output: Output) -> Result<()> {
        let Part { id, node, jobs, socket } = &mut self.parts[place];
        let id = *id;
        match output {
            Output::Datagram { to, payload } => {
                if socket.send_to(&payload, (to.addr, to.port)).is_err() {
                    self.up.lost_mut().datagrams += 1;
                }
            }
            Output::Control { to, message } => self.up.send(&Up::Control { from: id, to, message })?,
            Output::Event(event) => {
                // What was measured before comes before.
                self.send_records()?;
                self.up.send(&Up::Event { at: now, who: id, event })?;
            }
            Output::Record(record) => {
                self.records.push((id, record));
                if self.records.len() >= RECORDS_MAX.min(self.parts.len()) {
                    self.send_records()?;
                }
            }
            Output::Start(job) => jobs.start(node, job),
            Output::CancelJob(migration) => jobs.cancel(node, migration),
            // Hosts have no ports; a node that thinks so is in the wrong place.
            Output::Frame { .. } => self.up.lost_mut().datagrams += 1,
        }
        Ok(())
    }

    fn send_records(&mut self) -> Result<()> {
        if !self.records.is_empty() {
            self.up.send(&Up::Records(std::mem::take(&mut self.records)))?;
        }
        Ok(())
    }
}

/// The testbed has ended while something was being sent to it.
fn is_end(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == ErrorKind::BrokenPipe)
}
