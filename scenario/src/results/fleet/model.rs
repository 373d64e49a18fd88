//! What results say of a fleet and of nothing smaller. All of it is additive to the contract.

use crate::load::Load;
use crate::results::Figures;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What became of a fleet and of what it shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetFigures {
    /// Halls.
    pub halls: u64,
    /// AGVs in all halls, each with a service of its own.
    pub agvs: u64,
    /// Things that happened in virtual time: how much there was to simulate. 0 of a real run.
    pub happened: u64,
    /// All migrations; `migrations` lists only the first of them.
    pub migrations: FleetMigrations,
    /// All interruptions; `interruptions` lists only the first of them.
    pub interruptions: u64,
    /// Times that an AGV came in by another switch than before, the first time included.
    pub packet_ins: u64,
    /// Services whose serving servers' states differed at their last common offset.
    pub states_differ: u64,
    /// What the SDN controller had to do.
    pub sdn: SdnFigures,
    /// Trunks by name.
    pub trunks: BTreeMap<String, TrunkFigures>,
    /// Entries of request logs.
    pub log: LogFigures,
}

/// The migrations of a fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetMigrations {
    /// Those that moved a service and completed.
    pub complete: u64,
    /// Those that gave a service a new standby.
    pub reseeded: u64,
    /// Those that were aborted, by reason.
    pub aborted: BTreeMap<String, u64>,
    /// Those that the end of the run cut short.
    pub unfinished: u64,
    /// The time that the completed ones took, from their trigger.
    pub time_ns: Figures,
    /// The most that began in one second.
    pub busiest_second: u64,
    /// Bytes of state that servers say they have sent.
    pub state_bytes_sent: u64,
}

/// What the SDN controller had to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SdnFigures {
    /// Messages to it.
    pub messages: u64,
    /// In its busiest second.
    pub busiest_second: u64,
    /// Those that found a bound reached. Whoever sent them asks again.
    pub dropped: u64,
}

/// What a trunk carried, in the direction that carried more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TrunkFigures {
    /// Bytes.
    pub bytes: u64,
    /// In its busiest second.
    pub busiest_second_bytes: u64,
    /// The busiest second as a part of what its rate allows; null if that is unlimited. States count when they are handed over,
    /// so it may be more than 1.
    pub utilisation_max: Option<f64>,
}

impl TrunkFigures {
    /// What a trunk of this rate (in bits per second) carried in its two directions.
    pub fn of(rate_bps: u64, loads: &[Load; 2]) -> Self {
        let busier = if loads[0].total() >= loads[1].total() { loads[0] } else { loads[1] };
        let busiest_second_bytes = busier.busiest();
        let utilisation_max = (rate_bps > 0).then(|| busiest_second_bytes as f64 * 8.0 / rate_bps as f64);
        Self { bytes: busier.total(), busiest_second_bytes, utilisation_max }
    }

    /// With what somebody else saw of the same trunk. That their busiest seconds are the same is the worst case.
    pub fn add(&mut self, other: &Self) {
        self.bytes += other.bytes;
        self.busiest_second_bytes += other.busiest_second_bytes;
        self.utilisation_max = self.utilisation_max.zip(other.utilisation_max).map(|(a, b)| a + b);
    }
}

impl LogFigures {
    /// Counts a service whose log held so many entries at the most.
    pub fn add(&mut self, peak: u64) {
        self.entries_max = self.entries_max.max(peak);
        self.entries_sum += peak;
    }
}

/// How much the request logs held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFigures {
    /// The most entries of one service.
    pub entries_max: u64,
    /// The sum of every service's most: more than were ever held at one time.
    pub entries_sum: u64,
}
