//! What all checkers know together: the log as the anchor showed it, who serves, which servers are there. It is made of sights
//! only. A checker sees a sight before the scene does, so the scene is how things were until then.

use super::sight::Sight;
use std::borrow::Cow;
use std::collections::BTreeMap;
use zerogap_proto::{
    AbortReason, Event, Goal, Health, Incarnation, Instant, MigrationId, NodeId, Offset, Outcome, Phase,
    Scheme, Sequence, Serving,
};
use zerogap_scenario::Scenario;

/// How things are.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) scenario: &'a Scenario,
    /// The requests that the anchor has sent to anybody, by offset.
    pub(super) log: Vec<Logged>,
    /// Who serves, by the anchor's last report.
    pub(super) serving: Vec<Serving>,
    pub(super) servers: BTreeMap<NodeId, Server>,
    /// The migration under way.
    pub(super) migration: Option<Migration>,
    /// How the latest one ended.
    pub(super) last: Option<Ended>,
    /// When something last went wrong on purpose.
    pub(super) last_fault: Instant,
}

/// A request in the log.
#[derive(Clone, Debug, Default)]
pub(super) struct Logged {
    pub(super) sequence: Sequence,
    /// When its answer went out, and what it said.
    pub(super) released: Option<(Instant, u64)>,
    /// What has come in for it; only the first answer of each life counts.
    pub(super) answers: Vec<(NodeId, Incarnation, u64)>,
}

/// A server.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Server {
    /// Its process is there.
    pub(super) alive: bool,
    pub(super) incarnation: Incarnation,
    pub(super) holds_state: bool,
    pub(super) next: Offset,
    /// Its memory is not what its digest says, by a fault of the file.
    pub(super) tainted: bool,
}

/// A migration under way.
#[derive(Clone, Debug)]
pub(super) struct Migration {
    pub(super) id: MigrationId,
    pub(super) scheme: Scheme,
    pub(super) goal: Goal,
    pub(super) snapshotter: NodeId,
    pub(super) targets: Vec<NodeId>,
    pub(super) phase: Phase,
    pub(super) mark: Option<Offset>,
    pub(super) committed: bool,
    /// What was cut came from a server whose memory was wrong.
    pub(super) tainted: bool,
}

/// A migration that has ended.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) at: Instant,
    pub(super) migration: Migration,
    pub(super) outcome: Outcome,
}

impl<'a> Scene<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let first = |server: &NodeId| {
            let holds_state = scenario.server(*server, 0).is_some_and(|config| config.holds_state);
            (*server, Server { alive: true, holds_state, ..Server::default() })
        };
        let servers: BTreeMap<NodeId, Server> = scenario.topology.servers.iter().map(first).collect();
        let names = scenario.testbed.service.serving.iter().take(scenario.testbed.scheme.replicas());
        let serving = names.filter_map(|name| scenario.topology.names.id(name));
        let serving =
            serving.map(|server| Serving { server, incarnation: Incarnation(0), health: Health::Healthy });
        Self {
            scenario,
            log: Vec::new(),
            serving: serving.collect(),
            servers,
            migration: None,
            last: None,
            last_fault: Instant::ZERO,
        }
    }

    pub(super) fn name(&self, node: NodeId) -> Cow<'_, str> {
        self.scenario.topology.names.name(node)
    }

    pub(super) fn logged(&self, offset: Offset) -> Option<&Logged> {
        self.log.get(usize::try_from(offset.0).ok()?)
    }

    pub(super) fn serves(&self, server: NodeId) -> bool {
        self.serving.iter().any(|serving| serving.server == server)
    }

    /// The state is gone, or nobody is left who could answer from it. What is lost from then on is no scheme's fault; that it
    /// came to this is judged elsewhere.
    pub(super) fn is_service_lost(&self) -> bool {
        let in_pull = |ended: &Ended| ended.outcome == Outcome::Aborted(AbortReason::SourceLostInPull);
        let here = |serving: &Serving| {
            let server = self.servers.get(&serving.server);
            server.is_some_and(|s| s.alive && s.holds_state && s.incarnation == serving.incarnation)
        };
        self.last.as_ref().is_some_and(in_pull) || !self.serving.iter().any(here)
    }

    /// Its memory was corrupted by a fault of the file, or what it restores comes from such a one.
    pub(super) fn is_doubtful(&self, server: NodeId) -> bool {
        let restores = |m: &Migration| m.tainted && m.targets.contains(&server);
        // The other target of an attempt that was aborted may still be at its scan.
        let newest = self.migration.as_ref().or(self.last.as_ref().map(|ended| &ended.migration));
        self.servers.get(&server).is_some_and(|s| s.tainted) || newest.is_some_and(restores)
    }

    pub(super) fn see(&mut self, at: Instant, sight: &Sight) {
        match sight {
            Sight::Event(event) => self.event(at, event),
            Sight::Asked { stamp, sequence, .. } if stamp.offset.0 == self.log.len() as u64 => {
                self.log.push(Logged { sequence: *sequence, ..Logged::default() });
            }
            Sight::Answered { server, stamp, content, .. } => {
                let life = stamp.incarnation;
                let Some(logged) = self.log.get_mut(stamp.offset.0 as usize) else { return };
                if !logged.answers.iter().any(|(who, of, _)| (who, of) == (server, &life)) {
                    logged.answers.push((*server, life, *content));
                }
            }
            Sight::Released { offset, content, .. } => {
                if let Some(logged) = self.log.get_mut(offset.0 as usize) {
                    logged.released.get_or_insert((at, *content));
                }
            }
            Sight::Status(status) => self.serving.clone_from(&status.serving),
            Sight::Served { status, .. } => {
                let server = self.servers.entry(status.server).or_default();
                let tainted = server.tainted && server.incarnation == status.incarnation;
                let (incarnation, holds_state, next) = (status.incarnation, status.holds_state, status.next);
                *server = Server { alive: true, incarnation, holds_state, next, tainted };
            }
            Sight::Over(ending) => {
                if let Some(status) = &ending.remains.service {
                    self.serving.clone_from(&status.serving);
                }
            }
            Sight::Asked { .. }
            | Sight::Reached(_)
            | Sight::Kept { .. }
            | Sight::Settled
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. } => {}
        }
    }

    fn event(&mut self, at: Instant, event: &Event) {
        if let Event::Begun { migration, scheme, goal, snapshotter, targets, .. } = event {
            let (phase, targets) = (scheme.first_phase(), targets.clone());
            let (id, scheme, goal, snapshotter) = (*migration, *scheme, *goal, *snapshotter);
            let (mark, committed, tainted) = (None, false, false);
            let begun = Migration { id, scheme, goal, snapshotter, targets, phase, mark, committed, tainted };
            self.migration = Some(begun);
        } else if let Event::Ended { outcome, .. } = event {
            let ended = self.migration.take();
            let outcome = *outcome;
            self.last = ended.map(|migration| Ended { at, migration, outcome }).or(self.last.take());
        } else if let Event::Cut { server, .. } = event {
            let tainted = self.servers.get(server).is_some_and(|s| s.tainted);
            self.under_way(|migration| migration.tainted |= tainted && migration.snapshotter == *server);
        } else if let Event::Restored { server, .. } | Event::Usable { server, .. } = event {
            let tainted = self.is_doubtful(*server);
            self.servers.entry(*server).or_default().tainted = tainted;
        } else if let Event::BitFlipped { server, .. } = event {
            self.servers.entry(*server).or_default().tainted = true;
        } else if let Event::ServerLost { server } = event {
            let server = self.servers.entry(*server).or_default();
            (server.alive, server.holds_state) = (false, false);
        } else if let Event::Fault { .. } = event {
            self.last_fault = at;
        } else if let Event::Phase { phase, .. } = event {
            self.under_way(|migration| migration.phase = *phase);
        } else if let Event::Marked { mark, .. } = event {
            self.under_way(|migration| migration.mark = Some(*mark));
        } else if let Event::SwitchedOver { .. } = event {
            self.under_way(|migration| migration.committed = true);
        }
    }

    fn under_way(&mut self, change: impl FnOnce(&mut Migration)) {
        if let Some(migration) = &mut self.migration {
            change(migration);
        }
    }
}
