//! Guarantee 5, across switches: nobody is told to forget a client before the switch that it has come to has confirmed, by a
//! barrier sent after the order, that it serves it.

use super::scene::Scene;
use super::sight::Sight;
use super::{Checker, Found, Guarantee};
use std::collections::BTreeMap;
use zerogap_proto::{Event, FlowMod, Instant, NodeId};

/// Each client's newest admission, by the SDN controller that is there now.
#[derive(Debug, Default)]
pub(super) struct Barriers {
    newest: BTreeMap<NodeId, Admission>,
}

#[derive(Clone, Copy, Debug)]
struct Admission {
    switch: NodeId,
    barrier: Option<u32>,
    confirmed: bool,
}

impl Checker for Barriers {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::FlowMod { switch, flow_mod: FlowMod::Admit { client } } => {
                let again = self.newest.get(client).filter(|newest| newest.switch == *switch).copied();
                let fresh = Admission { switch: *switch, barrier: None, confirmed: false };
                // What is confirmed stays so when it is ordered again.
                let admission = Admission { barrier: None, ..again.unwrap_or(fresh) };
                self.newest.insert(*client, admission);
            }
            Sight::Barrier { switch, number } => {
                for newest in self.newest.values_mut().filter(|newest| newest.switch == *switch) {
                    newest.barrier = newest.barrier.or(Some(*number));
                }
            }
            Sight::BarrierDone { switch, number } => {
                for newest in self.newest.values_mut().filter(|newest| newest.switch == *switch) {
                    newest.confirmed |= newest.barrier.is_some_and(|barrier| barrier <= *number);
                }
            }
            Sight::FlowMod { switch, flow_mod: FlowMod::Forget { client } } => {
                let newest = self.newest.get(client);
                if !newest.is_some_and(|newest| newest.confirmed && newest.switch != *switch) {
                    let (client, switch) = (scene.name(*client), scene.name(*switch));
                    let what =
                        format!("{switch} is to forget {client}, and no other switch has confirmed it");
                    found.add(Guarantee::PerPacketConsistent, at, what);
                }
            }
            // A new controller knows of nothing that the one before has ordered.
            Sight::Event(Event::ControllerStarted { node }) if *node == scene.scenario.topology.sdn => {
                self.newest.clear();
            }
            Sight::Event(_)
            | Sight::Reached(_)
            | Sight::Asked { .. }
            | Sight::Answered { .. }
            | Sight::Released { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Settled
            | Sight::Served { .. }
            | Sight::Over(_) => {}
        }
    }
}
