//! A server as the source of a migration: it cuts snapshots, pre-copies in rounds, and sends what is left when it is frozen.
//! It serves all the while; what it sends is an image of one instant, by its driver's promise.

use super::{Server, Work};
use crate::memory::Memory;
use crate::rounds::Precopy;
use crate::snapshot::{Cut, HeaderError};
use zerogap_proto::{Endpoint, Event, Image, Job, JobFailure, MigrationId, Round, Rounds, RoundsRule, Task};

impl<M: Memory> Server<M> {
    pub(super) fn snapshot(&mut self, migration: MigrationId, targets: Vec<Endpoint>, image: Image) {
        if !self.begins_as_source(migration) {
            return;
        }
        let Ok(header) = self.header(Cut::Image) else {
            return self.fail(migration, JobFailure::Snapshot);
        };
        match image {
            Image::CopyOnWrite => self.cut(migration),
            Image::FullCopy => {
                let (mark, digest) = (self.replica.next(), self.replica.digest());
                self.work = Work::Cutting { mark, digest };
                self.set_task(Task::Cutting { migration });
            }
        }
        self.start(Job::Send { migration, header, targets, image });
    }

    /// The full copy is made. If a request was applied meanwhile, it is not of one instant.
    pub(super) fn taken(&mut self, migration: MigrationId) {
        let now = (self.replica.next(), self.replica.digest());
        if matches!(self.work, Work::Cutting { mark, digest } if (mark, digest) == now) {
            self.work = Work::Nothing;
            self.cut(migration);
        } else {
            self.cancel_job();
            self.fail(migration, JobFailure::Snapshot);
        }
    }

    pub(super) fn rounds(&mut self, migration: MigrationId, targets: Vec<Endpoint>, rule: RoundsRule) {
        if !self.begins_as_source(migration) {
            return;
        }
        self.work = Work::Rounds { precopy: Precopy::new(rule), targets: targets.clone() };
        self.set_task(Task::Rounds { migration, done: 0, state: Rounds::UnderWay });
        self.start(Job::Round { migration, targets });
    }

    pub(super) fn round_done(&mut self, migration: MigrationId, figures: Round) {
        let Work::Rounds { precopy, targets } = &mut self.work else {
            self.counters.stale += 1;
            return;
        };
        let (state, done, targets) = (precopy.finished(&figures), precopy.done(), targets.clone());
        self.event(Event::RoundDone { server: self.config.node, migration, round: done, figures });
        self.set_task(Task::Rounds { migration, done, state });
        if state == Rounds::UnderWay {
            self.start(Job::Round { migration, targets });
        }
    }

    pub(super) fn finish(&mut self, migration: MigrationId, targets: Vec<Endpoint>, lazy: bool) {
        match self.task {
            // One job at a time: the order will be repeated.
            Task::Rounds { migration: of, state: Rounds::UnderWay, .. } if of == migration => {
                return self.report();
            }
            Task::Rounds { migration: of, state: Rounds::Ready | Rounds::GaveUp, .. } if of == migration => {}
            Task::None
            | Task::Rounds { .. }
            | Task::Cutting { .. }
            | Task::Sending { .. }
            | Task::Sent { .. }
            | Task::Receiving { .. }
            | Task::Restoring { .. }
            | Task::Restored { .. }
            | Task::Pulling { .. }
            | Task::Failed { .. } => {
                if !self.begins_as_source(migration) {
                    return;
                }
            }
        }
        self.work = Work::Nothing;
        let cut = if lazy { Cut::Lazy(self.replica.app().memory_digest()) } else { Cut::Frozen };
        let Ok(header) = self.header(cut) else {
            self.cancel_job();
            return self.fail(migration, JobFailure::Snapshot);
        };
        self.cut(migration);
        self.start(Job::Finish { migration, header, targets, lazy });
    }

    fn header(&self, cut: Cut) -> Result<Vec<u8>, HeaderError> {
        self.replica.header(cut).encode()
    }

    /// From this instant on, what is applied is not in the snapshot.
    fn cut(&mut self, migration: MigrationId) {
        let (mark, digest) = (self.replica.next(), self.replica.digest());
        self.event(Event::Cut { server: self.config.node, migration, mark, digest });
        self.set_task(Task::Sending { migration, mark, digest });
    }

    /// Whether an order begins this migration here, and there is a state to send. Who is still pulling its own has none.
    fn begins_as_source(&mut self, migration: MigrationId) -> bool {
        if matches!(self.task, Task::Pulling { .. }) {
            self.counters.stale += 1;
            self.report();
            return false;
        }
        if !self.begins(migration) {
            return false;
        }
        self.cancel_job();
        self.work = Work::Nothing;
        if !self.holds_state {
            self.fail(migration, JobFailure::Snapshot);
        }
        self.holds_state
    }
}
