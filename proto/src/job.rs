//! Work that takes time outside the state machines: a node asks for it, the driver does it and hands the result back.

use crate::address::Endpoint;
use crate::id::MigrationId;
use serde::{Deserialize, Serialize};

/// Work that a server asks its driver for. At most one job a server is under way; its migration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Take a consistent image of the memory before any further input, then send it, with this header, to every target.
    /// Serving goes on meanwhile.
    Send {
        /// For which migration.
        migration: MigrationId,
        /// What goes before the memory: opaque here, the restoring server understands it.
        header: Vec<u8>,
        /// Where the targets wait.
        targets: Vec<Endpoint>,
    },
    /// Wait for a transfer and write it into the server's memory.
    Receive {
        /// For which migration; any other is refused.
        migration: MigrationId,
    },
    /// Come back as soon as the status that was just reported is on its way, for the scan of the memory.
    Scan {
        /// For which migration.
        migration: MigrationId,
    },
}

impl Job {
    /// The migration that the job is for.
    pub const fn migration(&self) -> MigrationId {
        match *self {
            Self::Send { migration, .. } | Self::Receive { migration } | Self::Scan { migration } => {
                migration
            }
        }
    }
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// Every target has confirmed that it has all.
    Sent {
        /// Bytes sent to all targets together.
        bytes: u64,
    },
    /// The memory is complete.
    Received {
        /// The header that came with it.
        header: Vec<u8>,
    },
    /// It is time to scan.
    ScanNow,
    /// It could not be done.
    Failed(JobFailure),
}

/// Why a job failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum JobFailure {
    /// No image of the memory could be taken.
    #[error("the snapshot could not be taken")]
    Snapshot,
    /// A target could not be connected to.
    #[error("a target cannot be reached")]
    Unreachable,
    /// The connection broke or stalled.
    #[error("the transfer was torn")]
    Torn,
    /// Bytes that do not follow the protocol, of another version or another migration.
    #[error("the transfer does not follow the protocol")]
    Protocol,
    /// A checksum was wrong.
    #[error("a checksum of the transfer is wrong")]
    Checksum,
    /// The header cannot be read or does not fit this server.
    #[error("the snapshot does not fit this server")]
    Header,
    /// Less memory than the state needs.
    #[error("the state does not fit the memory")]
    Memory,
}
