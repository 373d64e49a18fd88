//! What the edge controller is told at the start: the sites, the scheme and its limits. Nothing here changes in a run.

use super::scheme;
use zerogap_proto::address::{TRANSFER_PORT, transfer_addr};
use zerogap_proto::{Duration, Endpoint, NodeId, ReviewRule, Scheme, ServiceId};

/// The usual refresh interval.
pub const REFRESH: Duration = Duration::from_millis(100);

/// What the edge controller is told at the start.
#[derive(Clone, Debug)]
pub struct EdgeConfig {
    /// Its own node.
    pub node: NodeId,
    /// The SDN controller, by way of which it talks to the anchor.
    pub sdn: NodeId,
    /// The service it cares for.
    pub service: ServiceId,
    /// Where the service can be held.
    pub sites: Vec<Site>,
    /// How it is moved.
    pub scheme: Scheme,
    /// When a review has seen enough.
    pub review: ReviewRule,
    /// How long the phases before the replay may take.
    pub timeouts: PhaseTimeouts,
    /// After the end of one migration, how long until the next one may begin.
    pub hold_time: Duration,
    /// So many switch-overs and no more; `Some(0)` is the control run.
    pub migrations_max: Option<u32>,
    /// What to do when there is no healthy standby to snapshot.
    pub no_standby: NoStandby,
    /// Whether a service that has lost its standby gets a new one.
    pub reseed: bool,
    /// How often it looks around, and after which time an order without effect is repeated. See [`REFRESH`].
    pub refresh: Duration,
}

/// A switch and the servers at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The switch.
    pub switch: NodeId,
    /// The servers in order of preference.
    pub servers: Vec<NodeId>,
}

/// The longest that each phase before the replay may take; from there on the anchor has a deadline of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseTimeouts {
    /// From the beginning to the mark.
    pub snapshot: Duration,
    /// From the mark until every target has all.
    pub transfer: Duration,
    /// From there until every target has scanned it.
    pub restore: Duration,
}

/// What to do when the standby is needed for the snapshot, and there is no healthy one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NoStandby {
    /// Snapshot the primary, which goes on serving: its memory is copied on write.
    #[default]
    CopyOnWritePrimary,
    /// Abort the migration with `no-standby`.
    Abort,
}

/// Why there can be no edge controller with this configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// The scheme has no file here.
    #[error("the scheme {} is not built: choose {}", .0.name(), scheme::built_names())]
    SchemeNotBuilt(Scheme),
}

impl EdgeConfig {
    pub(super) fn knows(&self, server: NodeId) -> bool {
        self.site_of_server(server).is_some()
    }

    pub(super) fn site_of_server(&self, server: NodeId) -> Option<&Site> {
        self.sites.iter().find(|s| s.servers.contains(&server))
    }

    pub(super) fn site_of_switch(&self, switch: NodeId) -> Option<&Site> {
        self.sites.iter().find(|s| s.switch == switch)
    }

    pub(super) fn servers(&self) -> impl Iterator<Item = NodeId> {
        self.sites.iter().flat_map(|s| s.servers.iter().copied())
    }
}

/// Where a target waits for a state transfer, on the transfer network.
pub const fn transfer_endpoint(server: NodeId) -> Endpoint {
    Endpoint { addr: transfer_addr(server), port: TRANSFER_PORT }
}
