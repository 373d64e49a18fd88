//! An edge server as a mere holder of its status: it carries commands out as the real one does, and its jobs end when the
//! world says so. Its digest stands for its state.

use zerogap_controller::edge::transfer_endpoint;
use zerogap_proto::*;

/// The digest of the only state there is.
pub(crate) const STATE: u64 = 0xabc;
/// Where a server stands that is cut or frozen.
pub(crate) const MARK: Offset = Offset(50);
/// Rounds until what is left is little enough.
const ROUNDS: u32 = 2;

pub(crate) struct Server {
    pub(crate) status: ServerStatus,
    pub(crate) alive: bool,
    /// The next restored or pulled state shall differ from what was sent.
    pub(crate) corrupts_next: bool,
    /// The next sending shall end like this; `Some(None)` is never.
    pub(crate) next_sending: Option<Option<JobFailure>>,
    /// Its rounds shall not converge.
    pub(crate) never_converges: bool,
    targets: Vec<Endpoint>,
    stage: Stage,
    arrived: Option<(Offset, u64)>,
}

/// What the next end of a sending is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    All,
    Header,
    Pages,
}

/// What a server does in answer.
pub(crate) enum Reaction {
    Report,
    /// Report; and the job that was started ends later.
    Work(MigrationId),
    /// Report; and these targets now have this.
    Deliver {
        migration: MigrationId,
        targets: Vec<Endpoint>,
        parcel: Parcel,
    },
    Nothing,
}

/// What arrives at a target.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parcel {
    /// The whole state.
    All(Offset, u64),
    /// The header; the pages follow.
    Header(Offset, u64),
    /// The pages that the header announced.
    Pages,
    /// The connection breaks.
    Torn,
}

impl Server {
    pub(crate) fn new(server: NodeId, holds_state: bool) -> Self {
        let digest = if holds_state { STATE } else { 0 };
        let (incarnation, next, scrub_failed, task) = (Incarnation::of_life(1), MARK, false, Task::None);
        Self {
            status: ServerStatus { server, incarnation, holds_state, next, digest, scrub_failed, task },
            alive: true,
            corrupts_next: false,
            next_sending: None,
            never_converges: false,
            targets: Vec::new(),
            stage: Stage::All,
            arrived: None,
        }
    }

    pub(crate) fn command(&mut self, command: &ServerCommand) -> Reaction {
        match command {
            ServerCommand::Prepare { migration } if self.takes_part(*migration) => Reaction::Report,
            ServerCommand::Prepare { migration } => {
                self.reset();
                self.status.task = Task::Receiving { migration: *migration };
                Reaction::Report
            }
            ServerCommand::Rounds { migration, .. } | ServerCommand::Snapshot { migration, .. }
                if self.takes_part(*migration) =>
            {
                Reaction::Report
            }
            ServerCommand::Rounds { migration, .. } => {
                self.status.task = Task::Rounds { migration: *migration, done: 0, state: Rounds::UnderWay };
                Reaction::Work(*migration)
            }
            ServerCommand::Snapshot { migration, targets, image: Image::FullCopy } => {
                self.targets = targets.clone();
                self.status.task = Task::Cutting { migration: *migration };
                Reaction::Work(*migration)
            }
            ServerCommand::Snapshot { migration, targets, image: Image::CopyOnWrite } => {
                self.cut(*migration, targets, Stage::All)
            }
            ServerCommand::Finish { migration, .. } if self.has_finished(*migration) => Reaction::Report,
            ServerCommand::Finish { migration, targets, lazy } => {
                self.cut(*migration, targets, if *lazy { Stage::Header } else { Stage::All })
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
        if !self.takes_part(of) {
            return Reaction::Nothing;
        }
        match self.status.task {
            Task::Rounds { migration, done, state: Rounds::UnderWay } => {
                let (done, over) = (done + 1, done + 1 == ROUNDS);
                let end = if self.never_converges { Rounds::GaveUp } else { Rounds::Ready };
                let state = if over { end } else { Rounds::UnderWay };
                self.status.task = Task::Rounds { migration, done, state };
                if over { Reaction::Report } else { Reaction::Work(migration) }
            }
            Task::Cutting { migration } => {
                let targets = self.targets.clone();
                self.cut(migration, &targets, Stage::All)
            }
            Task::Sending { migration, mark, digest } => self.sending_done(migration, mark, digest),
            Task::Restoring { migration } => {
                let Some((mark, digest)) = self.arrived.take() else { return Reaction::Nothing };
                let digest = digest ^ u64::from(std::mem::take(&mut self.corrupts_next));
                self.status.task = Task::Restored { migration, mark, digest };
                (self.status.holds_state, self.status.digest) = (true, digest);
                Reaction::Report
            }
            Task::None | Task::Rounds { .. } | Task::Sent { .. } | Task::Receiving { .. } => {
                Reaction::Nothing
            }
            Task::Restored { .. } | Task::Pulling { .. } | Task::Failed { .. } => Reaction::Nothing,
        }
    }

    /// Something of a transfer has arrived; whether it was waited for.
    pub(crate) fn arrive(&mut self, migration: MigrationId, parcel: Parcel) -> bool {
        if !self.alive || !self.takes_part(migration) {
            return false;
        }
        let receives = matches!(self.status.task, Task::Receiving { .. });
        let pulls = matches!(self.status.task, Task::Pulling { .. });
        match parcel {
            Parcel::All(mark, digest) if receives => {
                self.status.task = Task::Restoring { migration };
                self.arrived = Some((mark, digest));
            }
            Parcel::Header(mark, digest) if receives => {
                self.status.task = Task::Pulling { migration, mark, digest };
                (self.status.holds_state, self.status.digest) = (true, digest);
                self.arrived = Some((mark, digest));
            }
            Parcel::Pages if pulls => {
                let Some((mark, digest)) = self.arrived.take() else { return false };
                if std::mem::take(&mut self.corrupts_next) {
                    self.fail(migration, JobFailure::Checksum);
                } else {
                    self.status.task = Task::Restored { migration, mark, digest };
                }
            }
            Parcel::Torn if receives || pulls => self.fail(migration, JobFailure::Torn),
            Parcel::All(..) | Parcel::Header(..) | Parcel::Pages | Parcel::Torn => return false,
        }
        true
    }

    pub(crate) fn waits_at(&self, endpoint: Endpoint) -> bool {
        transfer_endpoint(self.status.server) == endpoint
    }

    fn takes_part(&self, migration: MigrationId) -> bool {
        self.status.task.migration() == Some(migration)
    }

    /// Rounds come before the finish in the same migration.
    fn has_finished(&self, migration: MigrationId) -> bool {
        self.takes_part(migration) && !matches!(self.status.task, Task::Rounds { .. })
    }

    fn cut(&mut self, migration: MigrationId, targets: &[Endpoint], stage: Stage) -> Reaction {
        assert!(self.status.holds_state, "nothing is there to be sent");
        let (mark, digest) = (self.status.next, self.status.digest);
        self.status.task = Task::Sending { migration, mark, digest };
        (self.targets, self.stage) = (targets.to_vec(), stage);
        Reaction::Work(migration)
    }

    fn sending_done(&mut self, migration: MigrationId, mark: Offset, digest: u64) -> Reaction {
        let targets = self.targets.clone();
        match self.next_sending.take() {
            Some(None) => return Reaction::Nothing,
            Some(Some(reason)) => {
                self.fail(migration, reason);
                return Reaction::Deliver { migration, targets, parcel: Parcel::Torn };
            }
            None => {}
        }
        let (parcel, is_all) = match self.stage {
            Stage::All => (Parcel::All(mark, digest), true),
            Stage::Header => (Parcel::Header(mark, digest), false),
            Stage::Pages => (Parcel::Pages, true),
        };
        self.stage = Stage::Pages;
        if is_all {
            self.status.task = Task::Sent { migration, mark, digest, bytes: 1 };
        }
        Reaction::Deliver { migration, targets, parcel }
    }

    /// What was pulled only in part is forgotten.
    fn fail(&mut self, migration: MigrationId, reason: JobFailure) {
        if matches!(self.status.task, Task::Pulling { .. }) {
            self.reset();
        }
        self.status.task = Task::Failed { migration, reason };
    }

    fn cancel(&mut self, of: MigrationId) -> Reaction {
        if !self.takes_part(of) {
            return Reaction::Report;
        }
        match self.status.task {
            Task::None
            | Task::Rounds { .. }
            | Task::Cutting { .. }
            | Task::Sending { .. }
            | Task::Sent { .. } => {
                self.status.task = Task::None;
            }
            Task::Failed { .. } if self.status.holds_state => self.status.task = Task::None,
            Task::Receiving { .. } | Task::Restoring { .. } | Task::Restored { .. } => self.reset(),
            Task::Pulling { .. } | Task::Failed { .. } => self.reset(),
        }
        Reaction::Report
    }

    fn reset(&mut self) {
        let incarnation = self.status.incarnation.next();
        (self.status.incarnation, self.status.holds_state, self.status.digest) = (incarnation, false, 0);
        self.status.task = Task::None;
        self.status.next = MARK;
    }

    /// A new process in the place of the one that ended.
    pub(crate) fn restart(&mut self) {
        let lives = (self.status.incarnation.0 >> 16) as u16;
        self.reset();
        self.status.incarnation = Incarnation::of_life(lives + 1);
        self.alive = true;
    }
}
