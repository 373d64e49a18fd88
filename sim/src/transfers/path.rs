//! The way of a transfer through the topology.

use crate::world::World;
use zerogap_proto::{NodeId, PortId};
use zerogap_scenario::topology::End;

impl World<'_> {
    /// The ends at which a piece goes in, hop by hop.
    pub(super) fn path(&self, source: NodeId, target: NodeId) -> Vec<End> {
        let t = &self.scenario.topology;
        let mut path = vec![End { node: source, port: PortId(0) }];
        let (Some(mut here), Some(there)) = (t.switch_of(source), t.switch_of(target)) else { return path };
        while here != there {
            let Some(port) = t.towards(here, there) else { break };
            path.push(End { node: here, port });
            let Some(beyond) = self.wires.beyond(End { node: here, port }) else { break };
            here = beyond.node;
        }
        // The last wire as the target would send into it, from its other end.
        path.extend(self.wires.beyond(End { node: target, port: PortId(0) }).filter(|end| end.node == there));
        path
    }
}
