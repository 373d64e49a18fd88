//! The anchor in a small world of virtual time: one queue ordered by (time, sequence), servers that crash, a client that
//! sends every 10 ms, a network that loses, doubles, delays and reorders. The test gives orders as the edge controller would.

use super::bench::{HERE, restored};
use super::server::{FakeServer, mix};
use super::{CLIENT, command, config, ms, open, request_frame};
use std::collections::BTreeMap;
use zerogap_proto::{
    DropReason, Duration, Event, Frame, Instant, Kind, Message, MigrationId, NodeId, Offset, Refusal,
    Sequence, ServiceOrder,
};
use zerogap_switch::service::Effect;
use zerogap_switch::{Selection, Service};

/// What one direction of the network does to frames, in thousandths; a frame takes 100 µs and up to `jitter` more.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Path {
    pub(crate) lost: u64,
    pub(crate) doubled: u64,
    pub(crate) jitter: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Network {
    pub(crate) from_client: Path,
    pub(crate) to_servers: Path,
    pub(crate) from_servers: Path,
}

enum Arrival {
    /// The client's next request is due.
    Due,
    Request(Frame),
    ToServer(NodeId, Frame),
    FromServer(NodeId, Frame),
}

pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) now: Instant,
    queue: BTreeMap<(Instant, u64), Arrival>,
    queued: u64,
    dice: u64,
    network: Network,
    /// Those that run. Whoever is not here neither receives nor sends.
    pub(crate) servers: BTreeMap<NodeId, FakeServer>,
    /// A server works on one request at a time.
    busy_until: BTreeMap<NodeId, Instant>,
    sequence: u64,
    pub(crate) client_sends: bool,
    /// The client's number at each offset.
    pub(crate) admitted: Vec<Sequence>,
    came: BTreeMap<Sequence, Instant>,
    /// The answers that were released to each admitted request: when, and the digest in it.
    pub(crate) answers: BTreeMap<Sequence, Vec<(Instant, u64)>>,
    /// When the anchor first got each server's answer to an offset, and the digest in it.
    pub(crate) heard: BTreeMap<(NodeId, Offset), (Instant, u64)>,
    pub(crate) events: Vec<(Instant, Event)>,
    pub(crate) dropped: BTreeMap<DropReason, u64>,
}

impl World {
    pub(crate) fn new(servers: &[NodeId], network: Network, seed: u64) -> Self {
        let mut config = config(servers, Selection::Preferred);
        (config.window, config.log_entries, config.resend_after) = (8, 64, ms(4));
        let window = config.window;
        let mut world = Self {
            service: Service::new(config),
            now: Instant::ZERO,
            queue: BTreeMap::new(),
            queued: 0,
            dice: seed,
            network,
            servers: servers.iter().map(|&node| (node, FakeServer::new(node, window))).collect(),
            busy_until: BTreeMap::new(),
            sequence: 0,
            client_sends: true,
            admitted: Vec::new(),
            came: BTreeMap::new(),
            answers: BTreeMap::new(),
            heard: BTreeMap::new(),
            events: Vec::new(),
            dropped: BTreeMap::new(),
        };
        world.schedule(Instant::ZERO, Arrival::Due);
        world
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, by: Duration) {
        let until = self.now + by;
        loop {
            let arrival = self.queue.first_key_value().map(|(&(at, _), _)| at);
            let wake = self.service.deadline().map(|(at, _)| at.max(self.now));
            match (arrival, wake) {
                (Some(at), wake) if at <= until && wake.is_none_or(|wake| at <= wake) => {
                    self.now = at;
                    let (_, arrival) = self.queue.pop_first().expect("it was there");
                    self.arrive(arrival);
                }
                (_, Some(at)) if at <= until => {
                    self.now = at;
                    self.service.wake(at);
                    let next = self.service.deadline().map(|(at, _)| at);
                    assert!(next.is_none_or(|next| next > at), "wants to be woken again at once");
                }
                (_, _) => break,
            }
            self.carry_out();
        }
        self.now = until;
    }

    /// Gives an order that knows the epoch.
    pub(crate) fn order(&mut self, order: ServiceOrder) -> Result<(), Refusal> {
        let epoch = self.service.status().epoch;
        let result = self.service.order(self.now, command(epoch, order));
        self.carry_out();
        result
    }

    /// The server is gone with all that was on its way from it; its state is handed back.
    pub(crate) fn crash(&mut self, server: NodeId) -> Option<FakeServer> {
        self.queue.retain(|_, arrival| !matches!(arrival, Arrival::FromServer(from, _) if *from == server));
        self.servers.remove(&server)
    }

    pub(crate) fn events_like(&self, like: impl Fn(&Event) -> bool) -> Vec<&Event> {
        self.events.iter().map(|(_, event)| event).filter(|event| like(event)).collect()
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Due => {
                self.schedule(self.now + ms(10), Arrival::Due);
                if self.client_sends {
                    let frame = request_frame(CLIENT, Sequence(self.sequence));
                    self.sequence += 1;
                    self.transmit(self.network.from_client, || Arrival::Request(frame.clone()));
                }
            }
            Arrival::Request(frame) => {
                let (datagram, message) = open(&frame);
                match self.service.request(self.now, &frame, &datagram, &message, HERE) {
                    Ok(()) => {
                        self.admitted.push(message.sequence);
                        self.came.insert(message.sequence, self.now);
                        self.answers.insert(message.sequence, Vec::new());
                    }
                    Err(reason) => *self.dropped.entry(reason).or_default() += 1,
                }
            }
            Arrival::ToServer(server, frame) => self.serve(server, &frame),
            Arrival::FromServer(server, frame) => {
                let (datagram, message) = open(&frame);
                if message.kind == Kind::Answer {
                    let heard = (self.now, digest_in(&message));
                    self.heard.entry((server, message.stamp.offset)).or_insert(heard);
                }
                if let Err(reason) = self.service.answer(self.now, server, &frame, &datagram, &message) {
                    *self.dropped.entry(reason).or_default() += 1;
                }
            }
        }
    }

    fn serve(&mut self, node: NodeId, frame: &Frame) {
        let Some(reply) = self.servers.get_mut(&node).and_then(|server| server.receive(frame)) else {
            return;
        };
        let work = if reply.worked { ms(1) } else { Duration::ZERO };
        let free = self.busy_until.get(&node).copied().unwrap_or(self.now).max(self.now) + work;
        self.busy_until.insert(node, free);
        let wait = free.since(self.now);
        self.transmit_after(wait, self.network.from_servers, || {
            Arrival::FromServer(node, reply.frame.clone())
        });
    }

    fn carry_out(&mut self) {
        while let Some(effect) = self.service.poll() {
            match effect {
                Effect::ToServer(copy) => {
                    let (server, frame) = (copy.server, copy.to_frame());
                    self.transmit(self.network.to_servers, || Arrival::ToServer(server, frame.clone()));
                }
                Effect::ToClient(released) => {
                    let message = open(&released.frame).1;
                    assert_eq!(message.kind, Kind::Answer);
                    let released = self.answers.entry(message.sequence).or_default();
                    released.push((self.now, digest_in(&message)));
                }
                Effect::Event(event) => self.events.push((self.now, event)),
                Effect::StatusChanged => {}
            }
        }
    }

    fn transmit(&mut self, path: Path, arrival: impl Fn() -> Arrival) {
        self.transmit_after(Duration::ZERO, path, arrival);
    }

    fn transmit_after(&mut self, wait: Duration, path: Path, arrival: impl Fn() -> Arrival) {
        let copies = 1 + u64::from(self.chance(path.doubled));
        for _ in 0..copies {
            if !self.chance(path.lost) {
                let extra = Duration::from_nanos(self.throw() % (path.jitter.as_nanos() + 1));
                self.schedule(self.now + wait + Duration::from_micros(100) + extra, arrival());
            }
        }
    }

    fn schedule(&mut self, at: Instant, arrival: Arrival) {
        self.queue.insert((at, self.queued), arrival);
        self.queued += 1;
    }

    fn chance(&mut self, thousandths: u64) -> bool {
        self.throw() % 1_000 < thousandths
    }

    fn throw(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.dice)
    }

    /// The controller hears that the server's process has ended, whichever life it was.
    pub(crate) fn remove(&mut self, server: NodeId) {
        // Migration 0 stands for the life that a server begins with.
        for attempt in 0..=self.service.status().attempts {
            let incarnation = restored(server, MigrationId(attempt));
            self.order(ServiceOrder::Remove { server, incarnation }).expect("carried out or not needed");
        }
    }

    /// How many more requests the log has room for while nobody answers.
    pub(crate) fn room(&mut self) -> u64 {
        let before = self.service.status().head;
        loop {
            let frame = request_frame(CLIENT, Sequence(self.sequence));
            let (datagram, message) = open(&frame);
            if self.service.request(self.now, &frame, &datagram, &message, HERE).is_err() {
                return self.service.status().head.from(before);
            }
            self.sequence += 1;
        }
    }

    /// The longest time from a request's admission to its answer's release.
    pub(crate) fn slowest(&self) -> Duration {
        let took =
            |(sequence, came): (&Sequence, &Instant)| Some(self.answers[sequence].first()?.0.since(*came));
        self.came.iter().filter_map(took).max().unwrap_or_default()
    }
}

/// The digest of the state that a fake server's answer tells.
fn digest_in(message: &Message<'_>) -> u64 {
    let mut digest = [0; 8];
    digest.copy_from_slice(&message.body[..8]);
    u64::from_be_bytes(digest)
}
