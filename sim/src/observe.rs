//! Watching a run closely: who implements [`Observer`] is shown everything that nodes are given and put out, in the order in
//! which it happens. An observer changes nothing; a run is the same with and without.

use std::collections::BTreeMap;
use zerogap_proto::{Event, Input, Instant, NodeId, Output, ServerStatus, ServiceStatus};
use zerogap_switch::Counters;

/// Somebody who watches a run. What does not interest him does nothing.
pub trait Observer {
    /// A node is about to handle this.
    fn given(&mut self, at: Instant, node: NodeId, input: &Input<'_>) {
        let _ = (at, node, input);
    }
    /// A node has put this out. Events come by [`Observer::event`].
    fn put_out(&mut self, at: Instant, node: NodeId, output: &Output) {
        let _ = (at, node, output);
    }
    /// Something was written into the journal, by a node or by the driver.
    fn event(&mut self, at: Instant, who: NodeId, event: &Event) {
        let _ = (at, who, event);
    }
    /// A node has put out all that came of what it was given. `server`: how it is now, if it is a server.
    fn settled(&mut self, at: Instant, node: NodeId, server: Option<ServerStatus>) {
        let _ = (at, node, server);
    }
    /// The run is over.
    fn over(&mut self, at: Instant, remains: &Remains) {
        let _ = (at, remains);
    }
}

/// What there is when a run is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remains {
    /// What each switch counted.
    pub counters: BTreeMap<NodeId, Counters>,
    /// How the service is, at its anchor.
    pub service: Option<ServiceStatus>,
    /// How each server is.
    pub servers: BTreeMap<NodeId, ServerStatus>,
}
