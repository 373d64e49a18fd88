//! How long the machine takes for each kind of work on a state: drawn from `sim` in the testbed file, each kind from a stream of its
//! own, so that one more draw of one kind shifts no other.

use zerogap_proto::Duration;
use zerogap_scenario::draw::{Sampler, stream};
use zerogap_scenario::file::{Sim, Testbed};

/// The draws for a run's jobs.
#[derive(Debug)]
pub(super) struct Times {
    sim: Sim,
    state_bytes: u64,
    snapshot: Sampler,
    round: Sampler,
    copy: Sampler,
    transfer: Sampler,
    pull: Sampler,
    wanted: Sampler,
    restore: Sampler,
}

/// What the machine takes for one transfer, whatever its links allow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Before the first byte goes out, and in all that waits for confirmation.
    pub(super) base: Duration,
    /// For each MB that is sent.
    pub(super) per_mb: Duration,
}

impl Times {
    pub(super) fn new(testbed: &Testbed) -> Self {
        let of = |kind: &str| stream(testbed.seed, &format!("sim.{kind}"));
        Self {
            sim: testbed.sim.clone(),
            state_bytes: testbed.state.size.0,
            snapshot: of("snapshot"),
            round: of("round"),
            copy: of("copy"),
            transfer: of("transfer"),
            pull: of("pull"),
            wanted: of("wanted"),
            restore: of("restore"),
        }
    }

    /// The standstill of a server that forks a child with an image of its memory.
    pub(super) fn snapshot(&mut self) -> Duration {
        self.snapshot.job(&self.sim.snapshot, self.state_bytes)
    }

    /// The same where the writing to its memory is followed, with the look at what was written.
    pub(super) fn round(&mut self) -> Duration {
        self.round.job(&self.sim.round, self.state_bytes)
    }

    /// The copy of all of the memory.
    pub(super) fn copy(&mut self) -> Duration {
        self.copy.job(&self.sim.copy, self.state_bytes)
    }

    /// The scan of so many bytes.
    pub(super) fn restore(&mut self, bytes: u64) -> Duration {
        self.restore.job(&self.sim.restore, bytes)
    }

    pub(super) fn transfer(&mut self) -> Effort {
        let base = self.transfer.draw(&self.sim.transfer.base);
        Effort { base, per_mb: self.transfer.draw(&self.sim.transfer.per_mb) }
    }

    pub(super) fn pull(&mut self) -> Effort {
        Effort { base: Duration::ZERO, per_mb: self.pull.draw(&self.sim.pull.per_mb) }
    }

    /// From a fault until its source has put nothing more before the wanted page.
    pub(super) fn wanted(&mut self) -> Duration {
        self.wanted.draw(&self.sim.pull.base)
    }
}

impl Effort {
    /// For so many bytes.
    pub(super) fn on(self, bytes: u64) -> Duration {
        let ns = u128::from(self.per_mb.as_nanos()) * u128::from(bytes) / 1_000_000;
        Duration::from_nanos(u64::try_from(ns).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_kind_of_work_does_not_shift_the_draws_of_this_one() {
        let testbed = Testbed::default();
        let (mut one, mut other) = (Times::new(&testbed), Times::new(&testbed));
        other.round();
        other.transfer();
        assert_eq!([one.snapshot(), one.snapshot()], [other.snapshot(), other.snapshot()]);
        assert_ne!(one.round(), other.round(), "here one draw more was made");
    }

    #[test]
    fn effort_grows_with_the_bytes() {
        let effort = Effort { base: Duration::ZERO, per_mb: Duration::from_micros(1_800) };
        assert_eq!(effort.on(500_000), Duration::from_micros(900));
        assert_eq!(effort.on(0), Duration::ZERO);
    }
}
