//! An edge server as a mere holder of its status: it carries commands out as the real one does, and its jobs end when the
//! world says so. Its digest stands for its state.

use zerogap_controller::edge::transfer_endpoint;
use zerogap_proto::*;

/// The digest of the only state there is.
pub(crate) const STATE: u64 = 0xabc;

pub(crate) struct Server {
    pub(crate) status: ServerStatus,
    pub(crate) alive: bool,
    /// The next restored state shall differ from what was sent.
    pub(crate) corrupts_next: bool,
    /// The next sending shall end like this; `Some(None)` is never.
    pub(crate) next_sending: Option<Option<JobFailure>>,
    targets: Vec<Endpoint>,
    arrived: Option<(Offset, u64)>,
}

/// What a server does in answer.
pub(crate) enum Reaction {
    Report,
    /// Report; and the job that was started ends later.
    Work(MigrationId),
    /// Report; and these targets now have everything.
    Deliver {
        migration: MigrationId,
        targets: Vec<Endpoint>,
        mark: Offset,
        digest: u64,
    },
    Nothing,
}

impl Server {
    pub(crate) fn new(server: NodeId, holds_state: bool) -> Self {
        let digest = if holds_state { STATE } else { 0 };
        let (incarnation, next, scrub_failed, task) = (Incarnation::of_life(1), Offset(0), false, Task::None);
        let status = ServerStatus { server, incarnation, holds_state, next, digest, scrub_failed, task };
        let (targets, arrived) = (Vec::new(), None);
        Self { status, alive: true, corrupts_next: false, next_sending: None, targets, arrived }
    }

    pub(crate) fn command(&mut self, command: &ServerCommand) -> Reaction {
        let task = self.status.task;
        match command {
            ServerCommand::Prepare { migration } if task.migration() == Some(*migration) => Reaction::Report,
            ServerCommand::Prepare { migration } => {
                self.reset();
                self.status.task = Task::Receiving { migration: *migration };
                Reaction::Report
            }
            ServerCommand::Snapshot { migration, .. } if task.migration() == Some(*migration) => {
                Reaction::Report
            }
            ServerCommand::Snapshot { migration, targets } => {
                assert!(self.status.holds_state, "nothing is there to be snapshotted");
                let (migration, mark, digest) = (*migration, Offset(50), self.status.digest);
                self.status.task = Task::Sending { migration, mark, digest };
                self.targets = targets.clone();
                Reaction::Work(migration)
            }
            ServerCommand::Cancel { migration } => self.cancel(*migration),
            ServerCommand::Discard { incarnation } => {
                if *incarnation == self.status.incarnation {
                    self.reset();
                }
                Reaction::Report
            }
            ServerCommand::Report => Reaction::Report,
            ServerCommand::FlipBit { .. } => Reaction::Nothing,
        }
    }

    /// Ends the job of this migration, if it is still the one under way.
    pub(crate) fn work_done(&mut self, of: MigrationId) -> Reaction {
        match self.status.task {
            Task::Sending { migration, mark, digest } if migration == of => match self.next_sending.take() {
                Some(None) => Reaction::Nothing,
                Some(Some(reason)) => {
                    self.status.task = Task::Failed { migration, reason };
                    Reaction::Report
                }
                None => {
                    self.status.task = Task::Sent { migration, mark, digest, bytes: 1 };
                    Reaction::Deliver { migration, targets: self.targets.clone(), mark, digest }
                }
            },
            Task::Restoring { migration } if migration == of => {
                let Some((mark, digest)) = self.arrived.take() else { return Reaction::Nothing };
                let digest = digest ^ u64::from(std::mem::take(&mut self.corrupts_next));
                self.status.task = Task::Restored { migration, mark, digest };
                (self.status.holds_state, self.status.digest) = (true, digest);
                Reaction::Report
            }
            Task::None | Task::Sending { .. } | Task::Sent { .. } | Task::Receiving { .. } => {
                Reaction::Nothing
            }
            Task::Restoring { .. } | Task::Restored { .. } | Task::Failed { .. } => Reaction::Nothing,
        }
    }

    /// Everything of a transfer has arrived; `false` if it was not waited for.
    pub(crate) fn arrive(&mut self, migration: MigrationId, mark: Offset, digest: u64) -> bool {
        let waits = self.alive && self.status.task == Task::Receiving { migration };
        if waits {
            self.status.task = Task::Restoring { migration };
            self.arrived = Some((mark, digest));
        }
        waits
    }

    pub(crate) fn waits_at(&self, endpoint: Endpoint) -> bool {
        transfer_endpoint(self.status.server) == endpoint
    }

    fn cancel(&mut self, of: MigrationId) -> Reaction {
        if self.status.task.migration() != Some(of) {
            return Reaction::Report;
        }
        match self.status.task {
            Task::None | Task::Sending { .. } | Task::Sent { .. } => self.status.task = Task::None,
            Task::Failed { .. } if self.status.holds_state => self.status.task = Task::None,
            Task::Receiving { .. } | Task::Restoring { .. } | Task::Restored { .. } | Task::Failed { .. } => {
                self.reset();
            }
        }
        Reaction::Report
    }

    fn reset(&mut self) {
        let incarnation = self.status.incarnation.next();
        (self.status.incarnation, self.status.holds_state, self.status.digest) = (incarnation, false, 0);
        self.status.task = Task::None;
    }

    /// A new process in the place of the one that ended.
    pub(crate) fn restart(&mut self) {
        let lives = (self.status.incarnation.0 >> 16) as u16;
        self.reset();
        self.status.incarnation = Incarnation::of_life(lives + 1);
        self.alive = true;
    }
}
