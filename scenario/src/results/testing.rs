//! What the tests of the results share: short ways to write records, events and facts.

use super::facts::{Facts, Stall, World};
use crate::journal::Journal;
use crate::names::Names;
use std::collections::BTreeMap;
use zerogap_proto::{
    Duration, Event, Goal, Instant, MigrationId, NodeId, Offset, Outcome, Phase, Record, ReviewTally, Scheme,
    Sequence, ServiceId,
};

/// Nanoseconds in a millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// The instant `ms` milliseconds after the start.
pub(crate) fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * MS)
}

/// A request due at `due_ms`, sent 0.1 ms later, answered `rtt_ns` after it was due.
pub(crate) fn answered(sequence: u64, due_ms: u64, rtt_ns: u64) -> Record {
    let answer = Some(at(due_ms) + Duration::from_nanos(rtt_ns));
    Record { answered: answer, ..lost(sequence, due_ms) }
}

/// A request due at `due_ms` that was never answered.
pub(crate) fn lost(sequence: u64, due_ms: u64) -> Record {
    Record {
        sequence: Sequence(sequence),
        due: at(due_ms),
        sent: at(due_ms) + Duration::from_micros(100),
        answered: None,
        duplicates: 0,
        reordered: false,
    }
}

/// One request every 10 ms, each answered after so many milliseconds; `None` is lost.
pub(crate) fn every_10_ms(rtts_ms: &[Option<u64>]) -> Vec<Record> {
    let record = |(i, rtt): (u64, &Option<u64>)| match rtt {
        Some(rtt_ms) => answered(i, i * 10, rtt_ms * MS),
        None => lost(i, i * 10),
    };
    (0..).zip(rtts_ms).map(record).collect()
}

/// A stall.
pub(crate) fn stall(start_ms: u64, length_ms: u64) -> Stall {
    Stall { start: at(start_ms), length: Duration::from_millis(length_ms) }
}

/// A run with a threshold of 10 ms and nothing special.
pub(crate) fn facts(migrations_wanted: u32) -> Facts {
    Facts {
        world: World::Simulated,
        scheme: Scheme::HotStandby,
        seed: 1,
        state_bytes: 40_000_000,
        threshold: Duration::from_millis(10),
        migrations_wanted,
        links_duplicate: false,
        started: Duration::ZERO,
        stalls: Vec::new(),
        switches: BTreeMap::new(),
        state_digests: BTreeMap::new(),
        state_bytes_sent: BTreeMap::new(),
    }
}

/// agv, s1, edge-b1, edge-b2.
pub(crate) fn names() -> Names {
    Names::new(["agv", "s1", "edge-b1", "edge-b2"].map(String::from).into())
}

/// Writes a journal, all of it reported by s1.
#[derive(Default)]
pub(crate) struct Story(pub(crate) Journal);

impl Story {
    pub(crate) fn then(mut self, ms: u64, event: Event) -> Self {
        self.0.add(at(ms), NodeId(1), event);
        self
    }

    pub(crate) fn packet_in(self, ms: u64) -> Self {
        self.then(ms, Event::PacketIn { client: NodeId(0), switch: NodeId(1), waiting: false })
    }

    pub(crate) fn begun(self, ms: u64, migration: u32, goal: Goal) -> Self {
        let begun = Event::Begun {
            service: ServiceId(0),
            migration: MigrationId(migration),
            scheme: Scheme::HotStandby,
            goal,
            snapshotter: NodeId(1),
            targets: vec![NodeId(2), NodeId(3)],
            pinned: Offset(0),
        };
        self.then(ms, begun)
    }

    pub(crate) fn phase(self, ms: u64, migration: u32, phase: Phase) -> Self {
        self.then(ms, Event::Phase { service: ServiceId(0), migration: MigrationId(migration), phase })
    }

    pub(crate) fn ended(self, ms: u64, migration: u32, outcome: Outcome) -> Self {
        let review = ReviewTally { required: 20, agreed: 20, disagreed: 0, absent: 1 };
        let (service, migration) = (ServiceId(0), MigrationId(migration));
        self.then(ms, Event::Ended { service, migration, outcome, review, replayed: 7 })
    }

    /// A whole migration from a packet-in at `ms` to its end 70 ms later.
    pub(crate) fn migration(self, ms: u64, id: u32) -> Self {
        let phases = [
            (5, Phase::Snapshot),
            (15, Phase::Transfer),
            (25, Phase::Restore),
            (35, Phase::Replay),
            (45, Phase::Review),
            (65, Phase::SwitchOver),
            (70, Phase::Complete),
        ];
        let begun = self.packet_in(ms).begun(ms + 5, id, Goal::SwitchOver);
        let all = phases.into_iter().fold(begun, |story, (after, phase)| story.phase(ms + after, id, phase));
        all.ended(ms + 70, id, Outcome::Complete)
    }
}
