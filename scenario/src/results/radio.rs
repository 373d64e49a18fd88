//! What is counted on the radio channel of an access point, where one is modelled (`radio.wifi`).

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use zerogap_proto::DropReason;

/// What was counted on a channel: everybody's frames, the access point's, ours and those of the neighbours.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioFigures {
    /// Frames that were sent, each attempt counted.
    pub sent: u64,
    /// Frames that arrived, each counted once.
    pub delivered: u64,
    /// Attempts beyond a frame's first.
    pub retries: u64,
    /// Attempts that others began to send into.
    pub collided: u64,
    /// Frames that arrived damaged.
    pub damaged: u64,
    /// Acknowledgements that arrived damaged.
    pub acks_damaged: u64,
    /// Frames that arrived again because their acknowledgement was damaged; the receiver kept them to itself.
    pub repeats: u64,
    /// Time in which somebody was sending, with the space before the acknowledgement.
    pub busy_ns: u64,
    /// Frames that never arrived, by reason.
    pub dropped: BTreeMap<DropReason, u64>,
}
