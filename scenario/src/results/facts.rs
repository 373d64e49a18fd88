//! What the driver knows of a run beside its records and its journal. Both drivers fill this in; nothing in the results
//! depends on anything else.

use super::model::SwitchFigures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zerogap_proto::{Duration, Instant, MigrationId, NodeId, Scheme};

/// Where a run took place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// On TAPs and processes, by the monotonic clock.
    Real,
    /// In virtual time.
    Simulated,
}

impl World {
    /// Its name in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
        }
    }
}

/// A time in which the machine, not the scheme, kept a thread that was ready from running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// When it began.
    pub start: Instant,
    /// How long it was.
    pub length: Duration,
}

/// The facts of a run.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Where it took place.
    pub world: World,
    /// The scheme of its migrations.
    pub scheme: Scheme,
    /// The seed of all its randomness.
    pub seed: u64,
    /// The size of a server's state in bytes.
    pub state_bytes: u64,
    /// An answer later than this after its request was due is an interruption.
    pub threshold: Duration,
    /// How many migrations had to complete; 0 for a control run.
    pub migrations_wanted: u32,
    /// Whether the modelled links double frames, so that a doubled answer proves nothing against the switch.
    pub links_duplicate: bool,
    /// When the run began, since the Unix epoch; zero in virtual time.
    pub started: Duration,
    /// When the machine stalled; may overlap (one meter a core) and need not be sorted.
    pub stalls: Vec<Stall>,
    /// What each switch counted.
    pub switches: BTreeMap<NodeId, SwitchFigures>,
    /// The state digest of each serving server at the run's last common offset.
    pub state_digests: BTreeMap<NodeId, u64>,
    /// Bytes of state sent to all targets together, where it is known.
    pub state_bytes_sent: BTreeMap<MigrationId, u64>,
}
