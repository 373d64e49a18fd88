//! What a server does for migrations, as its orders and its jobs' results come in: its part as a source is in `source.rs`,
//! as a target in `target.rs`. Every order can be repeated and can come late: a migration is begun once, and never after it was
//! cancelled. Results that nobody waits for are counted and ignored.

use super::{Server, Work};
use crate::memory::Memory;
use zerogap_proto::{
    Event, Incarnation, Instant, Job, JobFailure, JobResult, MigrationId, Output, Rounds, ServerCommand, Task,
};

impl<M: Memory> Server<M> {
    pub(super) fn on_command(&mut self, command: ServerCommand) {
        match command {
            ServerCommand::Prepare { migration } => self.prepare(migration),
            ServerCommand::Snapshot { migration, targets, image } => self.snapshot(migration, targets, image),
            ServerCommand::Rounds { migration, targets, rule } => self.rounds(migration, targets, rule),
            ServerCommand::Finish { migration, targets, lazy } => self.finish(migration, targets, lazy),
            ServerCommand::Cancel { migration } => self.cancel(migration),
            ServerCommand::Discard { incarnation } => self.discard(incarnation),
            ServerCommand::Report => self.report(),
            ServerCommand::FlipBit { byte, bit, at_restore: true } => self.armed_flip = Some((byte, bit)),
            ServerCommand::FlipBit { byte, bit, at_restore: false } => self.flip(byte, bit),
        }
    }

    pub(super) fn on_job_done(&mut self, now: Instant, migration: MigrationId, result: JobResult) {
        if self.job() != Some(migration) {
            self.counters.stale += 1;
            return;
        }
        match (self.task, result) {
            (Task::Cutting { .. }, JobResult::Taken) => self.taken(migration),
            (Task::Rounds { .. } | Task::Sending { .. }, JobResult::Progress(progress)) => {
                self.event(Event::Sending { server: self.config.node, migration, progress });
            }
            (Task::Rounds { state: Rounds::UnderWay, .. }, JobResult::Round(figures)) => {
                self.round_done(migration, figures);
            }
            (Task::Sending { mark, digest, .. }, JobResult::Sent { bytes }) => {
                self.set_task(Task::Sent { migration, mark, digest, bytes });
            }
            (Task::Receiving { .. }, JobResult::Received { header }) => self.received(migration, header),
            (Task::Restoring { .. }, JobResult::ScanNow) => self.restore(now, migration),
            (Task::Receiving { .. }, JobResult::Usable { header }) => self.go_on_lazily(migration, &header),
            (Task::Pulling { mark, digest, .. }, JobResult::Pulled(figures)) => {
                self.pulled(now, migration, mark, digest, figures);
            }
            (_, JobResult::Failed(reason)) => self.fail(migration, reason),
            (
                _,
                JobResult::Taken
                | JobResult::Progress(_)
                | JobResult::Round(_)
                | JobResult::Sent { .. }
                | JobResult::Received { .. }
                | JobResult::ScanNow
                | JobResult::Usable { .. }
                | JobResult::Pulled(_),
            ) => self.counters.stale += 1,
        }
    }

    fn cancel(&mut self, migration: MigrationId) {
        self.close(migration);
        if self.task.migration() == Some(migration) {
            match self.task {
                Task::Rounds { .. } | Task::Cutting { .. } | Task::Sending { .. } | Task::Sent { .. } => {
                    self.cancel_job();
                }
                Task::Failed { .. } if self.holds_state => {}
                Task::Failed { .. }
                | Task::Receiving { .. }
                | Task::Restoring { .. }
                | Task::Restored { .. }
                | Task::Pulling { .. }
                | Task::None => self.reset(),
            }
            self.task = Task::None;
            self.work = Work::Nothing;
        }
        self.report();
    }

    fn discard(&mut self, incarnation: Incarnation) {
        if incarnation == self.incarnation {
            self.reset();
        }
        self.report();
    }

    /// Whether an order begins this migration here. If it has begun, failed or ended already, the status is the answer.
    pub(super) fn begins(&mut self, migration: MigrationId) -> bool {
        let under_way = self.task.migration() == Some(migration);
        if under_way || migration < self.oldest_migration {
            self.counters.stale += u64::from(!under_way);
            self.report();
            return false;
        }
        self.oldest_migration = migration;
        true
    }

    /// From here on, orders to begin this migration come too late.
    fn close(&mut self, migration: MigrationId) {
        self.oldest_migration = self.oldest_migration.max(MigrationId(migration.0.saturating_add(1)));
    }

    /// Ends what is under way and forgets all.
    pub(super) fn reset(&mut self) {
        self.cancel_job();
        if let Some(migration) = self.task.migration() {
            self.close(migration);
        }
        self.task = Task::None;
        self.forget();
    }

    /// Forgets all state and starts a new life.
    fn forget(&mut self) {
        self.holds_state = false;
        self.work = Work::Nothing;
        self.outbox.clear();
        self.scrub_at = None;
        self.scrub_failed = false;
        self.incarnation = self.incarnation.next();
        self.event(Event::Reset { server: self.config.node, incarnation: self.incarnation });
    }

    /// The task's job is over and has come to nothing. With a state that will never be complete nobody can serve.
    pub(super) fn fail(&mut self, migration: MigrationId, reason: JobFailure) {
        self.work = Work::Nothing;
        self.event(Event::JobFailed { server: self.config.node, migration, reason });
        if matches!(self.task, Task::Pulling { .. }) {
            self.forget();
        }
        self.set_task(Task::Failed { migration, reason });
    }

    pub(super) fn flip(&mut self, byte: u64, bit: u8) {
        let (byte, bit) = self.replica.app_mut().flip_bit(byte, bit);
        self.event(Event::BitFlipped { server: self.config.node, byte, bit });
    }

    pub(super) fn set_task(&mut self, task: Task) {
        self.task = task;
        self.report();
    }

    pub(super) fn start(&mut self, job: Job) {
        self.outputs.push_back(Output::Start(job));
    }

    /// The migration whose job is under way. Between and after the rounds of a pre-copy the driver still keeps account of what
    /// is written.
    const fn job(&self) -> Option<MigrationId> {
        match self.task {
            Task::Rounds { migration, .. }
            | Task::Cutting { migration }
            | Task::Sending { migration, .. }
            | Task::Receiving { migration }
            | Task::Restoring { migration }
            | Task::Pulling { migration, .. } => Some(migration),
            Task::None | Task::Sent { .. } | Task::Restored { .. } | Task::Failed { .. } => None,
        }
    }

    pub(super) fn cancel_job(&mut self) {
        if let Some(migration) = self.job() {
            self.outputs.push_back(Output::CancelJob(migration));
        }
    }
}
