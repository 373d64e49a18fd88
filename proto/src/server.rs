//! What the edge controller orders of a server and what a server reports.

use crate::address::Endpoint;
use crate::id::{Incarnation, MigrationId, NodeId, Offset};
use crate::job::{Image, JobFailure};
use crate::plan::RoundsRule;
use serde::{Deserialize, Serialize};

/// An order for a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServerCommand {
    /// Become a target: forget all state, start a new life, wait for a transfer.
    Prepare {
        /// For which migration.
        migration: MigrationId,
    },
    /// Cut a snapshot between two requests and send it to every target.
    Snapshot {
        /// For which migration.
        migration: MigrationId,
        /// Where the targets wait, on the transfer network.
        targets: Vec<Endpoint>,
        /// How the image is taken.
        image: Image,
    },
    /// Pre-copy: send the state while it changes, then what has changed meanwhile, and again, until the rule says that it is
    /// enough; then go on with small rounds' worth of changes being kept account of until `Finish`.
    Rounds {
        /// For which migration.
        migration: MigrationId,
        /// Where the targets wait, on the transfer network.
        targets: Vec<Endpoint>,
        /// When it is enough.
        rule: RoundsRule,
    },
    /// The server is frozen: send what no round has sent, and its header.
    Finish {
        /// For which migration.
        migration: MigrationId,
        /// Where the targets wait, on the transfer network.
        targets: Vec<Endpoint>,
        /// Only the header; the pages are sent as they are asked for, and in the background.
        lazy: bool,
    },
    /// End what is under way for this migration. A target forgets its state too; a serving server goes on serving.
    Cancel {
        /// Which migration.
        migration: MigrationId,
    },
    /// Forget all state of this life and wait; a no-op for any other life.
    Discard {
        /// The life that is meant.
        incarnation: Incarnation,
    },
    /// Report the status.
    Report,
    /// A fault of the testbed file: flip one bit of the memory without the digest noticing.
    FlipBit {
        /// Which byte of the state, modulo its size.
        byte: u64,
        /// Which bit of it, 0 to 7.
        bit: u8,
        /// Not now, but between the next transfer's end and the scan.
        at_restore: bool,
    },
}

/// How far the rounds of a pre-copy are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rounds {
    /// More to come.
    UnderWay,
    /// What is left fits the downtime budget.
    Ready,
    /// Rounds or time have run out, and it does not fit.
    GaveUp,
}

/// What a server is doing beside serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// Nothing.
    None,
    /// Pre-copying.
    Rounds {
        /// For which migration.
        migration: MigrationId,
        /// Rounds that are done.
        done: u32,
        /// How far that is.
        state: Rounds,
    },
    /// Frozen, and its memory is being copied.
    Cutting {
        /// For which migration.
        migration: MigrationId,
    },
    /// Its snapshot is cut; the state is on its way to the targets.
    Sending {
        /// For which migration.
        migration: MigrationId,
        /// The first offset that the snapshot lacks.
        mark: Offset,
        /// Digest of the state in the snapshot.
        digest: u64,
    },
    /// The snapshot is out.
    Sent {
        /// For which migration.
        migration: MigrationId,
        /// The first offset that the snapshot lacks.
        mark: Offset,
        /// Digest of the state in the snapshot.
        digest: u64,
        /// Bytes sent to all targets together.
        bytes: u64,
    },
    /// Waiting for a transfer, or in the middle of one.
    Receiving {
        /// For which migration.
        migration: MigrationId,
    },
    /// All has arrived; the memory is being scanned.
    Restoring {
        /// For which migration.
        migration: MigrationId,
    },
    /// Ready to read the log from the mark; after `Pulling`: all of the state is here.
    Restored {
        /// For which migration.
        migration: MigrationId,
        /// The first offset that the state lacks.
        mark: Offset,
        /// Digest of the state at the mark, by a scan of all memory as it arrived.
        digest: u64,
    },
    /// Ready to go on from the mark with what memory there is; the rest is being pulled. `Restored` follows.
    Pulling {
        /// For which migration.
        migration: MigrationId,
        /// The first offset that the state lacks.
        mark: Offset,
        /// Digest of the state at the mark, by the source's word.
        digest: u64,
    },
    /// The task failed.
    Failed {
        /// For which migration.
        migration: MigrationId,
        /// Why.
        reason: JobFailure,
    },
}

impl Task {
    /// The migration that the task is for.
    pub const fn migration(&self) -> Option<MigrationId> {
        match *self {
            Self::None => None,
            Self::Rounds { migration, .. }
            | Self::Cutting { migration }
            | Self::Sending { migration, .. }
            | Self::Sent { migration, .. }
            | Self::Receiving { migration }
            | Self::Restoring { migration }
            | Self::Restored { migration, .. }
            | Self::Pulling { migration, .. }
            | Self::Failed { migration, .. } => Some(migration),
        }
    }
}

/// A server's report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Who reports.
    pub server: NodeId,
    /// Its life.
    pub incarnation: Incarnation,
    /// Whether it holds a state: the one it started with or a restored one.
    pub holds_state: bool,
    /// The offset that it expects next.
    pub next: Offset,
    /// Digest of its state, kept incrementally.
    pub digest: u64,
    /// Its scrub found memory that is not what the digest says.
    pub scrub_failed: bool,
    /// What it is doing beside serving.
    pub task: Task,
}
