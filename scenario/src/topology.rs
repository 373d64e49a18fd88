//! The topology of a testbed as ids: nodes, ports, cables, and which port of a switch leads where. Both drivers plug the same
//! cables; neither knows the file.

use crate::file::Testbed;
use crate::names::Names;
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::{NodeId, PortId};
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
}

/// Nodes and cables.
#[derive(Clone, Debug)]
pub struct Topology {
    /// All names.
    pub names: Names,
    /// The switches, in the file's order.
    pub switches: Vec<NodeId>,
    /// The ports of each switch, in the same order.
    pub ports: Vec<Vec<PortKind>>,
    /// The access points, in the file's order.
    pub access_points: Vec<NodeId>,
    /// The servers, in the file's order.
    pub servers: Vec<NodeId>,
    /// The switch of each server, in the same order.
    pub server_switches: Vec<NodeId>,
    /// The AGV.
    pub client: NodeId,
    /// The AGV's radio.
    pub radio: NodeId,
    /// The SDN controller.
    pub sdn: NodeId,
    /// The edge controller.
    pub edge: NodeId,
    /// The driver, when it speaks for itself.
    pub driver: NodeId,
    /// The cables.
    pub cables: Vec<Cable>,
}

impl Topology {
    /// The topology of a valid testbed.
    pub fn new(testbed: &Testbed) -> Self {
        Builder::new(testbed).build()
    }

    /// The next hop from one switch to another: the port of the trunk. `None` if there is no way.
    pub fn towards(&self, from: NodeId, to: NodeId) -> Option<PortId> {
        let mut first_port = BTreeMap::from([(from, None)]);
        let mut queue = VecDeque::from([from]);
        while let Some(here) = queue.pop_front() {
            if here == to {
                return first_port[&here];
            }
            let index = self.switches.iter().position(|switch| *switch == here)?;
            for (port, kind) in (0..).map(PortId).zip(&self.ports[index]) {
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
        let index = self.servers.iter().position(|known| *known == server)?;
        self.server_switches.get(index).copied()
    }
}

struct Builder<'a> {
    testbed: &'a Testbed,
    names: Names,
    ports: Vec<Vec<PortKind>>,
    cables: Vec<Cable>,
}

impl<'a> Builder<'a> {
    fn new(testbed: &'a Testbed) -> Self {
        let t = &testbed.topology;
        let names = t
            .switches
            .iter()
            .chain(t.access_points.iter().map(|point| &point.name))
            .chain(t.servers.iter().map(|server| &server.name))
            .cloned()
            .chain([testbed.client.name.clone()])
            .chain(["radio", "sdn-controller", "edge-controller", "driver"].map(String::from));
        let ports = vec![Vec::new(); t.switches.len()];
        Self { testbed, names: Names::new(names.collect()), ports, cables: Vec::new() }
    }

    fn build(mut self) -> Topology {
        let t = &self.testbed.topology;
        let (client, radio) = (self.id(&self.testbed.client.name), self.id("radio"));
        for server in &t.servers {
            let node = self.id(&server.name);
            let end = self.plug(&server.switch, PortKind::Host(node));
            self.cable(&server.name, end, End { node, port: PortId(0) });
        }
        for (port, point) in (1..).map(PortId).zip(&t.access_points) {
            let node = self.id(&point.name);
            let end = self.plug(&point.switch, PortKind::AccessPoint(node));
            self.cable(&point.name, end, End { node: radio, port });
        }
        for trunk in &t.trunks {
            let [a, b] = &trunk.between;
            let (to_a, to_b) = (PortKind::Trunk(self.id(a)), PortKind::Trunk(self.id(b)));
            let (end_a, end_b) = (self.plug(a, to_b), self.plug(b, to_a));
            self.cable(&trunk.name(), end_a, end_b);
        }
        let ends = [
            End { node: client, port: PortId(0) },
            End { node: radio, port: zerogap_switch::radio::STATION },
        ];
        let link = (&self.testbed.radio.link).into();
        self.cables.push(Cable { name: self.testbed.client.name.clone(), ends, link });
        Topology {
            switches: t.switches.iter().map(|name| self.id(name)).collect(),
            access_points: t.access_points.iter().map(|point| self.id(&point.name)).collect(),
            servers: t.servers.iter().map(|server| self.id(&server.name)).collect(),
            server_switches: t.servers.iter().map(|server| self.id(&server.switch)).collect(),
            client,
            radio,
            sdn: self.id("sdn-controller"),
            edge: self.id("edge-controller"),
            driver: self.id("driver"),
            ports: self.ports,
            cables: self.cables,
            names: self.names,
        }
    }

    /// The file is valid, so every name in it is known.
    fn id(&self, name: &str) -> NodeId {
        self.names.id(name).expect("names are checked when the file is loaded")
    }

    fn plug(&mut self, switch: &str, kind: PortKind) -> End {
        let node = self.id(switch);
        let ports = &mut self.ports[usize::from(node.0)];
        ports.push(kind);
        End { node, port: PortId(ports.len() as u16 - 1) }
    }

    fn cable(&mut self, name: &str, a: End, b: End) {
        let link = (&self.testbed.links.of(name)).into();
        self.cables.push(Cable { name: name.to_owned(), ends: [a, b], link });
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
}
