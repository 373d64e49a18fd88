//! Accounting: every frame that comes in is forwarded, taken (into a log or ballot, or answered by the switch itself), held
//! for a decision, or dropped with a reason. `frames_out` counts copies, so it may be larger than what was forwarded.

use std::collections::BTreeMap;
use zerogap_proto::DropReason;

/// The counters of one switch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames that came in by any port.
    pub frames_in: u64,
    /// Frames that were sent out by any port.
    pub frames_out: u64,
    /// Frames that came in and were passed on, once or more.
    pub forwarded: u64,
    /// Frames that came in and ended here on purpose: requests logged, answers balloted, ARP and ping answered.
    pub taken: u64,
    /// Frames that wait for the controller's decision.
    pub held: u64,
    /// Frames that the switch made itself, for a server that no port leads to. They never came in.
    pub undeliverable: u64,
    /// Frames that came in and went no further.
    pub dropped: BTreeMap<DropReason, u64>,
}

impl Counters {
    /// Counts a drop.
    pub fn drop(&mut self, reason: DropReason) {
        *self.dropped.entry(reason).or_default() += 1;
    }

    /// Adds what another part of the same switch counted.
    pub fn add(&mut self, other: &Self) {
        self.frames_in += other.frames_in;
        self.frames_out += other.frames_out;
        self.forwarded += other.forwarded;
        self.taken += other.taken;
        self.held += other.held;
        self.undeliverable += other.undeliverable;
        for (reason, count) in &other.dropped {
            *self.dropped.entry(*reason).or_default() += count;
        }
    }

    /// Whether every frame that came in is accounted for.
    pub fn balanced(&self) -> bool {
        self.frames_in == self.forwarded + self.taken + self.held + self.dropped.values().sum::<u64>()
    }
}
