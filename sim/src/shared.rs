//! What a fleet shared, and how much of it there was: trunks, the SDN controller, request logs.

use crate::world::{Actor, World};
use zerogap_scenario::load::Load;
use zerogap_scenario::results::{FleetFigures, LogFigures, SdnFigures, TrunkFigures};

impl World<'_> {
    /// What results say of a fleet that only the driver knows.
    pub(crate) fn shared(&self) -> FleetFigures {
        let trunks =
            self.wires.trunks().map(|(name, rate_bps, loads)| (name.to_owned(), trunk(rate_bps, loads)));
        let mut log = LogFigures::default();
        let mut dropped = 0;
        for (_, actor) in self.actors.iter() {
            match actor {
                Actor::Switch(switch) => {
                    for peak in switch.services().map(|service| service.log_peak() as u64) {
                        log.entries_max = log.entries_max.max(peak);
                        log.entries_sum += peak;
                    }
                }
                Actor::Sdn(sdn) => dropped = sdn.dropped(),
                Actor::Radio(_) | Actor::Edge(_) | Actor::Server(_) | Actor::Agv(_) => {}
            }
        }
        let (messages, busiest_second) = (self.to_sdn.total(), self.to_sdn.busiest());
        FleetFigures {
            happened: self.happened(),
            sdn: SdnFigures { messages, busiest_second, dropped },
            trunks: trunks.collect(),
            log,
            ..FleetFigures::default()
        }
    }
}

/// In the direction that carried more.
fn trunk(rate_bps: u64, loads: &[Load; 2]) -> TrunkFigures {
    let busier = if loads[0].total() >= loads[1].total() { loads[0] } else { loads[1] };
    let busiest_second_bytes = busier.busiest();
    let utilisation_max = (rate_bps > 0).then(|| busiest_second_bytes as f64 * 8.0 / rate_bps as f64);
    TrunkFigures { bytes: busier.total(), busiest_second_bytes, utilisation_max }
}
