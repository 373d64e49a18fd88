//! A service on the bench: the test gives each input by hand and gets back what came of it, in words. Servers have no state
//! here; what they answer to an offset is the same for all of them unless the test says otherwise.

use super::words::{line, name};
use super::{CLIENT, P, S, S1, S2, T, U, command, config, life, ms, open, request_frame, server_frame};
use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{
    AbortReason, ClientId, DropReason, Duration, Epoch, Frame, Goal, Incarnation, Instant, Kind, Message,
    MigrationId, NodeId, Offset, Phase, PortId, Refusal, ReviewRule, Scheme, Sequence, ServiceOrder, Stamp,
};
use zerogap_switch::service::{Effect, Ingress};
use zerogap_switch::{Selection, Service, ServiceConfig};

pub(crate) type Lines = Vec<String>;

/// The ports of the anchor by which clients come in: an access point's, and the trunk's.
pub(crate) const HERE: Ingress = Ingress { port: PortId(1), switch: S1 };
pub(crate) const BEYOND: Ingress = Ingress { port: PortId(2), switch: S2 };

pub(crate) struct Bench {
    pub(crate) service: Service,
    pub(crate) now: Instant,
    next_sequence: u64,
    /// The client's number at each offset, as the servers were told.
    sequences: BTreeMap<Offset, Sequence>,
    /// What each server was sent and has not answered.
    pub(crate) waiting: BTreeMap<NodeId, BTreeSet<Offset>>,
    lives: BTreeMap<NodeId, Incarnation>,
    /// The newest stamp sent to each server.
    pub(crate) stamps: BTreeMap<NodeId, Stamp>,
    pub(crate) frames: Vec<(NodeId, Frame)>,
    told: Lines,
}

impl Bench {
    pub(crate) fn new(config: ServiceConfig) -> Self {
        Self {
            service: Service::new(config),
            now: Instant::ZERO,
            next_sequence: 0,
            sequences: BTreeMap::new(),
            waiting: BTreeMap::new(),
            lives: BTreeMap::new(),
            stamps: BTreeMap::new(),
            frames: Vec::new(),
            told: Vec::new(),
        }
    }

    /// The paper's pair: P, and S as its hot standby.
    pub(crate) fn pair() -> Self {
        Self::of(&[P, S])
    }

    pub(crate) fn of(servers: &[NodeId]) -> Self {
        Self::new(config(servers, Selection::Preferred))
    }

    /// A request with this number comes in.
    pub(crate) fn request_at(&mut self, sequence: u64, ingress: Ingress) -> Result<Lines, DropReason> {
        self.request_of(CLIENT, sequence, ingress)
    }

    pub(crate) fn request_of(
        &mut self,
        client: NodeId,
        sequence: u64,
        at: Ingress,
    ) -> Result<Lines, DropReason> {
        let frame = request_frame(client, Sequence(sequence));
        let (datagram, message) = open(&frame);
        let result = self.service.request(self.now, &frame, &datagram, &message, at);
        let told = self.drain();
        result.map(|()| told)
    }

    /// The client's next request comes in; it must be admitted.
    pub(crate) fn request(&mut self) -> Lines {
        self.next_sequence += 1;
        self.request_at(self.next_sequence - 1, HERE).expect("admitted")
    }

    /// The server answers an offset as every server does.
    pub(crate) fn answer(&mut self, server: NodeId, offset: u64) -> Lines {
        self.try_answer(server, offset).expect("taken")
    }

    pub(crate) fn try_answer(&mut self, server: NodeId, offset: u64) -> Result<Lines, DropReason> {
        self.say(server, self.life(server), Kind::Answer, offset, 0)
    }

    /// The server answers something else than all others.
    pub(crate) fn answer_wrongly(&mut self, server: NodeId, offset: u64) -> Lines {
        self.say(server, self.life(server), Kind::Answer, offset, 1).expect("taken")
    }

    /// The server says anything at all. The answer's body follows from the offset; `flip` makes it another one.
    pub(crate) fn say(
        &mut self,
        server: NodeId,
        incarnation: Incarnation,
        kind: Kind,
        offset: u64,
        flip: u8,
    ) -> Result<Lines, DropReason> {
        let offset = Offset(offset);
        let sequence = self.sequences.get(&offset).copied().unwrap_or_default();
        self.say_to(server, incarnation, kind, offset, sequence, flip)
    }

    pub(crate) fn say_to(
        &mut self,
        server: NodeId,
        incarnation: Incarnation,
        kind: Kind,
        offset: Offset,
        sequence: Sequence,
        flip: u8,
    ) -> Result<Lines, DropReason> {
        let mut body = [0; BODY_LEN];
        body[..8].copy_from_slice(&offset.0.to_be_bytes());
        body[8] = flip;
        let stamp = Stamp { incarnation, epoch: Epoch(0), offset, replayed: false };
        let client = ClientId(u32::from(CLIENT.0));
        let message =
            Message { kind, client, client_incarnation: Incarnation(0), sequence, stamp, body: &body };
        let frame = server_frame(server, &message);
        let (datagram, message) = open(&frame);
        let result = self.service.answer(self.now, server, &frame, &datagram, &message);
        if kind == Kind::Answer && result.is_ok() {
            self.waiting.entry(server).or_default().remove(&offset);
        }
        let told = self.drain();
        result.map(|()| told)
    }

    /// One request, and every one of these servers answers all that it was sent, in turns until nothing is left.
    pub(crate) fn round(&mut self, servers: &[NodeId]) -> Lines {
        let mut told = self.request();
        told.extend(self.answer_all(servers));
        told
    }

    pub(crate) fn answer_all(&mut self, servers: &[NodeId]) -> Lines {
        let mut told = Vec::new();
        while let Some((server, offset)) = self.oldest_waiting(servers) {
            match self.try_answer(server, offset.0) {
                Ok(lines) => told.extend(lines),
                Err(_) => drop(self.waiting.entry(server).or_default().remove(&offset)),
            }
        }
        told
    }

    fn oldest_waiting(&self, servers: &[NodeId]) -> Option<(NodeId, Offset)> {
        servers.iter().find_map(|server| Some((*server, *self.waiting.get(server)?.first()?)))
    }

    /// Time passes; the anchor is woken whenever it asked for it.
    pub(crate) fn wait(&mut self, by: Duration) -> Lines {
        let until = self.now + by;
        let mut told = Vec::new();
        while let Some((at, _)) = self.service.deadline().filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.service.wake(self.now);
            let next = self.service.deadline().map(|(at, _)| at);
            assert!(
                next.is_none_or(|next| next > self.now),
                "woken at {at} and wants to be woken again at once"
            );
            told.extend(self.drain());
        }
        self.now = until;
        told
    }

    /// An order of a controller that knows the epoch.
    pub(crate) fn order(&mut self, order: ServiceOrder) -> Result<Lines, Refusal> {
        let epoch = self.service.status().epoch;
        let result = self.service.order(self.now, command(epoch, order));
        let told = self.drain();
        result.map(|()| told)
    }

    /// Begins the next migration, to T and U by way of a snapshot of this server.
    pub(crate) fn begin(&mut self, snapshotter: NodeId) -> Result<Lines, Refusal> {
        self.order(begin(self.service.status().attempts + 1, snapshotter, &[T, U]))
    }

    pub(crate) fn mark(&mut self, mark: u64) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Mark { migration, mark: Offset(mark) })
    }

    /// Starts T and U and arms the switch-over after so many agreements.
    pub(crate) fn read(&mut self, agreements: u32) -> Result<Lines, Refusal> {
        self.read_with(ReviewRule { agreements, absences_max: 2, deadline: ms(1_000) })
    }

    pub(crate) fn read_with(&mut self, review: ReviewRule) -> Result<Lines, Refusal> {
        let migration = self.migration();
        let plan = self.service.status().plan.expect("a plan");
        let targets: Vec<_> =
            plan.targets.iter().map(|&target| (target, restored(target, migration))).collect();
        self.lives.extend(targets.iter().copied());
        self.order(ServiceOrder::Read { migration, targets, review })
    }

    /// Begins the next migration by this scheme, from P, which serves alone, to T.
    pub(crate) fn begin_alone(&mut self, scheme: Scheme) -> Result<Lines, Refusal> {
        let begin = begin(self.service.status().attempts + 1, P, &[T]);
        let ServiceOrder::Begin { migration, goal, snapshotter, targets, .. } = begin else { unreachable!() };
        self.order(ServiceOrder::Begin { migration, scheme, goal, snapshotter, targets })
    }

    pub(crate) fn reached(&mut self, phase: Phase) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Reached { migration, phase })
    }

    pub(crate) fn freeze(&mut self) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Freeze { migration })
    }

    pub(crate) fn thaw(&mut self) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Thaw { migration })
    }

    /// T takes over, within 100 ms.
    pub(crate) fn take(&mut self, lazy: bool) -> Result<Lines, Refusal> {
        let migration = self.migration();
        let targets = vec![(T, restored(T, migration))];
        self.lives.extend(targets.iter().copied());
        self.order(ServiceOrder::Take { migration, targets, lazy, deadline: ms(100) })
    }

    pub(crate) fn pulled(&mut self) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Pulled { migration })
    }

    pub(crate) fn cancel(&mut self) -> Result<Lines, Refusal> {
        let migration = self.migration();
        self.order(ServiceOrder::Cancel { migration, reason: AbortReason::Requested })
    }

    pub(crate) fn remove(&mut self, server: NodeId) -> Lines {
        let incarnation = self.life(server);
        self.order(ServiceOrder::Remove { server, incarnation }).expect("carried out")
    }

    /// The newest migration.
    pub(crate) fn migration(&self) -> MigrationId {
        MigrationId(self.service.status().attempts)
    }

    /// A migration that has come so far, nothing being under way before; requests are answered all the while.
    pub(crate) fn bring_to(&mut self, phase: Phase) {
        let serving: Vec<NodeId> = self.service.status().serving.iter().map(|s| s.server).collect();
        let snapshotter = *serving.last().expect("somebody serves");
        self.round(&serving);
        self.begin(snapshotter).expect("begun");
        let steps: [fn(&mut Self); 3] = [
            |b| drop(b.mark(b.service.status().head.0)),
            |b| drop(b.order(ServiceOrder::Reached { migration: b.migration(), phase: Phase::Restore })),
            |b| drop(b.read(3)),
        ];
        for step in steps {
            if self.phase() == Some(phase) {
                return;
            }
            // More than a window, so that the targets will have something to catch up with.
            (0..3).for_each(|_| drop(self.round(&serving)));
            step(self);
        }
        if phase >= Phase::Review {
            self.answer_all(&[T, U]);
        }
        if phase == Phase::SwitchOver {
            // The third agreement comes with the targets' answers, and before X is asked for.
            (0..3).for_each(|_| drop(self.round(&[serving.clone(), vec![T, U]].concat())));
        }
        assert_eq!(self.phase(), Some(phase), "the way there");
    }

    pub(crate) fn phase(&self) -> Option<Phase> {
        self.service.status().plan.map(|plan| plan.phase)
    }

    /// Who serves, in order, with a mark on those that are not healthy.
    pub(crate) fn serving(&self) -> String {
        let health = |s: &zerogap_proto::Serving| match s.health {
            zerogap_proto::Health::Healthy => name(s.server),
            zerogap_proto::Health::Absent => format!("({})", name(s.server)),
            zerogap_proto::Health::Quarantined => format!("[{}]", name(s.server)),
        };
        self.service.status().serving.iter().map(health).collect::<Vec<_>>().join(" ")
    }

    /// How many more requests the log has room for: what nobody answers must stay in it.
    pub(crate) fn room(&mut self) -> u64 {
        let before = self.service.status().head;
        while self.request_at(self.next_sequence, HERE).is_ok() {
            self.next_sequence += 1;
        }
        self.service.status().head.from(before)
    }

    fn life(&self, server: NodeId) -> Incarnation {
        self.lives.get(&server).copied().unwrap_or(life(server))
    }

    fn drain(&mut self) -> Lines {
        while let Some(effect) = self.service.poll() {
            if let Effect::ToServer(copy) = &effect {
                let (server, frame) = (copy.server, copy.to_frame());
                let message = open(&frame).1;
                self.sequences.insert(message.stamp.offset, message.sequence);
                self.waiting.entry(server).or_default().insert(message.stamp.offset);
                self.stamps.insert(server, message.stamp);
                self.frames.push((server, frame));
            }
            self.told.extend(line(&effect));
        }
        std::mem::take(&mut self.told)
    }
}

/// The order to begin this migration.
pub(crate) fn begin(migration: u32, snapshotter: NodeId, targets: &[NodeId]) -> ServiceOrder {
    ServiceOrder::Begin {
        migration: MigrationId(migration),
        scheme: Scheme::HotStandby,
        goal: Goal::SwitchOver,
        snapshotter,
        targets: targets.to_vec(),
    }
}

/// The life that a target's restored state starts: a new one for every attempt.
pub(crate) fn restored(target: NodeId, migration: MigrationId) -> Incarnation {
    Incarnation(life(target).0 + migration.0)
}

/// The lines that speak of none of these.
pub(crate) fn without(lines: Lines, words: &[&str]) -> Lines {
    lines.into_iter().filter(|line| !words.iter().any(|word| line.contains(word))).collect()
}
