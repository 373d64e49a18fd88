//! What a fleet shared, and how much of it there was: trunks, the SDN controller, request logs.

use crate::world::{Actor, World};
use zerogap_scenario::results::{FleetFigures, LogFigures, SdnFigures, TrunkFigures};

impl World<'_> {
    /// What results say of a fleet that only the driver knows.
    pub(crate) fn shared(&self) -> FleetFigures {
        let trunks = self
            .wires
            .trunks()
            .map(|(name, rate_bps, loads)| (name.to_owned(), TrunkFigures::of(rate_bps, loads)));
        let mut log = LogFigures::default();
        let mut dropped = 0;
        for (_, actor) in self.actors.iter() {
            match actor {
                Actor::Switch(switch) => {
                    for peak in switch.services().map(|service| service.log_peak() as u64) {
                        log.add(peak);
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
