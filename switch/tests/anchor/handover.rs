//! Two switches as in the paper's Fig. 1, joined by a trunk: a handover changes only the path between the client and the
//! anchor, and no controller is waited for.

use crate::common::server::FakeServer;
use crate::common::{CLIENT, P, S, S1, S2, SERVICE, config, open, request_frame, virtual_endpoint};
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{Control, DropReason, Frame, Input, Instant, Node, NodeId, Output, PortId, Sequence};
use zerogap_switch::{Anchoring, PortKind, Selection, Switch, SwitchConfig};

const SDN: NodeId = NodeId(40);
const AP1: NodeId = NodeId(10);
const AP3: NodeId = NodeId(13);
/// Ports of s1: the servers, the access point, the trunk; of s2: the access point, the trunk.
const S1_PORTS: [PortKind; 4] =
    [PortKind::Host(P), PortKind::Host(S), PortKind::AccessPoint(AP1), PortKind::Trunk(S2)];
const S2_PORTS: [PortKind; 2] = [PortKind::AccessPoint(AP3), PortKind::Trunk(S1)];

/// Both switches and both servers; frames take no time.
struct Fabric {
    switches: BTreeMap<NodeId, Switch>,
    servers: BTreeMap<NodeId, FakeServer>,
    moving: VecDeque<(NodeId, PortId, Frame)>,
    /// The access point by which each answer reached the client.
    answered: Vec<(Sequence, NodeId)>,
    /// At which switch the client's coming was reported.
    reported: Vec<NodeId>,
}

impl Fabric {
    fn new() -> Self {
        let switch = |node, ports: &[PortKind], remote_hosts, anchoring| {
            let services = vec![anchoring];
            let (ports, handover) = (ports.to_vec(), HandoverMode::Notify);
            (
                node,
                Switch::new(SwitchConfig { node, controller: SDN, ports, remote_hosts, services, handover }),
            )
        };
        let here = Anchoring::Here(config(&[P, S], Selection::Preferred));
        let beyond = Anchoring::Beyond { id: SERVICE, endpoint: virtual_endpoint(), port: PortId(1) };
        let remote = vec![(P, PortId(1)), (S, PortId(1))];
        Self {
            switches: [switch(S1, &S1_PORTS, vec![], here), switch(S2, &S2_PORTS, remote, beyond)].into(),
            servers: [P, S].map(|node| (node, FakeServer::new(node, 4))).into(),
            moving: VecDeque::new(),
            answered: Vec::new(),
            reported: Vec::new(),
        }
    }

    /// The client's request by this access point, or by both at once.
    fn request(&mut self, sequence: u64, by: &[NodeId]) {
        let frame = request_frame(CLIENT, Sequence(sequence));
        for ap in by {
            let at = if *ap == AP1 { (S1, PortId(2)) } else { (S2, PortId(0)) };
            self.moving.push_back((at.0, at.1, frame.clone()));
        }
        while let Some((node, port, frame)) = self.moving.pop_front() {
            let switch = self.switches.get_mut(&node).expect("one of the two");
            switch.handle(Instant::ZERO, Input::Frame { port, frame });
            let outputs: Vec<Output> = std::iter::from_fn(|| switch.poll()).collect();
            assert!(switch.counters().balanced());
            outputs.into_iter().for_each(|output| self.carry(node, output));
        }
    }

    fn carry(&mut self, node: NodeId, output: Output) {
        let (port, frame) = match output.clone() {
            Output::Frame { port, frame } => (port, frame),
            Output::Control { to: SDN, message: Control::PacketIn(told) } => {
                assert!(!told.waiting);
                return self.reported.push(told.switch);
            }
            Output::Control { .. } | Output::Event(_) => return,
            Output::Datagram { .. } | Output::Start(_) | Output::CancelJob(_) | Output::Record(_) => {
                panic!("{output:?} of a switch")
            }
        };
        let ports = if node == S1 { &S1_PORTS[..] } else { &S2_PORTS[..] };
        match ports[usize::from(port.0)] {
            PortKind::Host(server) => {
                let reply = self.servers.get_mut(&server).and_then(|server| server.receive(&frame));
                self.moving.extend(reply.map(|reply| (node, port, reply.frame)));
            }
            PortKind::AccessPoint(ap) => self.answered.push((open(&frame).1.sequence, ap)),
            PortKind::Trunk(S1) => self.moving.push_back((S1, PortId(3), frame)),
            PortKind::Trunk(_) => self.moving.push_back((S2, PortId(1), frame)),
        }
    }
}

#[test]
fn a_handover_changes_the_path_and_nothing_else() {
    let mut fabric = Fabric::new();
    for (sequence, ap) in [(0, AP1), (1, AP1), (2, AP3), (3, AP3), (4, AP1)] {
        fabric.request(sequence, &[ap]);
        assert_eq!(
            fabric.answered.pop(),
            Some((Sequence(sequence), ap)),
            "answered at once, where it came from"
        );
    }
    assert_eq!(fabric.reported, [S1, S2], "each switch tells of the first frame, and waits for nothing");
    let all: Vec<Sequence> = (0..5).map(Sequence).collect();
    assert!(fabric.servers.values().all(|server| server.applied == all));
}

#[test]
fn copies_by_both_access_points_are_one_request_with_one_answer() {
    let mut fabric = Fabric::new();
    fabric.request(0, &[AP1]);
    for sequence in 1..10 {
        fabric.request(sequence, if sequence % 2 == 0 { &[AP1, AP3] } else { &[AP3, AP1] });
    }
    let answered: Vec<u64> = fabric.answered.iter().map(|(sequence, _)| sequence.0).collect();
    assert_eq!(answered, (0..10).collect::<Vec<_>>());
    assert_eq!(fabric.servers[&S].applied.len(), 10);
    assert_eq!(fabric.switches[&S1].counters().dropped[&DropReason::DuplicateRequest], 9);
}

#[test]
fn the_anchor_knows_where_the_client_has_gone() {
    let mut fabric = Fabric::new();
    for (sequence, ap, switch) in [(0, AP1, S1), (1, AP3, S2), (2, AP1, S1)] {
        fabric.request(sequence, &[ap]);
        let status = fabric.switches[&S1].service(SERVICE).map(zerogap_switch::Service::status);
        assert_eq!(status.and_then(|status| status.ingress), Some(switch));
    }
}
