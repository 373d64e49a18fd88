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
            let beyond = t.cables.iter().find_map(|cable| match cable.ends {
                [a, b] if a == (End { node: here, port }) => Some(b.node),
                [a, b] if b == (End { node: here, port }) => Some(a.node),
                _ => None,
            });
            let Some(beyond) = beyond else { break };
            here = beyond;
        }
        let last = t
            .cables
            .iter()
            .flat_map(|cable| [(cable.ends[0], cable.ends[1]), (cable.ends[1], cable.ends[0])]);
        path.extend(last.filter(|(from, to)| from.node == there && to.node == target).map(|(from, _)| from));
        path
    }
}
