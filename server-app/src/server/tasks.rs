//! What a server does for migrations: it cuts and sends snapshots, receives and restores them, forgets. Every order can be
//! repeated and can come late: a migration is begun once, and never after it was cancelled.

use super::Server;
use crate::memory::Memory;
use crate::snapshot::{Header, HeaderError};
use zerogap_proto::{
    Endpoint, Event, Incarnation, Instant, Job, JobFailure, JobResult, MigrationId, Output, ServerCommand,
    Task,
};

impl<M: Memory> Server<M> {
    pub(super) fn on_command(&mut self, command: ServerCommand) {
        match command {
            ServerCommand::Prepare { migration } => self.prepare(migration),
            ServerCommand::Snapshot { migration, targets } => self.snapshot(migration, targets),
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
            (Task::Sending { migration, mark, digest }, JobResult::Sent { bytes }) => {
                self.set_task(Task::Sent { migration, mark, digest, bytes });
            }
            (Task::Receiving { migration }, JobResult::Received { header }) => {
                self.received = header;
                self.set_task(Task::Restoring { migration });
                self.start(Job::Scan { migration });
            }
            (Task::Restoring { migration }, JobResult::ScanNow) => self.restore(now, migration),
            (_, JobResult::Failed(reason)) => self.fail(migration, reason),
            (_, JobResult::Sent { .. } | JobResult::Received { .. } | JobResult::ScanNow) => {
                self.counters.stale += 1;
            }
        }
    }

    fn prepare(&mut self, migration: MigrationId) {
        if !self.begins(migration) {
            return;
        }
        self.reset();
        self.set_task(Task::Receiving { migration });
        self.start(Job::Receive { migration });
    }

    fn snapshot(&mut self, migration: MigrationId, targets: Vec<Endpoint>) {
        if !self.begins(migration) {
            return;
        }
        self.cancel_job();
        if !self.holds_state {
            return self.fail(migration, JobFailure::Snapshot);
        }
        let Ok(header) = self.replica.header().encode() else {
            return self.fail(migration, JobFailure::Snapshot);
        };
        let (mark, digest) = (self.replica.next(), self.replica.digest());
        self.event(Event::Cut { server: self.config.node, migration, mark, digest });
        self.set_task(Task::Sending { migration, mark, digest });
        self.start(Job::Send { migration, header, targets });
    }

    fn cancel(&mut self, migration: MigrationId) {
        self.close(migration);
        if self.task.migration() == Some(migration) {
            match self.task {
                Task::Sending { .. } | Task::Sent { .. } => self.cancel_job(),
                Task::Failed { .. } if self.holds_state => {}
                Task::Failed { .. }
                | Task::Receiving { .. }
                | Task::Restoring { .. }
                | Task::Restored { .. }
                | Task::None => self.reset(),
            }
            self.task = Task::None;
        }
        self.report();
    }

    fn discard(&mut self, incarnation: Incarnation) {
        if incarnation == self.incarnation {
            self.reset();
        }
        self.report();
    }

    fn restore(&mut self, now: Instant, migration: MigrationId) {
        if let Some((byte, bit)) = self.armed_flip.take() {
            self.flip(byte, bit);
        }
        let received = std::mem::take(&mut self.received);
        if let Err(error) = self.adopt(&received) {
            return self.fail(migration, error.into());
        }
        self.holds_state = true;
        let (mark, digest) = (self.replica.next(), self.replica.digest());
        self.event(Event::Restored { server: self.config.node, migration, mark, digest });
        self.set_task(Task::Restored { migration, mark, digest });
        self.start_scrub(now);
    }

    fn adopt(&mut self, received: &[u8]) -> Result<(), HeaderError> {
        self.replica.adopt(&Header::decode(received)?)
    }

    /// Whether an order begins this migration here. If it has begun, failed or ended already, the status is the answer.
    fn begins(&mut self, migration: MigrationId) -> bool {
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

    /// Forgets all state and starts a new life.
    fn reset(&mut self) {
        self.cancel_job();
        if let Some(migration) = self.task.migration() {
            self.close(migration);
        }
        self.task = Task::None;
        self.holds_state = false;
        self.received = Vec::new();
        self.outbox.clear();
        self.scrub_at = None;
        self.scrub_failed = false;
        self.incarnation = self.incarnation.next();
        self.event(Event::Reset { server: self.config.node, incarnation: self.incarnation });
    }

    fn fail(&mut self, migration: MigrationId, reason: JobFailure) {
        self.received = Vec::new();
        self.event(Event::JobFailed { server: self.config.node, migration, reason });
        self.set_task(Task::Failed { migration, reason });
    }

    fn flip(&mut self, byte: u64, bit: u8) {
        let (byte, bit) = self.replica.app_mut().flip_bit(byte, bit);
        self.event(Event::BitFlipped { server: self.config.node, byte, bit });
    }

    fn set_task(&mut self, task: Task) {
        self.task = task;
        self.report();
    }

    fn start(&mut self, job: Job) {
        self.outputs.push_back(Output::Start(job));
    }

    /// The migration whose job is under way.
    fn job(&self) -> Option<MigrationId> {
        match self.task {
            Task::Sending { migration, .. }
            | Task::Receiving { migration }
            | Task::Restoring { migration } => Some(migration),
            Task::None | Task::Sent { .. } | Task::Restored { .. } | Task::Failed { .. } => None,
        }
    }

    fn cancel_job(&mut self) {
        if let Some(migration) = self.job() {
            self.outputs.push_back(Output::CancelJob(migration));
        }
    }
}
