//! Events: the journal of a run. They tell what happened and steer nothing.

use crate::id::{Epoch, Incarnation, MigrationId, NodeId, Offset, ServiceId};
use crate::job::{JobFailure, Progress, Pull, Round};
use crate::message::Difference;
use crate::plan::{Goal, Outcome, Phase, ReviewTally, Scheme};
use crate::service::Refusal;
use serde::{Deserialize, Serialize};

/// Something worth a line in the journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are named after the words of their types")]
pub enum Event {
    /// The client's station associated with another access point.
    Associated { client: NodeId, ap: NodeId },
    /// A client's first frame at this switch was reported to the SDN controller.
    PacketIn { client: NodeId, switch: NodeId, waiting: bool },
    /// A migration began.
    Begun {
        service: ServiceId,
        migration: MigrationId,
        scheme: Scheme,
        goal: Goal,
        snapshotter: NodeId,
        targets: Vec<NodeId>,
        pinned: Offset,
    },
    /// A migration entered a phase.
    Phase { service: ServiceId, migration: MigrationId, phase: Phase },
    /// The snapshot's mark was set.
    Marked { service: ServiceId, migration: MigrationId, mark: Offset },
    /// A target reads the log from this offset.
    Reading { service: ServiceId, server: NodeId, incarnation: Incarnation, from: Offset, head: Offset },
    /// A reader has reached the head.
    Live { service: ServiceId, server: NodeId, at: Offset, replayed: u64 },
    /// X was chosen: from here on the targets' answers are released.
    SwitchedOver { service: ServiceId, migration: MigrationId, at: Offset, epoch: Epoch },
    /// A migration ended.
    Ended {
        service: ServiceId,
        migration: MigrationId,
        #[serde(flatten)]
        outcome: Outcome,
        review: ReviewTally,
        replayed: u64,
    },
    /// The anchor promoted a standby by itself.
    Promoted { service: ServiceId, from: NodeId, to: NodeId, epoch: Epoch },
    /// A standby's answer went out because the preferred one was missing.
    FailedOver { service: ServiceId, offset: Offset, missing: NodeId, released: NodeId },
    /// A serving server missed several answers in a row.
    Absent { service: ServiceId, server: NodeId, offset: Offset },
    /// A server that was absent answers again.
    Back { service: ServiceId, server: NodeId, offset: Offset },
    /// An answer differs from the one it is held against.
    Disagreed { service: ServiceId, server: NodeId, offset: Offset, difference: Difference },
    /// A serving server is no longer believed.
    Quarantined { service: ServiceId, server: NodeId },
    /// A reader was dropped from the service.
    ReaderDropped { service: ServiceId, server: NodeId, why: DropCause },
    /// The log is full: requests are refused until there is room.
    LogFull { service: ServiceId, head: Offset },
    /// An order was refused.
    Refused { service: ServiceId, refusal: Refusal },
    /// A server cut a snapshot.
    Cut { server: NodeId, migration: MigrationId, mark: Offset, digest: u64 },
    /// The source's reader is held; requests wait in the log.
    Frozen { service: ServiceId, migration: MigrationId, server: NodeId },
    /// The source goes on from the mark.
    Thawed { service: ServiceId, migration: MigrationId, server: NodeId, waiting: u64 },
    /// A round of a pre-copy is done.
    RoundDone {
        server: NodeId,
        migration: MigrationId,
        round: u32,
        #[serde(flatten)]
        figures: Round,
    },
    /// How far a transfer is.
    Sending {
        server: NodeId,
        migration: MigrationId,
        #[serde(flatten)]
        progress: Progress,
    },
    /// A server goes on while the rest of its state is pulled.
    Usable { server: NodeId, migration: MigrationId, mark: Offset },
    /// A server has pulled all of its state.
    Pulled {
        server: NodeId,
        migration: MigrationId,
        #[serde(flatten)]
        figures: Pull,
    },
    /// A server restored a state and scanned it.
    Restored { server: NodeId, migration: MigrationId, mark: Offset, digest: u64 },
    /// A server's job failed.
    JobFailed { server: NodeId, migration: MigrationId, reason: JobFailure },
    /// A server forgot its state and started a new life.
    Reset { server: NodeId, incarnation: Incarnation },
    /// A server's scrub found corrupt memory.
    ScrubFailed { server: NodeId },
    /// A bit of a server's memory was flipped by the testbed file's fault.
    BitFlipped { server: NodeId, byte: u64, bit: u8 },
    /// A server's process ended.
    ServerLost { server: NodeId },
    /// A server's process is there (again).
    ServerUp { server: NodeId, incarnation: Incarnation },
    /// The driver carried out a fault of the testbed file.
    Fault { node: NodeId, what: String },
    /// The AGV stopped because an answer was late.
    AgvStopped { client: NodeId },
    /// The AGV goes on.
    AgvResumed { client: NodeId },
    /// The client has sent its last request and closed all records.
    ClientDone { client: NodeId },
    /// The controller started without knowledge and is reading it back.
    ControllerStarted { node: NodeId },
}

/// Why a reader was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropCause {
    /// Its process ended.
    ProcessEnded,
    /// It fell behind what the log keeps.
    Lagged,
    /// It no longer remembers an answer that is still needed.
    Forgot,
    /// Its migration was aborted.
    Aborted,
    /// It was released after a completed migration.
    Released,
}

/// Why a frame went no further. Each is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DropReason {
    /// Not a frame that can be parsed that far.
    Malformed,
    /// Neither a flow nor a learned address leads anywhere, and it is not flooded.
    NoRoute,
    /// Would leave by the port it came in by.
    Hairpin,
    /// The station is not associated with the access point.
    NotAssociated,
    /// Its source is a service's address, which only the service's servers hold.
    Spoofed,
    /// A copy of a request that was admitted already.
    DuplicateRequest,
    /// A request older than the admission window.
    StaleRequest,
    /// The request log is full.
    LogFull,
    /// The service has too many clients to remember.
    TooManyClients,
    /// An answer that nobody asked for, or from a life that is over.
    RogueAnswer,
    /// An answer that this server has given before.
    DuplicateAnswer,
    /// Frames that wait for the controller's decision are too many.
    HoldQueueFull,
    /// The link's queue is full.
    QueueFull,
    /// The link's model lost it.
    LinkLoss,
    /// It waited for the radio channel for too long.
    LifetimeOver,
    /// It was sent over the radio as often as it may be, and never acknowledged.
    RetriesOver,
    /// The link is down.
    LinkDown,
    /// The port refused it.
    PortError,
    /// To a group address that bridges never forward (IEEE 802.1Q, table 8-1).
    Reserved,
    /// More frames to everybody than the port may send.
    Storm,
    /// A flow says so.
    Denied,
    /// A meter says so.
    Policed,
    /// A flow hands it to the controller, and none is there.
    NobodyListens,
}

impl DropReason {
    /// All of them, in their order.
    pub const ALL: [Self; 23] = [
        Self::Malformed,
        Self::NoRoute,
        Self::Hairpin,
        Self::NotAssociated,
        Self::Spoofed,
        Self::DuplicateRequest,
        Self::StaleRequest,
        Self::LogFull,
        Self::TooManyClients,
        Self::RogueAnswer,
        Self::DuplicateAnswer,
        Self::HoldQueueFull,
        Self::QueueFull,
        Self::LinkLoss,
        Self::LifetimeOver,
        Self::RetriesOver,
        Self::LinkDown,
        Self::PortError,
        Self::Reserved,
        Self::Storm,
        Self::Denied,
        Self::Policed,
        Self::NobodyListens,
    ];

    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::NoRoute => "no-route",
            Self::Hairpin => "hairpin",
            Self::NotAssociated => "not-associated",
            Self::Spoofed => "spoofed",
            Self::DuplicateRequest => "duplicate-request",
            Self::StaleRequest => "stale-request",
            Self::LogFull => "log-full",
            Self::TooManyClients => "too-many-clients",
            Self::RogueAnswer => "rogue-answer",
            Self::DuplicateAnswer => "duplicate-answer",
            Self::HoldQueueFull => "hold-queue-full",
            Self::QueueFull => "queue-full",
            Self::LinkLoss => "link-loss",
            Self::LifetimeOver => "lifetime-over",
            Self::RetriesOver => "retries-over",
            Self::LinkDown => "link-down",
            Self::PortError => "port-error",
            Self::Reserved => "reserved",
            Self::Storm => "storm",
            Self::Denied => "denied",
            Self::Policed => "policed",
            Self::NobodyListens => "nobody-listens",
        }
    }
}
