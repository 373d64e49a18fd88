//! The edge controller: decides when the service moves and sees to it that all parts do theirs. It promises that every
//! order follows from what was reported and may be repeated, so that it can be replaced at any moment; and that an order
//! that shows no effect is repeated no sooner than one refresh interval later.

mod config;
#[cfg(test)]
mod fixture;
mod repeats;
mod scheme;
mod step;
mod upkeep;
mod view;

pub use config::{
    CopyRules, EdgeConfig, EdgeError, NoStandby, NotConverged, PhaseTimeouts, REFRESH, Site,
    transfer_endpoint,
};

use crate::outbox::Outbox;
use repeats::Repeats;
use step::{Situation, Step};
use view::View;
use zerogap_proto::node::earlier;
use zerogap_proto::{
    Control, Event, Input, Instant, Node, NodeId, Output, Refusal, ServerCommand, ServiceCommand,
    ServiceStatus, Timer,
};

/// The edge controller as a node.
#[derive(Debug)]
pub struct EdgeController {
    config: EdgeConfig,
    view: View,
    repeats: Repeats,
    outbox: Outbox,
    refresh_at: Option<Instant>,
    look_again: Option<Instant>,
    dropped: u64,
}

impl EdgeController {
    /// A controller that knows nothing yet.
    ///
    /// # Errors
    /// Says why no migration of the configured scheme could succeed.
    pub fn new(config: EdgeConfig) -> Result<Self, EdgeError> {
        config.check()?;
        Ok(Self {
            view: View::default(),
            repeats: Repeats::new(config.refresh),
            outbox: Outbox::default(),
            refresh_at: None,
            look_again: None,
            dropped: 0,
            config,
        })
    }

    /// Messages in and out that were not acted on: a bound was reached, or they were not for this controller.
    pub const fn dropped(&self) -> u64 {
        self.dropped + self.outbox.dropped()
    }

    fn learn(&mut self, now: Instant, message: Control) {
        match message {
            Control::ServiceStatus(status) if status.service == self.config.service => {
                self.view.learn_service(now, status);
            }
            Control::Refused { service, refusal } if service == self.config.service => self.refused(refusal),
            Control::ClientAt { switch, .. } => {
                self.view.client_is_at(switch);
                self.query();
            }
            Control::ServerStatus(status) if self.config.knows(status.server) => {
                self.view.learn_server(now, status);
            }
            Control::ServerLost { server } if self.config.knows(server) => self.view.lose(server),
            Control::ServiceStatus(_)
            | Control::Refused { .. }
            | Control::ServerStatus(_)
            | Control::ServerLost { .. }
            | Control::FlowMod(_)
            | Control::Barrier(_)
            | Control::Service(_)
            | Control::QueryService(_)
            | Control::PacketIn(_)
            | Control::BarrierDone(_)
            | Control::Server(_)
            | Control::Associate { .. }
            | Control::Stop => self.dropped += 1,
        }
    }

    /// What was believed is not so: look again.
    fn refused(&mut self, refusal: Refusal) {
        match refusal {
            // May be the answer to a query: asking at once would go round in a circle. The refresh asks.
            Refusal::UnknownService => {}
            Refusal::StaleEpoch
            | Refusal::StaleMigration
            | Refusal::Busy
            | Refusal::WrongServer
            | Refusal::WrongPhase
            | Refusal::MarkOutOfLog => self.query(),
        }
    }

    fn query(&mut self) {
        self.outbox.send(self.config.sdn, Control::QueryService(self.config.service));
    }

    /// Asks for all that is not known or may have been missed.
    fn look_around(&mut self, now: Instant) {
        self.refresh_at = Some(now + self.config.refresh);
        self.query();
        let service = self.view.service();
        let asks = |&server: &NodeId| match service {
            Some(service) => upkeep::wants_report(&self.situation(now, service), server),
            None => self.view.alive(server).is_none(),
        };
        let asked: Vec<NodeId> = self.config.servers().filter(asks).collect();
        for server in asked {
            self.outbox.send(server, Control::Server(ServerCommand::Report));
        }
    }

    /// Compares what is with what shall be and orders the difference.
    fn reconcile(&mut self, now: Instant) {
        let Some(service) = self.view.service() else { return };
        let epoch = service.epoch;
        let steps = scheme::steps(&self.situation(now, service));
        self.look_again = steps.look_again;
        for step in steps.orders {
            let (to, order) = match step {
                Step::Server(server, command) => (server, Control::Server(command)),
                Step::Anchor(order) => {
                    let service = self.config.service;
                    (self.config.sdn, Control::Service(ServiceCommand { service, epoch, order }))
                }
            };
            match self.repeats.give(now, to, &order) {
                Ok(()) => self.outbox.send(to, order),
                Err(at) => self.look_again = Some(self.look_again.map_or(at, |again| again.min(at))),
            }
        }
    }

    const fn situation<'a>(&'a self, now: Instant, service: &'a ServiceStatus) -> Situation<'a> {
        Situation { now, config: &self.config, view: &self.view, service }
    }
}

impl Node for EdgeController {
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Start => {
                self.outbox.event(Event::ControllerStarted { node: self.config.node });
                self.look_around(now);
            }
            Input::Control { message, .. } => self.learn(now, message),
            Input::Wake(_) => {
                if self.refresh_at.is_some_and(|at| at <= now) {
                    self.look_around(now);
                }
            }
            Input::Frame { .. } | Input::Datagram { .. } | Input::JobDone { .. } => self.dropped += 1,
        }
        self.reconcile(now);
    }

    fn poll(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    fn deadline(&self) -> Option<(Instant, Timer)> {
        let refresh = self.refresh_at.map(|at| (at, Timer::Refresh));
        earlier(refresh, self.look_again.map(|at| (at, Timer::Deadline)))
    }
}

#[cfg(test)]
mod tests {
    use super::fixture::{A1, A2, B1, B2, at, config, report, service};
    use super::*;
    use zerogap_proto::{ServiceId, Task};

    fn told(edge: &mut EdgeController, ms: u64, message: Control) -> Vec<(NodeId, Control)> {
        edge.handle(at(ms), Input::Control { from: NodeId(90), message });
        sent(edge)
    }

    fn sent(edge: &mut EdgeController) -> Vec<(NodeId, Control)> {
        let controls = |output| {
            let Output::Control { to, message } = output else { return None };
            Some((to, message))
        };
        std::iter::from_fn(|| edge.poll()).filter_map(controls).collect()
    }

    fn started() -> EdgeController {
        let mut edge = EdgeController::new(config()).unwrap();
        edge.handle(at(0), Input::Start);
        edge
    }

    fn query() -> (NodeId, Control) {
        (NodeId(90), Control::QueryService(ServiceId(1)))
    }

    fn asked(servers: &[NodeId]) -> Vec<(NodeId, Control)> {
        let report = |&server: &NodeId| (server, Control::Server(ServerCommand::Report));
        [query()].into_iter().chain(servers.iter().map(report)).collect()
    }

    #[test]
    fn it_asks_for_all_it_does_not_know_and_keeps_asking() {
        let mut edge = started();
        assert_eq!(sent(&mut edge), asked(&[A1, A2, B1, B2]));
        told(&mut edge, 10, Control::ServerStatus(report(A1, 1, Task::None)));
        told(&mut edge, 10, Control::ServerStatus(report(B2, 1, Task::None)));
        told(&mut edge, 10, Control::ServiceStatus(service()));
        assert_eq!(edge.deadline(), Some((at(100), Timer::Refresh)));
        edge.handle(at(100), Input::Wake(Timer::Refresh));
        assert_eq!(sent(&mut edge), asked(&[A2, B1]), "the others are known and as they should be");
        assert_eq!(edge.deadline(), Some((at(200), Timer::Refresh)));
    }

    #[test]
    fn an_order_without_effect_is_repeated_one_refresh_interval_later() {
        let mut edge = started();
        for server in [A1, A2, B1, B2] {
            told(&mut edge, 0, Control::ServerStatus(report(server, 1, Task::None)));
        }
        sent(&mut edge);
        let moved = Control::ServiceStatus(ServiceStatus { ingress: Some(NodeId(2)), ..service() });
        let begin = told(&mut edge, 30, moved.clone());
        assert_eq!(begin.len(), 1);
        assert_eq!(told(&mut edge, 60, moved), [], "it is too early to tell");
        edge.handle(at(100), Input::Wake(Timer::Refresh));
        sent(&mut edge);
        assert_eq!(edge.deadline(), Some((at(130), Timer::Deadline)));
        edge.handle(at(130), Input::Wake(Timer::Deadline));
        assert_eq!(sent(&mut edge), begin);
    }

    #[test]
    fn nothing_begins_before_the_anchor_has_heard_that_one_of_its_servers_is_no_more() {
        let mut edge = started();
        for server in [A1, A2, B1, B2] {
            told(&mut edge, 0, Control::ServerStatus(report(server, 1, Task::None)));
        }
        told(&mut edge, 0, Control::ServerLost { server: A1 });
        sent(&mut edge);
        let moved = ServiceStatus { ingress: Some(NodeId(2)), ..service() };
        let orders = told(&mut edge, 1, Control::ServiceStatus(moved));
        let (server, incarnation) = (A1, zerogap_proto::Incarnation(1));
        let order = zerogap_proto::ServiceOrder::Remove { server, incarnation };
        let remove = ServiceCommand { service: ServiceId(1), epoch: service().epoch, order };
        assert_eq!(orders, [(NodeId(90), Control::Service(remove))]);
    }

    #[test]
    fn a_client_elsewhere_or_a_refused_order_makes_it_look_at_once_but_never_in_a_circle() {
        let mut edge = started();
        sent(&mut edge);
        let refused = |refusal| Control::Refused { service: ServiceId(1), refusal };
        assert_eq!(told(&mut edge, 1, refused(Refusal::StaleEpoch)), [query()]);
        assert_eq!(told(&mut edge, 1, refused(Refusal::UnknownService)), []);
        let client_at = Control::ClientAt { client: NodeId(40), switch: NodeId(2) };
        assert_eq!(told(&mut edge, 1, client_at), [query()]);
    }

    #[test]
    fn what_is_not_for_it_changes_nothing_and_is_counted() {
        let mut edge = started();
        sent(&mut edge);
        let stranger = NodeId(77);
        for message in [
            Control::ServiceStatus(ServiceStatus { service: ServiceId(2), ..service() }),
            Control::Refused { service: ServiceId(2), refusal: Refusal::Busy },
            Control::ServerStatus(report(stranger, 1, Task::None)),
            Control::ServerLost { server: stranger },
            Control::Stop,
        ] {
            assert_eq!(told(&mut edge, 1, message), []);
        }
        assert_eq!(edge.dropped(), 5);
    }
}
