//! Migrations as words: scheme, goal, phase, outcome, and what the anchor tells about the one under way. The anchor alone
//! owns a plan; controllers read it back from there.

use crate::id::{MigrationId, NodeId, Offset};
use crate::time::Duration;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How a service is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Freeze, copy, resume there.
    StopAndCopy,
    /// Copy in rounds while serving, then stop for the rest.
    PreCopy,
    /// Move the little that is needed, resume there, pull the rest.
    PostCopy,
    /// Pre-copy rounds, then post-copy.
    Hybrid,
    /// ETFA 2018: snapshot of the only server, buffering and replay, no standby.
    Redundancy,
    /// The paper's: snapshot of the standby, replay to two targets, review, switch-over.
    HotStandby,
}

impl Scheme {
    /// All, in the order of their age.
    pub const ALL: [Self; 6] =
        [Self::StopAndCopy, Self::PreCopy, Self::PostCopy, Self::Hybrid, Self::Redundancy, Self::HotStandby];

    /// How many servers hold the service under this scheme: a primary alone, or with a standby.
    pub const fn replicas(self) -> usize {
        match self {
            Self::StopAndCopy | Self::PreCopy | Self::PostCopy | Self::Hybrid | Self::Redundancy => 1,
            Self::HotStandby => 2,
        }
    }

    /// The phase in which its migrations begin.
    pub const fn first_phase(self) -> Phase {
        match self {
            Self::HotStandby => Phase::Snapshot,
            Self::StopAndCopy | Self::PreCopy | Self::PostCopy | Self::Hybrid | Self::Redundancy => {
                Phase::Prepare
            }
        }
    }

    /// Whether the targets show in a review that they may take over, while the source serves. Those of other schemes take
    /// over from a frozen source, on the word of their digest.
    pub const fn reviews(self) -> bool {
        match self {
            Self::StopAndCopy | Self::PreCopy | Self::PostCopy | Self::Hybrid => false,
            Self::Redundancy | Self::HotStandby => true,
        }
    }

    /// Whether its targets serve before they have all pages, and pull the rest.
    pub const fn pulls(self) -> bool {
        match self {
            Self::PostCopy | Self::Hybrid => true,
            Self::StopAndCopy | Self::PreCopy | Self::Redundancy | Self::HotStandby => false,
        }
    }

    /// Its name on the command line and in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StopAndCopy => "stop-and-copy",
            Self::PreCopy => "pre-copy",
            Self::PostCopy => "post-copy",
            Self::Hybrid => "hybrid",
            Self::Redundancy => "redundancy",
            Self::HotStandby => "hot-standby",
        }
    }
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Goal {
    /// The targets take the service over.
    SwitchOver,
    /// The one target becomes the serving primary's standby; no switch-over.
    Reseed,
}

/// Where a migration stands. `Snapshot` to `Replay` are the parts of the paper's migration phase. No scheme goes through all of
/// them; each goes through its own in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing is under way.
    Initial,
    /// The client's frames have entered another switch; no plan yet.
    Handover,
    /// The targets get ready; the source serves.
    Prepare,
    /// Rounds of a pre-copy; the source serves.
    Rounds,
    /// The source's reader is held: requests stay in the log, nobody answers them. Drained once the mark is known.
    Freeze,
    /// The snapshot is being cut. Hot standby: the log is pinned, the source serves; redundancy: the source is frozen.
    Snapshot,
    /// The mark is known; the state, or what is left of it, travels to the targets.
    Transfer,
    /// The targets have it all and scan it.
    Restore,
    /// The targets read the log from the mark.
    Replay,
    /// All targets are live; agreements are counted.
    Review,
    /// X is chosen; only forward from here.
    SwitchOver,
    /// The targets serve while what is left of the state is pulled from the source.
    Pull,
    /// Every target has answered an offset from X on, and holds all of the state.
    Complete,
}

impl Phase {
    /// Its name in results and on the terminal.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::Handover => "Handover",
            Self::Prepare => "Prepare",
            Self::Rounds => "Rounds",
            Self::Freeze => "Freeze",
            Self::Snapshot => "Snapshot",
            Self::Transfer => "Transfer",
            Self::Restore => "Restore",
            Self::Replay => "Replay",
            Self::Review => "Review",
            Self::SwitchOver => "SwitchOver",
            Self::Pull => "Pull",
            Self::Complete => "Complete",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a migration ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outcome", content = "reason")]
pub enum Outcome {
    /// The goal was reached.
    Complete,
    /// It was not; the source goes on.
    Aborted(AbortReason),
}

/// Why a migration was aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AbortReason {
    /// A target ended or stopped answering.
    TargetLost,
    /// A target could not be reached for the transfer, or the transfer broke.
    TransferFailed,
    /// What a target restored is not what was snapshotted.
    DigestMismatch,
    /// A target answered something else than what was released.
    Disagreement,
    /// Too many offsets went by in the review without a target's answer.
    TooManyAbsences,
    /// The targets did not reach the head, or not enough agreements came, in time.
    Deadline,
    /// A phase before the replay took longer than allowed.
    PhaseTimeout,
    /// The snapshotting server ended before its snapshot was out.
    SourceLost,
    /// The standby is needed for the snapshot, and there is no healthy one.
    NoStandby,
    /// The log could not keep all that the targets still need.
    LogOverflow,
    /// All targets were lost after the switch-over; the source serves again.
    FellBack,
    /// All targets were lost after the switch-over, and so was everybody who had served before: nobody is left.
    AllLost,
    /// The rounds of a pre-copy did not converge, and the configuration says not to stop then.
    NotConverged,
    /// The source was lost while the target still pulled its state from there: the known weakness of post-copy. The state is
    /// gone, and with it the service.
    SourceLostInPull,
    /// Somebody asked for it.
    Requested,
}

impl AbortReason {
    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TargetLost => "target-lost",
            Self::TransferFailed => "transfer-failed",
            Self::DigestMismatch => "digest-mismatch",
            Self::Disagreement => "disagreement",
            Self::TooManyAbsences => "too-many-absences",
            Self::Deadline => "deadline",
            Self::PhaseTimeout => "phase-timeout",
            Self::SourceLost => "source-lost",
            Self::NoStandby => "no-standby",
            Self::LogOverflow => "log-overflow",
            Self::FellBack => "fell-back",
            Self::AllLost => "all-lost",
            Self::NotConverged => "not-converged",
            Self::SourceLostInPull => "source-lost-in-pull",
            Self::Requested => "requested",
        }
    }
}

/// When the rounds of a pre-copy end: with the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundsRule {
    /// What is left can be sent within this time, at the rate of the latest round: ready.
    pub downtime_budget: Duration,
    /// So many rounds: given up, or for a hybrid ready.
    pub rounds_max: u32,
    /// So much time since the first round began: given up, or for a hybrid ready.
    pub time_max: Duration,
}

/// When a review has seen enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewRule {
    /// N: consecutive offsets at which all targets agree with what was released.
    pub agreements: u32,
    /// Offsets without an answer of a target after which it aborts.
    pub absences_max: u32,
    /// Time from the start of the replay within which the switch-over must happen.
    pub deadline: Duration,
}

/// What a review has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewTally {
    /// How many are required; 0 before the review was armed.
    pub required: u32,
    /// Consecutive agreements so far.
    pub agreed: u32,
    /// Offsets at which a target's answer differed.
    pub disagreed: u32,
    /// Offsets at which a target's answer was missing when it was due.
    pub absent: u32,
}

/// The plan under way, as the anchor reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanStatus {
    /// Its id.
    pub migration: MigrationId,
    /// How.
    pub scheme: Scheme,
    /// What for.
    pub goal: Goal,
    /// Who is snapshotted.
    pub snapshotter: NodeId,
    /// Who shall serve; the first becomes primary.
    pub targets: Vec<NodeId>,
    /// Where it stands.
    pub phase: Phase,
    /// The offset before which everything is in the snapshot, once known.
    pub mark: Option<Offset>,
    /// What the review has counted.
    pub review: ReviewTally,
}
