//! The way of a transfer through the topology, and how long a piece of it is under way.

use crate::world::World;
use zerogap_proto::{Duration, Instant, NodeId, PortId};
use zerogap_scenario::bulk::{FRAME_BYTES, on_the_wire};
use zerogap_scenario::topology::End;
use zerogap_switch::link::{Class, Fate};

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

    /// Sends a piece along a path: when the last of it arrives; `None` if a link takes nothing. The piece stands for frames one behind
    /// the other, each of which goes on as soon as it is there: a link has begun with the first while the one before sends the rest.
    pub(super) fn convey(&mut self, now: Instant, path: &[End], bytes: u64) -> Option<Instant> {
        let wire_bytes = on_the_wire(bytes);
        let frame_bytes = wire_bytes.min(FRAME_BYTES);
        let (mut first_there, mut last_there) = (now, now);
        for &end in path {
            let rate_bps = self.wires.link_from(end)?.1.config().rate_bps;
            let Some((_, Fate::Arrives { at, .. })) =
                self.wires.send(first_there, end, wire_bytes as usize, Class::Bulk)
            else {
                return None;
            };
            let rest = Duration::of_bytes(wire_bytes - frame_bytes, rate_bps);
            first_there = Instant::ZERO + at.since(Instant::ZERO + rest);
            // A faster link waits for the last frame.
            last_there = at.max(last_there + Duration::of_bytes(frame_bytes, rate_bps));
        }
        Some(last_there)
    }
}
