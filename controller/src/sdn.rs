//! The SDN controller: decides by which switch a client is served, and passes messages on between the edge controller and
//! the anchors. It promises that no switch forgets a client before the client's new switch has confirmed, by a barrier,
//! that it serves it. It knows only what is under way; lose that, and the switches' next packet-in brings it back.

use crate::outbox::Outbox;
use std::collections::{BTreeMap, VecDeque};
use zerogap_proto::control::{DecisionTime, HandoverMode};
use zerogap_proto::node::earlier;
use zerogap_proto::{
    Control, Duration, Event, FlowMod, Input, Instant, Node, NodeId, Output, PacketIn, Refusal, ServiceId,
    Timer,
};

/// Packet-ins that are thought about at one time.
const DECISIONS_MAX: usize = 64;
/// Changes of flow tables that are unconfirmed at one time.
const CHANGES_MAX: usize = 256;

/// What the SDN controller is told at the start.
#[derive(Clone, Debug)]
pub struct SdnConfig {
    /// Its own node.
    pub node: NodeId,
    /// Which edge controller looks after which service.
    pub edges: BTreeMap<ServiceId, NodeId>,
    /// The mobility domains (the word is IEEE 802.11r's): groups of switches between which clients move. A client that has come
    /// to one is forgotten by the others of its group, so that a handover costs what its surroundings cost, not the network.
    pub domains: Vec<Vec<NodeId>>,
    /// Which switch anchors which service.
    pub anchors: BTreeMap<ServiceId, NodeId>,
    /// Whether the switch that a client comes to waits for the decision.
    pub handover: HandoverMode,
    /// How long it thinks about a packet-in.
    pub decision_time: DecisionTime,
    /// After which time an unconfirmed change is sent again.
    pub refresh: Duration,
}

/// The SDN controller as a node.
#[derive(Debug)]
pub struct SdnController {
    config: SdnConfig,
    /// In the order in which they are due: all take the same time.
    decisions: VecDeque<Decision>,
    /// By client and switch.
    changes: BTreeMap<(NodeId, NodeId), Change>,
    barrier: u32,
    outbox: Outbox,
    dropped: u64,
}

#[derive(Debug)]
struct Decision {
    due: Instant,
    client: NodeId,
    switch: NodeId,
    service: ServiceId,
}

/// A change that its switch has not confirmed yet.
#[derive(Clone, Copy, Debug)]
struct Change {
    flow_mod: FlowMod,
    barrier: u32,
    sent: Instant,
}

impl SdnController {
    /// A controller that knows nothing yet.
    pub fn new(config: SdnConfig) -> Self {
        Self {
            config,
            decisions: VecDeque::new(),
            changes: BTreeMap::new(),
            barrier: 0,
            outbox: Outbox::default(),
            dropped: 0,
        }
    }

    /// Messages in and out that were not acted on: a bound was reached, or they were not for this controller.
    pub const fn dropped(&self) -> u64 {
        self.dropped + self.outbox.dropped()
    }

    fn start(&mut self, now: Instant) {
        // Not from 0: an answer to the controller before this one must not be taken for an answer to this one.
        self.barrier = (now.as_nanos() / 1_000) as u32;
        self.outbox.event(Event::ControllerStarted { node: self.config.node });
    }

    fn control(&mut self, now: Instant, from: NodeId, message: Control) {
        match message {
            Control::PacketIn(packet_in) => self.packet_in(now, packet_in),
            Control::BarrierDone(barrier) => self.confirmed(now, from, barrier),
            Control::Service(ref command) => self.pass_to_anchor(from, command.service, message),
            Control::QueryService(service) => self.pass_to_anchor(from, service, message),
            Control::ServiceStatus(ref status) => self.pass_to_edge(status.service, message),
            Control::Refused { service, .. } => self.pass_to_edge(service, message),
            Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::ClientAt { .. }
            | Control::Server(_)
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::Associate { .. }
            | Control::Stop => self.dropped += 1,
        }
    }

    fn pass_to_edge(&mut self, service: ServiceId, message: Control) {
        match self.config.edges.get(&service) {
            Some(&edge) => self.outbox.send(edge, message),
            None => self.dropped += 1,
        }
    }

    fn pass_to_anchor(&mut self, from: NodeId, service: ServiceId, message: Control) {
        match self.config.anchors.get(&service) {
            Some(&anchor) => self.outbox.send(anchor, message),
            None => {
                let refused = Control::Refused { service, refusal: Refusal::UnknownService };
                self.outbox.send(from, refused);
            }
        }
    }

    fn packet_in(&mut self, now: Instant, PacketIn { switch, client, service, .. }: PacketIn) {
        if self.config.handover == HandoverMode::Notify {
            self.pass_to_edge(service, Control::ClientAt { client, switch });
        }
        if self.decisions.iter().any(|d| d.client == client && d.switch == switch) {
            return; // The switch asks again; the answer is on its way.
        }
        self.decisions.retain(|d| d.client != client);
        if self.decisions.len() == DECISIONS_MAX {
            self.dropped += 1;
            return;
        }
        self.decisions.push_back(Decision {
            due: now + self.config.decision_time.0,
            client,
            switch,
            service,
        });
        self.decide(now);
    }

    /// Takes the decisions that are due: first the route, then the edge controller may think about a migration.
    fn decide(&mut self, now: Instant) {
        while self.decisions.front().is_some_and(|d| d.due <= now) {
            let Some(Decision { client, switch, service, .. }) = self.decisions.pop_front() else { return };
            self.changes.retain(|&(of, _), _| of != client);
            self.change(now, switch, FlowMod::Admit { client }, client);
            if self.config.handover == HandoverMode::Reactive {
                self.pass_to_edge(service, Control::ClientAt { client, switch });
            }
        }
    }

    fn change(&mut self, now: Instant, switch: NodeId, flow_mod: FlowMod, client: NodeId) {
        if self.changes.len() == CHANGES_MAX {
            self.dropped += 1;
            return;
        }
        self.barrier = self.barrier.wrapping_add(1);
        let change = Change { flow_mod, barrier: self.barrier, sent: now };
        self.send(switch, change);
        self.changes.insert((client, switch), change);
    }

    fn send(&mut self, switch: NodeId, change: Change) {
        self.outbox.send(switch, Control::FlowMod(change.flow_mod));
        self.outbox.send(switch, Control::Barrier(change.barrier));
    }

    /// The new switch serves the client: only now may the others forget it.
    fn confirmed(&mut self, now: Instant, from: NodeId, barrier: u32) {
        let key = self.changes.iter().find(|((_, switch), c)| *switch == from && c.barrier == barrier);
        let Some((&key, &Change { flow_mod, .. })) = key else { return };
        self.changes.remove(&key);
        match flow_mod {
            FlowMod::Forget { .. } => {}
            FlowMod::Admit { client } => {
                let domain = self.config.domains.iter().find(|domain| domain.contains(&from));
                let others: Vec<NodeId> =
                    domain.into_iter().flatten().copied().filter(|&other| other != from).collect();
                for other in others {
                    self.change(now, other, FlowMod::Forget { client }, client);
                }
            }
        }
    }

    fn repeat_unconfirmed(&mut self, now: Instant) {
        let due = |c: &Change| c.sent + self.config.refresh <= now;
        let again: Vec<_> = self.changes.iter().filter(|(_, c)| due(c)).map(|(&key, &c)| (key, c)).collect();
        for ((client, switch), change) in again {
            self.send(switch, change);
            self.changes.insert((client, switch), Change { sent: now, ..change });
        }
    }
}

impl Node for SdnController {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Start => self.start(now),
            Input::Control { from, message } => self.control(now, from, message),
            Input::Wake(_) => {
                self.decide(now);
                self.repeat_unconfirmed(now);
            }
            Input::Frame { .. } | Input::Datagram { .. } | Input::JobDone { .. } => self.dropped += 1,
        }
    }

    fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        let decision = self.decisions.front().map(|d| (d.due, Timer::Decision));
        let repeat = self.changes.values().map(|c| c.sent + self.config.refresh).min();
        earlier(decision, repeat.map(|at| (at, Timer::Refresh)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{ClientId, Epoch, PortId, ServiceCommand, ServiceOrder};

    const EDGE: NodeId = NodeId(91);
    const S1: NodeId = NodeId(1);
    const S2: NodeId = NodeId(2);
    const S3: NodeId = NodeId(3);
    /// Elsewhere.
    const S4: NodeId = NodeId(4);
    const AGV: NodeId = NodeId(40);
    const SERVICE: ServiceId = ServiceId(1);

    fn controller(handover: HandoverMode, decision_ms: u64) -> SdnController {
        let mut sdn = SdnController::new(SdnConfig {
            node: NodeId(90),
            edges: [(SERVICE, EDGE)].into(),
            domains: vec![vec![S1, S2, S3], vec![S4]],
            anchors: [(SERVICE, S1)].into(),
            handover,
            decision_time: DecisionTime(Duration::from_millis(decision_ms)),
            refresh: Duration::from_millis(100),
        });
        sdn.handle(at(0), Input::Start);
        sent(&mut sdn);
        sdn
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    fn packet_in(client: NodeId, switch: NodeId) -> Control {
        let (port, client_id) = (PortId(0), ClientId(1));
        Control::PacketIn(PacketIn { switch, port, client, client_id, service: SERVICE, waiting: true })
    }

    fn sent(sdn: &mut SdnController) -> Vec<(NodeId, Control)> {
        let controls = |output| {
            let Output::Control { to, message } = output else { return None };
            Some((to, message))
        };
        std::iter::from_fn(|| sdn.poll()).filter_map(controls).collect()
    }

    fn told(sdn: &mut SdnController, ms: u64, from: NodeId, message: Control) -> Vec<(NodeId, Control)> {
        sdn.handle(at(ms), Input::Control { from, message });
        sent(sdn)
    }

    fn woken(sdn: &mut SdnController) -> (Instant, Vec<(NodeId, Control)>) {
        let (when, timer) = sdn.deadline().unwrap();
        sdn.handle(when, Input::Wake(timer));
        (when, sent(sdn))
    }

    const ADMIT: Control = Control::FlowMod(FlowMod::Admit { client: AGV });
    const FORGET: Control = Control::FlowMod(FlowMod::Forget { client: AGV });
    const fn client_at(switch: NodeId) -> (NodeId, Control) {
        (EDGE, Control::ClientAt { client: AGV, switch })
    }

    #[test]
    fn in_notify_mode_the_edge_controller_hears_at_once_and_the_switch_after_the_decision() {
        let mut sdn = controller(HandoverMode::Notify, 5);
        assert_eq!(told(&mut sdn, 0, S2, packet_in(AGV, S2)), [client_at(S2)]);
        assert_eq!(sdn.deadline(), Some((at(5), Timer::Decision)));
        assert_eq!(woken(&mut sdn), (at(5), vec![(S2, ADMIT), (S2, Control::Barrier(1))]));
    }

    #[test]
    fn in_reactive_mode_the_route_comes_first_and_the_migration_after() {
        let mut sdn = controller(HandoverMode::Reactive, 5);
        assert_eq!(told(&mut sdn, 0, S2, packet_in(AGV, S2)), []);
        assert_eq!(told(&mut sdn, 3, S2, packet_in(AGV, S2)), [], "the switch asks again");
        assert_eq!(woken(&mut sdn), (at(5), vec![(S2, ADMIT), (S2, Control::Barrier(1)), client_at(S2)]));
    }

    #[test]
    fn the_others_forget_the_client_only_after_its_new_switch_has_answered_the_barrier() {
        let mut sdn = controller(HandoverMode::Notify, 0);
        told(&mut sdn, 0, S2, packet_in(AGV, S2));
        assert_eq!(told(&mut sdn, 1, S3, Control::BarrierDone(1)), [], "another switch");
        assert_eq!(told(&mut sdn, 1, S2, Control::BarrierDone(7)), [], "another barrier");
        let expected = [(S1, FORGET), (S1, Control::Barrier(2)), (S3, FORGET), (S3, Control::Barrier(3))];
        assert_eq!(told(&mut sdn, 1, S2, Control::BarrierDone(1)), expected);
        told(&mut sdn, 2, S1, Control::BarrierDone(2));
        told(&mut sdn, 2, S3, Control::BarrierDone(3));
        assert_eq!(sdn.deadline(), None, "nothing is left to wait for");
    }

    #[test]
    fn what_is_not_confirmed_is_sent_again() {
        let mut sdn = controller(HandoverMode::Notify, 0);
        told(&mut sdn, 0, S2, packet_in(AGV, S2));
        for ms in [100, 200] {
            assert_eq!(woken(&mut sdn), (at(ms), vec![(S2, ADMIT), (S2, Control::Barrier(1))]));
        }
    }

    #[test]
    fn a_client_that_has_moved_on_is_not_forgotten_where_it_is_now() {
        let mut sdn = controller(HandoverMode::Notify, 0);
        told(&mut sdn, 0, S2, packet_in(AGV, S2));
        told(&mut sdn, 1, S1, packet_in(AGV, S1));
        assert_eq!(told(&mut sdn, 2, S2, Control::BarrierDone(1)), [], "an answer to what no longer counts");
        let expected = [(S2, FORGET), (S2, Control::Barrier(3)), (S3, FORGET), (S3, Control::Barrier(4))];
        assert_eq!(told(&mut sdn, 2, S1, Control::BarrierDone(2)), expected);
    }

    #[test]
    fn an_answer_to_an_earlier_controller_is_not_taken_for_one_to_this() {
        let mut sdn = controller(HandoverMode::Notify, 0);
        let mut earlier = controller(HandoverMode::Notify, 0);
        told(&mut earlier, 10, S2, packet_in(AGV, S2));
        sdn.handle(at(11), Input::Start);
        told(&mut sdn, 11, S2, packet_in(AGV, S2));
        assert_eq!(told(&mut sdn, 12, S2, Control::BarrierDone(1)), []);
    }

    #[test]
    fn decisions_are_bounded_and_those_refused_are_counted() {
        let mut sdn = controller(HandoverMode::Reactive, 5);
        (0..DECISIONS_MAX as u16 + 2).for_each(|n| drop(told(&mut sdn, 0, S2, packet_in(NodeId(n), S2))));
        assert_eq!((sdn.decisions.len(), sdn.dropped()), (DECISIONS_MAX, 2));
    }

    #[test]
    fn orders_and_queries_go_to_the_anchor_and_its_answers_to_the_edge_controller() {
        let mut sdn = controller(HandoverMode::Notify, 0);
        let order = ServiceOrder::Remove { server: NodeId(11), incarnation: zerogap_proto::Incarnation(1) };
        let order =
            |service| Control::Service(ServiceCommand { service, epoch: Epoch(1), order: order.clone() });
        assert_eq!(told(&mut sdn, 0, EDGE, order(SERVICE)), [(S1, order(SERVICE))]);
        let query = Control::QueryService(SERVICE);
        assert_eq!(told(&mut sdn, 0, EDGE, query.clone()), [(S1, query)]);
        let refused = |service, refusal| Control::Refused { service, refusal };
        let busy = refused(SERVICE, Refusal::Busy);
        assert_eq!(told(&mut sdn, 0, S1, busy.clone()), [(EDGE, busy)]);
        let nobodys = ServiceId(9);
        let unknown = refused(nobodys, Refusal::UnknownService);
        assert_eq!(told(&mut sdn, 0, EDGE, order(nobodys)), [(EDGE, unknown)]);
    }
}
