//! What the client measured of one request. The verdict is computed from these and from nothing else.

use crate::id::Sequence;
use crate::time::{Duration, Instant};
use serde::{Deserialize, Serialize};

/// One request as its client saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The client's number for it.
    pub sequence: Sequence,
    /// When the schedule wanted it sent.
    pub due: Instant,
    /// When it was sent.
    pub sent: Instant,
    /// When its first answer came; `None` if it was given up.
    pub answered: Option<Instant>,
    /// Further answers to it that came before its record was closed.
    pub duplicates: u32,
    /// Its answer came after the answer to a later request.
    pub reordered: bool,
}

impl Record {
    /// From when it was due to its answer: what the verdict uses.
    pub fn response_rtt(&self) -> Option<Duration> {
        self.answered.map(|at| at.since(self.due))
    }
    /// From when it was sent to its answer.
    pub fn service_rtt(&self) -> Option<Duration> {
        self.answered.map(|at| at.since(self.sent))
    }
}
