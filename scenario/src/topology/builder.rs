//! Gives nodes their names and ids and plugs the cables: for each hall the file's topology, for each AGV a process on each of its
//! hall's servers. With one hall and one AGV nothing is there but what the file names.

use super::{Cable, End, Hall, Member, Topology};
use crate::build::SERVICE;
use crate::file::Testbed;
use crate::names::Names;
use zerogap_proto::{NodeId, PortId, ServiceId};
use zerogap_switch::PortKind;
use zerogap_switch::radio::station_port;

/// The name of a hall's own copy, or of an AGV's: the first keeps the file's.
fn copy_of(name: &str, mark: &str, index: usize) -> String {
    if index == 0 { name.to_owned() } else { format!("{name}.{mark}{}", index + 1) }
}

const HALL: &str = "h";
const MEMBER: &str = "";
const SPINE: &str = "spine";

pub(super) struct Builder<'a> {
    testbed: &'a Testbed,
    halls: usize,
    names: Names,
    ports: Vec<Vec<PortKind>>,
    cables: Vec<Cable>,
}

impl<'a> Builder<'a> {
    pub(super) fn new(testbed: &'a Testbed) -> Self {
        let t = &testbed.topology;
        let (halls, agvs) = (testbed.fleet.halls as usize, testbed.fleet.agvs_in_all());
        let mut names = Vec::new();
        let each = |count: usize, mark: &'static str, name: &str| {
            let name = name.to_owned();
            (0..count).map(move |index| copy_of(&name, mark, index)).collect::<Vec<_>>()
        };
        for hall in 0..halls {
            names.extend(t.switches.iter().map(|name| copy_of(name, HALL, hall)));
        }
        let switches = names.len() + usize::from(halls > 1);
        names.extend((halls > 1).then(|| SPINE.to_owned()));
        for hall in 0..halls {
            names.extend(t.access_points.iter().map(|point| copy_of(&point.name, HALL, hall)));
        }
        for agv in 0..agvs {
            names.extend(t.servers.iter().map(|server| copy_of(&server.name, MEMBER, agv)));
        }
        names.extend(each(agvs, MEMBER, &testbed.client.name));
        names.extend(each(halls, HALL, "radio"));
        names.push("sdn-controller".into());
        names.extend(each(agvs, MEMBER, "edge-controller"));
        names.push("driver".into());
        Self {
            testbed,
            halls,
            names: Names::new(names),
            ports: vec![Vec::new(); switches],
            cables: Vec::new(),
        }
    }

    pub(super) fn build(mut self) -> Topology {
        let halls: Vec<Hall> = (0..self.halls).map(|hall| self.hall(hall)).collect();
        let fleet: Vec<Member> =
            (0..self.testbed.fleet.agvs_in_all()).map(|agv| self.member(agv, &halls)).collect();
        for (at, hall) in halls.iter().enumerate() {
            self.wire_hall(at, hall, &fleet);
        }
        if self.halls > 1 {
            self.wire_spine(&halls);
        }
        self.wire_radio(&halls, &fleet);
        let mut members = vec![None; self.names.all().len()];
        for (at, member) in fleet.iter().enumerate() {
            for node in member.servers.iter().chain([&member.client, &member.edge]) {
                members[usize::from(node.0)] = Some(at);
            }
        }
        let at_switch = |member: &Member| {
            let servers = &self.testbed.topology.servers;
            servers.iter().map(|server| self.in_hall(&server.switch, member.hall)).collect::<Vec<_>>()
        };
        Topology {
            switches: (0..self.ports.len() as u16).map(NodeId).collect(),
            servers: fleet.iter().flat_map(|member| member.servers.iter().copied()).collect(),
            server_switches: fleet.iter().flat_map(at_switch).collect(),
            sdn: self.id("sdn-controller"),
            driver: self.id("driver"),
            ports: self.ports,
            cables: self.cables,
            names: self.names,
            halls,
            fleet,
            members,
        }
    }

    fn hall(&self, hall: usize) -> Hall {
        let t = &self.testbed.topology;
        Hall {
            switches: t.switches.iter().map(|name| self.in_hall(name, hall)).collect(),
            access_points: t.access_points.iter().map(|point| self.in_hall(&point.name, hall)).collect(),
            radio: self.in_hall("radio", hall),
        }
    }

    fn member(&self, agv: usize, halls: &[Hall]) -> Member {
        let own = |name: &str| self.id(&copy_of(name, MEMBER, agv));
        let hall = agv / self.testbed.fleet.agvs as usize;
        Member {
            service: ServiceId(SERVICE.0 + agv as u16),
            client: own(&self.testbed.client.name),
            hall,
            radio: halls[hall].radio,
            anchor: self.in_hall(&self.testbed.service.anchor, hall),
            servers: self.testbed.topology.servers.iter().map(|server| own(&server.name)).collect(),
            edge: own("edge-controller"),
        }
    }

    fn wire_hall(&mut self, at: usize, hall: &Hall, fleet: &[Member]) {
        let t = &self.testbed.topology;
        let agvs = self.testbed.fleet.agvs as usize;
        let members = &fleet[at * agvs..(at + 1) * agvs];
        for (index, server) in t.servers.iter().enumerate() {
            let mut processes = members.iter().map(|member| member.servers[index]);
            let Some(first) = processes.next() else { continue };
            let end = self.plug(self.in_hall(&server.switch, at), PortKind::Host(first));
            let cable = self.cable(&server.name, at, end, End { node: first, port: PortId(0) });
            cable.shared_by = processes.collect();
        }
        for (index, point) in t.access_points.iter().enumerate() {
            let node = hall.access_points[index];
            let end = self.plug(self.in_hall(&point.switch, at), PortKind::AccessPoint(node));
            let uplink = End { node: hall.radio, port: PortId(index as u16 + 1) };
            self.cable(&point.name, at, end, uplink);
        }
        for trunk in &t.trunks {
            let [a, b] = trunk.between.each_ref().map(|name| self.in_hall(name, at));
            let (end_a, end_b) = (self.plug(a, PortKind::Trunk(b)), self.plug(b, PortKind::Trunk(a)));
            self.cable(&trunk.name(), at, end_a, end_b).is_trunk = true;
        }
    }

    /// The first switch of every hall at one more switch.
    fn wire_spine(&mut self, halls: &[Hall]) {
        let spine = self.id(SPINE);
        for (at, hall) in halls.iter().enumerate() {
            let Some(&top) = hall.switches.first() else { continue };
            let (down, up) = (self.plug(top, PortKind::Trunk(spine)), self.plug(spine, PortKind::Trunk(top)));
            let name = format!("{}-{SPINE}", self.testbed.topology.switches[0]);
            self.cable(&name, at, down, up).is_trunk = true;
        }
    }

    fn wire_radio(&mut self, halls: &[Hall], fleet: &[Member]) {
        let (points, agvs) = (self.testbed.topology.access_points.len(), self.testbed.fleet.agvs as usize);
        for (at, member) in fleet.iter().enumerate() {
            let port = station_port(points, at % agvs);
            let ends =
                [End { node: member.client, port: PortId(0) }, End { node: halls[member.hall].radio, port }];
            let name = copy_of(&self.testbed.client.name, MEMBER, at);
            let link = (&self.testbed.radio.link).into();
            self.cables.push(Cable { name, ends, link, shared_by: Vec::new(), is_trunk: false });
        }
    }

    fn in_hall(&self, name: &str, hall: usize) -> NodeId {
        self.id(&copy_of(name, HALL, hall))
    }

    /// The file is valid, so every name in it is known.
    fn id(&self, name: &str) -> NodeId {
        self.names.id(name).expect("names are checked when the file is loaded")
    }

    fn plug(&mut self, switch: NodeId, kind: PortKind) -> End {
        let ports = &mut self.ports[usize::from(switch.0)];
        ports.push(kind);
        End { node: switch, port: PortId(ports.len() as u16 - 1) }
    }

    fn cable(&mut self, name: &str, hall: usize, a: End, b: End) -> &mut Cable {
        let link = (&self.testbed.links.of(name)).into();
        let name = copy_of(name, HALL, hall);
        self.cables.push(Cable { name, ends: [a, b], link, shared_by: Vec::new(), is_trunk: false });
        self.cables.last_mut().expect("one was just added")
    }
}
