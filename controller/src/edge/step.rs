//! The words in which rules speak: the situation that they look at and the steps that follow from it. Steps carry no
//! memory; whether one was just taken is looked after in `repeats`.

use super::config::{EdgeConfig, Site};
use super::view::View;
use zerogap_proto::{
    Instant, MigrationId, NodeId, ServerCommand, ServiceOrder, ServiceStatus, Serving, Task,
};

/// All that a rule may look at.
pub(super) struct Situation<'a> {
    pub(super) now: Instant,
    pub(super) config: &'a EdgeConfig,
    pub(super) view: &'a View,
    pub(super) service: &'a ServiceStatus,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Anchor(ServiceOrder),
    Server(NodeId, ServerCommand),
}

/// What follows from a situation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Steps {
    pub(super) orders: Vec<Step>,
    /// When time alone will change the answer.
    pub(super) look_again: Option<Instant>,
}

impl Situation<'_> {
    pub(super) fn primary(&self) -> Option<&Serving> {
        self.service.serving.first()
    }

    pub(super) fn serving(&self, server: NodeId) -> Option<&Serving> {
        self.service.serving.iter().find(|s| s.server == server)
    }

    /// The switch at which the client's frames enter: by the anchor's word, and before it has one by the SDN controller's.
    pub(super) fn place(&self) -> Option<NodeId> {
        self.service.ingress.or(self.view.client_at())
    }

    /// The servers of a site that could become targets: alive, and without a part in the service.
    pub(super) fn free(&self, site: &Site) -> Vec<NodeId> {
        let is_free = |&s: &NodeId| self.view.alive(s).is_some() && self.serving(s).is_none();
        site.servers.iter().copied().filter(is_free).collect()
    }

    /// The migration for which a server is copying its state, or keeps account of what changes in it.
    pub(super) fn copying(&self, server: NodeId) -> Option<MigrationId> {
        match self.view.alive(server)?.task {
            Task::Rounds { migration, .. }
            | Task::Cutting { migration }
            | Task::Sending { migration, .. } => Some(migration),
            Task::None | Task::Sent { .. } | Task::Receiving { .. } | Task::Restoring { .. } => None,
            Task::Restored { .. } | Task::Pulling { .. } | Task::Failed { .. } => None,
        }
    }

    /// Until when no migration may begin. A service is given at least one refresh to settle, so that an attempt that
    /// fails at once is not repeated at once.
    pub(super) fn hold_until(&self) -> Option<Instant> {
        self.view.ended_at().map(|at| at + self.config.hold_time.max(self.config.refresh))
    }

    pub(super) fn migrations_left(&self) -> bool {
        self.config.migrations_max.is_none_or(|max| self.service.completed < max)
    }
}

impl Steps {
    pub(super) fn anchor(order: ServiceOrder) -> Self {
        Self { orders: vec![Step::Anchor(order)], look_again: None }
    }

    pub(super) fn server(server: NodeId, command: ServerCommand) -> Self {
        Self { orders: vec![Step::Server(server, command)], look_again: None }
    }

    pub(super) fn later(at: Option<Instant>) -> Self {
        Self { orders: Vec::new(), look_again: at }
    }
}

impl From<Vec<Step>> for Steps {
    fn from(orders: Vec<Step>) -> Self {
        Self { orders, look_again: None }
    }
}
