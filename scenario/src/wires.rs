//! The wires: every cable of the topology as two links, one a direction, each with dice of its own. The simulator has one set;
//! in the real driver each worker has its own and they tell each other how busy the links are.

use crate::draw::{Sampler, stream};
use crate::load::Load;
use crate::topology::{End, Topology};
use std::collections::BTreeMap;
use zerogap_proto::{Frame, Instant, NodeId, PortId};
use zerogap_switch::link::{Class, Fate};
use zerogap_switch::{Counters, Link};

/// All wires of a topology.
#[derive(Debug)]
pub struct Wires {
    wires: Vec<Wire>,
    /// By node and port: the wire that is plugged in, and in which direction it leads away.
    plugs: Plugs,
    /// What the wires at each node dropped.
    drops: BTreeMap<NodeId, Counters>,
}

type Plugs = Vec<Vec<Option<(usize, usize)>>>;

#[derive(Debug)]
struct Wire {
    name: String,
    ends: [End; 2],
    links: [Link; 2],
    dice: [Sampler; 2],
    /// Bytes that a trunk carried.
    loads: Option<[Load; 2]>,
}

impl Wires {
    /// The wires of a topology, all up.
    pub fn new(topology: &Topology, seed: u64) -> Self {
        let mut plugs = Plugs::new();
        let mut wires = Vec::new();
        for cable in &topology.cables {
            for (direction, end) in cable.ends.iter().enumerate() {
                plug(&mut plugs, *end, (wires.len(), direction));
            }
            for &node in &cable.shared_by {
                plug(&mut plugs, End { node, port: PortId(0) }, (wires.len(), 1));
            }
            let dice = |direction| stream(seed, &format!("link.{}.{direction}", cable.name));
            wires.push(Wire {
                name: cable.name.clone(),
                ends: cable.ends,
                links: [Link::new(cable.link), Link::new(cable.link)],
                dice: [dice(0), dice(1)],
                loads: cable.is_trunk.then(Default::default),
            });
        }
        Self { wires, plugs, drops: BTreeMap::new() }
    }

    /// Sends a frame in at one end: where it comes out, and what becomes of it. `None` if nothing is plugged in there.
    pub fn send(&mut self, now: Instant, from: End, len: usize, class: Class) -> Option<(End, Fate)> {
        let (index, direction) = self.plugged(from)?;
        let wire = &mut self.wires[index];
        let dice = &mut wire.dice[direction];
        let fate = wire.links[direction].offer(now, len, class, &mut || dice.dice());
        match fate {
            Fate::Dropped(reason) => self.drops.entry(from.node).or_default().drop(reason),
            Fate::Arrives { .. } => {
                wire.loads.iter_mut().for_each(|loads| loads[direction].add(now, len as u64));
            }
        }
        Some((wire.ends[1 - direction], fate))
    }

    /// The link that begins at this end, and its index: the same in every set of wires of the topology.
    pub fn link_from(&mut self, from: End) -> Option<(usize, &mut Link)> {
        let (index, direction) = self.plugged(from)?;
        Some((2 * index + direction, &mut self.wires[index].links[direction]))
    }

    /// The node at the other end of a host's cable.
    pub fn peer_of(&self, host: NodeId) -> Option<NodeId> {
        let (index, direction) = self.plugged(End { node: host, port: PortId(0) })?;
        Some(self.wires[index].ends[1 - direction].node)
    }

    /// The end of the wire that begins here.
    pub fn beyond(&self, from: End) -> Option<End> {
        let (index, direction) = self.plugged(from)?;
        Some(self.wires[index].ends[1 - direction])
    }

    /// Where a frame that has come out at this end goes: of processes that share a host's cable, to the one whose address it
    /// carries.
    pub fn addressee(&self, end: End, frame: &Frame) -> End {
        let own = frame.addressee().map(|node| End { node, port: PortId(0) });
        own.filter(|own| self.plugged(*own) == self.plugged(end)).unwrap_or(end)
    }

    /// Each trunk's name, its rate in bits per second, and what it carried in each direction.
    pub fn trunks(&self) -> impl Iterator<Item = (&str, u64, &[Load; 2])> {
        let trunk = |wire: &'_ Wire| wire.loads.is_some();
        let trunks = self.wires.iter().filter(move |wire| trunk(wire));
        trunks.filter_map(|wire| {
            Some((wire.name.as_str(), wire.links[0].config().rate_bps, wire.loads.as_ref()?))
        })
    }

    #[inline]
    fn plugged(&self, end: End) -> Option<(usize, usize)> {
        *self.plugs.get(usize::from(end.node.0))?.get(usize::from(end.port.0))?
    }

    /// How many links there are.
    pub fn links(&self) -> usize {
        2 * self.wires.len()
    }

    /// When bulk data that is sent in here now would have left.
    pub fn bulk_free_at(&self, from: End) -> Option<Instant> {
        let (index, direction) = self.plugged(from)?;
        Some(self.wires[index].links[direction].bulk_free_at())
    }

    /// Takes a wire down or up, by name.
    pub fn set_up(&mut self, name: &str, up: bool) {
        for wire in self.wires.iter_mut().filter(|wire| wire.name == name) {
            wire.links.iter_mut().for_each(|link| link.set_up(up));
        }
    }

    /// What the wires at each node dropped.
    pub fn drops(&self) -> &BTreeMap<NodeId, Counters> {
        &self.drops
    }
}

fn plug(plugs: &mut Plugs, end: End, wire: (usize, usize)) {
    let (node, port) = (usize::from(end.node.0), usize::from(end.port.0));
    plugs.resize_with(plugs.len().max(node + 1), Vec::new);
    let ports = &mut plugs[node];
    ports.resize(ports.len().max(port + 1), None);
    ports[port] = Some(wire);
}
