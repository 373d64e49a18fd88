//! The topology of a testbed as ids: nodes, ports, cables, and which port of a switch leads where. Both drivers plug the same
//! cables; neither knows the file. A fleet is the file's topology once for each hall, and for each AGV a service of its own
//! with a process on each of the hall's servers.

mod builder;

use crate::build::SERVICE;
use crate::file::Testbed;
use crate::names::Names;
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::{NodeId, PortId, ServiceId};
use zerogap_switch::{LinkConfig, PortKind};

/// One end of a cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// The node.
    pub node: NodeId,
    /// Its port. Hosts have port 0 on the service network; the radio's ports are those of `zerogap_switch::radio`.
    pub port: PortId,
}

/// A cable (or the radio's channel): two ends, the same model in each direction.
#[derive(Clone, Debug, PartialEq)]
pub struct Cable {
    /// Its name, as faults call it: a server's, an access point's, `s1-s2`, or the client's for the radio channel.
    pub name: String,
    /// What it connects.
    pub ends: [End; 2],
    /// What it is like.
    pub link: LinkConfig,
    /// Further processes of the host at its second end. A frame is for the one whose address it carries.
    pub shared_by: Vec<NodeId>,
    /// Whether it joins two switches.
    pub is_trunk: bool,
}

/// An AGV, the service that is its own, and who looks after the two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The service.
    pub service: ServiceId,
    /// The AGV.
    pub client: NodeId,
    /// Its hall, counted from 0.
    pub hall: usize,
    /// Its hall's radio.
    pub radio: NodeId,
    /// The switch that owns the service.
    pub anchor: NodeId,
    /// The servers that can hold the service, in the file's order.
    pub servers: Vec<NodeId>,
    /// The edge controller.
    pub edge: NodeId,
}

/// What a hall has of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hall {
    /// Its switches, in the file's order.
    pub switches: Vec<NodeId>,
    /// Its access points, in the file's order.
    pub access_points: Vec<NodeId>,
    /// Its radio.
    pub radio: NodeId,
}

/// Nodes and cables.
#[derive(Clone, Debug)]
pub struct Topology {
    /// All names.
    pub names: Names,
    /// The switches: hall by hall in the file's order, then the spine. Their ids count from 0.
    pub switches: Vec<NodeId>,
    /// The ports of each switch, in the same order.
    pub ports: Vec<Vec<PortKind>>,
    /// The halls.
    pub halls: Vec<Hall>,
    /// The AGVs, hall by hall; their services count from 0.
    pub fleet: Vec<Member>,
    /// All servers: AGV by AGV in the file's order, so by ascending id.
    pub servers: Vec<NodeId>,
    /// The switch of each server, in the same order.
    pub server_switches: Vec<NodeId>,
    /// The SDN controller.
    pub sdn: NodeId,
    /// The driver, when it speaks for itself.
    pub driver: NodeId,
    /// The cables.
    pub cables: Vec<Cable>,
    /// By node: the place in the fleet that it belongs to.
    members: Vec<Option<usize>>,
}

impl Topology {
    /// The topology of a valid testbed.
    pub fn new(testbed: &Testbed) -> Self {
        builder::Builder::new(testbed).build()
    }

    /// The first AGV, and the only one for a driver that takes no more.
    pub fn first(&self) -> &Member {
        &self.fleet[0]
    }

    /// The AGVs of a hall. The ports of its servers are called after the processes of the first.
    pub fn in_hall(&self, hall: usize) -> &[Member] {
        let agvs = self.fleet.len() / self.halls.len();
        self.fleet.get(hall * agvs..(hall + 1) * agvs).unwrap_or_default()
    }

    /// The AGV that a client, server or edge controller belongs to.
    pub fn member_of(&self, node: NodeId) -> Option<&Member> {
        self.members.get(usize::from(node.0)).copied().flatten().map(|at| &self.fleet[at])
    }

    /// The AGV with this service.
    pub fn member(&self, service: ServiceId) -> Option<&Member> {
        self.fleet.get(usize::from(service.0 - SERVICE.0))
    }

    /// Whether the node is an AGV.
    pub fn is_client(&self, node: NodeId) -> bool {
        self.member_of(node).is_some_and(|member| member.client == node)
    }

    /// By node: the place in the fleet that it belongs to.
    pub fn members(&self) -> &[Option<usize>] {
        &self.members
    }

    /// The next hop from one switch to another: the port of the trunk. `None` if there is no way.
    pub fn towards(&self, from: NodeId, to: NodeId) -> Option<PortId> {
        let mut first_port = BTreeMap::from([(from, None)]);
        let mut queue = VecDeque::from([from]);
        while let Some(here) = queue.pop_front() {
            if here == to {
                return first_port[&here];
            }
            for (port, kind) in (0..).map(PortId).zip(self.ports.get(usize::from(here.0))?) {
                if let PortKind::Trunk(beyond) = *kind
                    && !first_port.contains_key(&beyond)
                {
                    let first = first_port[&here].or(Some(port));
                    first_port.insert(beyond, first);
                    queue.push_back(beyond);
                }
            }
        }
        None
    }

    /// The switch that a server is plugged into.
    pub fn switch_of(&self, server: NodeId) -> Option<NodeId> {
        self.server_switches.get(self.servers.binary_search(&server).ok()?).copied()
    }
}

impl From<&crate::file::Link> for LinkConfig {
    fn from(link: &crate::file::Link) -> Self {
        Self {
            rate_bps: link.rate.0,
            delay: link.delay.0,
            jitter: link.jitter.0,
            queue_bytes: link.queue.0,
            loss: link.loss,
            duplicate: link.duplicate,
            reorder: link.reorder,
            reorder_by: link.reorder_by.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_has_a_cable_to_every_server_and_access_point_and_one_between_the_switches() {
        let t = Topology::new(&Testbed::default());
        let names: Vec<&str> = t.cables.iter().map(|cable| cable.name.as_str()).collect();
        assert_eq!(names, ["edge-a1", "edge-a2", "edge-b1", "edge-b2", "ap1", "ap2", "ap3", "s1-s2", "agv"]);
        let [s1, s2] = t.switches[..] else { panic!("two switches") };
        assert_eq!(t.towards(s1, s2), Some(PortId(4)));
        assert_eq!(t.towards(s1, s1), None);
        assert_eq!(t.names.name(t.servers[2]), "edge-b1");
        assert_eq!(t.switch_of(t.servers[2]), Some(s2));
    }

    #[test]
    fn a_way_may_lead_over_several_switches() {
        let mut testbed = Testbed::default();
        testbed.topology.switches.push("s3".into());
        testbed.topology.trunks.push(crate::file::Trunk { between: ["s2".into(), "s3".into()] });
        let t = Topology::new(&testbed);
        assert_eq!(t.towards(t.switches[0], t.switches[2]), t.towards(t.switches[0], t.switches[1]));
        assert!(t.towards(t.switches[2], t.switches[0]).is_some());
    }

    #[test]
    fn a_fleet_has_halls_like_the_files_and_a_service_for_each_agv() {
        let fleet = crate::file::Fleet { halls: 2, agvs: 3, ..Default::default() };
        let t = Topology::new(&Testbed { fleet, ..Testbed::default() });
        let name = |node: NodeId| t.names.name(node).into_owned();
        assert_eq!(
            t.switches.iter().map(|s| name(*s)).collect::<Vec<_>>(),
            ["s1", "s2", "s1.h2", "s2.h2", "spine"]
        );
        let last = &t.fleet[5];
        assert_eq!((last.service, last.hall, name(last.client)), (ServiceId(5), 1, "agv.6".into()));
        assert_eq!((name(last.anchor), name(last.servers[0])), ("s1.h2".into(), "edge-a1.6".into()));
        assert_eq!(t.switch_of(last.servers[3]).map(name), Some("s2.h2".into()));
        assert_eq!(t.member_of(last.servers[3]), Some(last));
        assert_eq!(t.member_of(t.sdn), None);
        let cable = t.cables.iter().find(|cable| cable.name == "edge-a1.h2").expect("a host's cable");
        assert_eq!(cable.ends[1].node, t.fleet[3].servers[0]);
        assert_eq!(cable.shared_by, [t.fleet[4].servers[0], last.servers[0]]);
        let spine = t.switches[4];
        assert_eq!(
            t.towards(t.switches[1], t.switches[3]),
            t.towards(t.switches[1], spine),
            "by way of the spine"
        );
    }
}
