//! What controllers order of a service's anchor and what the anchor reports. Every order carries the epoch it was given
//! for and, where it concerns a migration, the migration's id; a stale one is refused, so orders may be repeated freely.

use crate::id::{Epoch, Incarnation, MigrationId, NodeId, Offset, ServiceId};
use crate::plan::{AbortReason, Goal, Outcome, Phase, PlanStatus, ReviewRule, Scheme};
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// An order for one service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceCommand {
    /// Which service.
    pub service: ServiceId,
    /// The epoch that the controller has seen.
    pub epoch: Epoch,
    /// What to do.
    pub order: ServiceOrder,
}

/// What to do with a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceOrder {
    /// Start a migration, in its scheme's first phase: pin the log at the snapshotting server's oldest unanswered offset.
    Begin {
        /// The id it shall have: one more than the service's attempts so far.
        migration: MigrationId,
        /// How.
        scheme: Scheme,
        /// What for.
        goal: Goal,
        /// Who is snapshotted: a serving server.
        snapshotter: NodeId,
        /// Who shall serve; the first becomes primary.
        targets: Vec<NodeId>,
    },
    /// The snapshot is cut: everything before `mark` is in it. The pin moves there.
    Mark {
        /// Which migration.
        migration: MigrationId,
        /// The first offset that the snapshot lacks.
        mark: Offset,
    },
    /// The servers have begun the work of a later phase: `Rounds`, `Snapshot`, `Transfer` or `Restore`. Those that are over
    /// or were reached before change nothing.
    Reached {
        /// Which migration.
        migration: MigrationId,
        /// Which phase.
        phase: Phase,
    },
    /// Hold the snapshotting server's reader. When all that was sent to it is answered, the mark is where it stands.
    Freeze {
        /// Which migration.
        migration: MigrationId,
    },
    /// The frozen source has been copied: let it go on from the mark.
    Thaw {
        /// Which migration.
        migration: MigrationId,
    },
    /// The targets go on from the mark in the frozen source's place, without a review. The commit point: from here only
    /// forward. The source stays frozen as their fall-back.
    Take {
        /// Which migration.
        migration: MigrationId,
        /// The targets and the lives in which they were restored, in the plan's order.
        targets: Vec<(NodeId, Incarnation)>,
        /// Whether part of the state is still to be pulled from the source: then `Pulled` completes the migration.
        lazy: bool,
        /// Time within which the targets must have answered.
        deadline: Duration,
    },
    /// The targets have pulled all of the state.
    Pulled {
        /// Which migration.
        migration: MigrationId,
    },
    /// The targets are restored: start their readers at the mark and arm the review and the switch-over.
    Read {
        /// Which migration.
        migration: MigrationId,
        /// The targets and the lives in which they were restored, in the plan's order.
        targets: Vec<(NodeId, Incarnation)>,
        /// When to switch over.
        review: ReviewRule,
    },
    /// Abort, if the switch-over has not been chosen yet; in the pull, give the targets up and fall back to the source.
    Cancel {
        /// Which migration.
        migration: MigrationId,
        /// Why.
        reason: AbortReason,
    },
    /// A server's process has ended: drop the reader of this life.
    Remove {
        /// The server.
        server: NodeId,
        /// The life that ended.
        incarnation: Incarnation,
    },
    /// A server failed its own scrub: believe its peers rather than it.
    Quarantine {
        /// The server.
        server: NodeId,
        /// The life that failed.
        incarnation: Incarnation,
    },
}

/// Why an order was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No such service is anchored here.
    #[error("this switch does not anchor the service")]
    UnknownService,
    /// The roles have changed since the controller looked.
    #[error("the order is for an older epoch")]
    StaleEpoch,
    /// The migration is not the one under way.
    #[error("the order is for another migration")]
    StaleMigration,
    /// A migration is under way already.
    #[error("a migration is under way")]
    Busy,
    /// The server has no part in the service, or not the one that the order needs.
    #[error("the server does not have the role that the order needs")]
    WrongServer,
    /// The phase does not allow it (any more).
    #[error("the migration's phase does not allow it")]
    WrongPhase,
    /// The mark lies outside what the log keeps.
    #[error("the mark lies outside the log")]
    MarkOutOfLog,
}

/// How a serving server is doing, as the anchor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// It answers.
    Healthy,
    /// It has missed several answers in a row.
    Absent,
    /// It answered something else than what was released, or failed its scrub: promoted only as a last resort.
    Quarantined,
}

/// A server that answers for the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The server.
    pub server: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// How it does.
    pub health: Health,
}

/// All that controllers need to know of a service to go on where another one stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// Which service.
    pub service: ServiceId,
    /// Its epoch.
    pub epoch: Epoch,
    /// The offset that the next request gets.
    pub head: Offset,
    /// Its servers in order of preference; the first is the primary.
    pub serving: Vec<Serving>,
    /// The migration under way.
    pub plan: Option<PlanStatus>,
    /// Migrations begun so far.
    pub attempts: u32,
    /// Migrations that switched over so far.
    pub completed: u32,
    /// How the latest migration ended.
    pub last: Option<(MigrationId, Outcome)>,
    /// The switch at which the client's newest request entered the network.
    pub ingress: Option<NodeId>,
}

impl ServiceStatus {
    /// Whether no plan is followed any more and yet nobody knows how the latest migration has ended: its targets are gone, and
    /// the source has still to show that it is there.
    pub fn is_falling_back(&self) -> bool {
        self.plan.is_none() && self.last.map_or(0, |(migration, _)| migration.0) != self.attempts
    }
}
