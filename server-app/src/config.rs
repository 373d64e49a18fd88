//! All that a server needs to start, in this process or another. Checked once; a server that exists has a sane one.

use crate::answers::ANSWERS_MAX;
use crate::grid::{FLOOR_MAX_MM, Floor};
use crate::memory::{Memory, PAGE_LEN, Prior};
use serde::{Deserialize, Serialize};
use zerogap_proto::{Duration, Endpoint, NodeId};

/// Largest state in bytes.
pub const STATE_BYTES_MAX: u64 = 1 << 36;

/// How to start a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerConfig {
    /// Who it is.
    pub node: NodeId,
    /// The edge controller, to whom it reports.
    pub controller: NodeId,
    /// The service's virtual address and port, on which it answers.
    pub service: Endpoint,
    /// Size of its state, one page to [`STATE_BYTES_MAX`].
    pub state_bytes: u64,
    /// The floor, from west to east.
    pub floor_w_mm: u32,
    /// The floor, from south to north.
    pub floor_h_mm: u32,
    /// What untouched cells of the state hold.
    pub prior: Prior,
    /// Emulated time that a request takes (the paper's Table I: 1 ms).
    pub service_time: Duration,
    /// The how-manieth process of its host it is.
    pub life: u16,
    /// Answers remembered for repeats, also the most that wait for their service time; 1 to [`ANSWERS_MAX`].
    pub answers_remembered: u32,
    /// Whether it serves from the start, with the initial state, or waits to become a target.
    pub holds_state: bool,
    /// Time between two chunks of the scrub; zero for none.
    pub scrub_interval: Duration,
}

/// Why a server cannot be started so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Too little or too much state.
    #[error("a state of {0} bytes is not possible: give {PAGE_LEN} to {STATE_BYTES_MAX}")]
    StateBytes(u64),
    /// A floor without area, or beyond counting.
    #[error("a floor of {w_mm} × {h_mm} mm is not possible: each side must be 1 to {FLOOR_MAX_MM} mm")]
    Floor {
        /// From west to east.
        w_mm: u32,
        /// From south to north.
        h_mm: u32,
    },
    /// No answers remembered, or too many for a header.
    #[error("{0} answers cannot be remembered: give 1 to {ANSWERS_MAX}")]
    Answers(u32),
    /// The memory given is not the one configured.
    #[error(
        "the memory has {len} bytes with prior {prior:?}, the configuration says otherwise: map it from the same values"
    )]
    Memory {
        /// Its size.
        len: usize,
        /// What it holds.
        prior: Prior,
    },
}

impl ServerConfig {
    /// The floor.
    pub const fn floor(&self) -> Floor {
        Floor { w_mm: self.floor_w_mm, h_mm: self.floor_h_mm }
    }

    /// Whether a server can be started so.
    pub fn check(&self) -> Result<(), ConfigError> {
        if !(PAGE_LEN as u64..=STATE_BYTES_MAX).contains(&self.state_bytes) {
            return Err(ConfigError::StateBytes(self.state_bytes));
        }
        let Floor { w_mm, h_mm } = self.floor();
        if ![w_mm, h_mm].iter().all(|side| (1..=FLOOR_MAX_MM).contains(side)) {
            return Err(ConfigError::Floor { w_mm, h_mm });
        }
        if !(1..=ANSWERS_MAX).contains(&self.answers_remembered) {
            return Err(ConfigError::Answers(self.answers_remembered));
        }
        Ok(())
    }

    /// Whether a server can be started so on this memory.
    pub(crate) fn check_with<M: Memory>(&self, memory: &M) -> Result<(), ConfigError> {
        self.check()?;
        let (len, prior) = (memory.len(), memory.prior());
        if len as u64 == self.state_bytes && prior == self.prior {
            Ok(())
        } else {
            Err(ConfigError::Memory { len, prior })
        }
    }
}
