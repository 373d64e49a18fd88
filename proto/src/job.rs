//! Work that takes time outside the state machines: a node asks for it, the driver does it and hands the result back.

use crate::address::Endpoint;
use crate::id::MigrationId;
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// How an image of the memory is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// At once; pages are copied when the server writes to them.
    CopyOnWrite,
    /// Page by page, while the server is frozen.
    FullCopy,
}

/// Work that a server asks its driver for. At most one job a server is under way; its migration names it. What a server sends
/// for one migration, in several jobs, goes over one connection to each target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Job {
    /// Take a consistent image of the memory before any further input, then send it, with this header, to every target.
    /// Serving goes on meanwhile. A full copy is told of with [`JobResult::Taken`].
    Send {
        /// For which migration.
        migration: MigrationId,
        /// What goes with the memory: opaque here, the restoring server understands it.
        header: Vec<u8>,
        /// Where the targets wait.
        targets: Vec<Endpoint>,
        /// How the image is taken.
        image: Image,
    },
    /// Send the pages that were written since the migration's latest round, or all in the first, as they are now.
    /// Serving goes on meanwhile.
    Round {
        /// For which migration.
        migration: MigrationId,
        /// Where the targets wait.
        targets: Vec<Endpoint>,
    },
    /// Send what was written since the latest round, or all if there was none, and this header. The server is frozen.
    Finish {
        /// For which migration.
        migration: MigrationId,
        /// As for `Send`.
        header: Vec<u8>,
        /// Where the targets wait.
        targets: Vec<Endpoint>,
        /// The header only; then the pages in the order in which they are asked for, and the others in between.
        lazy: bool,
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
            Self::Send { migration, .. }
            | Self::Round { migration, .. }
            | Self::Finish { migration, .. }
            | Self::Receive { migration }
            | Self::Scan { migration } => migration,
        }
    }
}

/// What a job has come to. It is over, but for [`JobResult::Taken`], [`JobResult::Progress`] and [`JobResult::Usable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// The full copy is made: serving may go on. The job goes on with sending it.
    Taken,
    /// So much has been sent so far. The job goes on.
    Progress(Progress),
    /// Every target has confirmed that it has all.
    Sent {
        /// Bytes sent to all targets together.
        bytes: u64,
    },
    /// A round is done.
    Round(Round),
    /// The memory is complete.
    Received {
        /// The header that came with it.
        header: Vec<u8>,
    },
    /// A lazy transfer's header is here, and whatever memory is touched will be. The job goes on with pulling the rest.
    Usable {
        /// The header.
        header: Vec<u8>,
    },
    /// All of a lazy transfer's pages are here.
    Pulled(Pull),
    /// It is time to scan.
    ScanNow,
    /// It could not be done.
    Failed(JobFailure),
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Bytes sent so far, to all targets together.
    pub bytes: u64,
    /// Bytes to be sent in all, as far as is known.
    pub total_bytes: u64,
    /// Time since the transfer, or this round of it, began.
    pub took: Duration,
}

/// A round of a pre-copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Round {
    /// Pages sent, zero pages not counted.
    pub pages: u64,
    /// Bytes sent to all targets together.
    pub bytes: u64,
    /// From the image until the last byte was taken by the last target's connection.
    pub took: Duration,
    /// Pages that were written since its image was taken.
    pub dirty_pages: u64,
}

/// What pulling the memory came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pull {
    /// Digest of the memory as it arrived, all of it: what [`Job::Finish`]'s source held at the cut.
    pub digest: u64,
    /// Pages that came after the target had gone on.
    pub pages: u64,
    /// Faults: times that the app waited for a page.
    pub faults: u64,
    /// For how long it did, all together.
    pub blocked: Duration,
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
    /// The kernel refused what the job needs to follow or to fetch pages.
    #[error("the kernel refuses to track or to fetch pages")]
    Paging,
}
