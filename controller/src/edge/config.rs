//! What the edge controller is told at the start: the sites, the scheme and its limits. Nothing here changes in a run.

use zerogap_proto::address::{TRANSFER_PORT, transfer_addr};
use zerogap_proto::{Duration, Endpoint, NodeId, ReviewRule, RoundsRule, Scheme, ServiceId};

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
    /// How the schemes with a single server copy and take over.
    pub copying: CopyRules,
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

/// The longest that each phase before the replay or the taking over may take; from there on the anchor has a deadline of
/// its own, and pulling takes as long as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhaseTimeouts {
    /// Until every target waits for the transfer.
    pub prepare: Duration,
    /// All rounds of a pre-copy together.
    pub rounds: Duration,
    /// Freezing the source until it is drained and has begun to send; or cutting a snapshot.
    pub snapshot: Duration,
    /// From the mark until every target has all, or all that it needs to go on.
    pub transfer: Duration,
    /// From there until every target has scanned it.
    pub restore: Duration,
}

/// How the schemes with a single server copy its state while it serves, and how they take over without a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyRules {
    /// When the rounds of a pre-copy end.
    pub pre_copy: RoundsRule,
    /// When the rounds of a hybrid end.
    pub hybrid: RoundsRule,
    /// What a pre-copy does that gave up. A hybrid goes on: what is left is pulled.
    pub not_converged: NotConverged,
    /// Time after the commit point within which the target must have answered.
    pub take_deadline: Duration,
}

/// What to do when the rounds of a pre-copy have ended and what is left does not fit the downtime budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NotConverged {
    /// Freeze the source anyway: the interruption will be longer than wished for.
    #[default]
    Stop,
    /// Abort the migration with `not-converged`.
    Abort,
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
    /// The scheme copies in rounds, and may do none.
    #[error("{} copies in rounds, and its rule allows none", .0.name())]
    NoRounds(Scheme),
    /// The scheme takes over without a review, and the targets have no time to answer: every migration would fall back.
    #[error("{} leaves the targets no time to answer after they have taken over", .0.name())]
    NoTimeToTake(Scheme),
}

impl EdgeConfig {
    /// Whether migrations of this scheme can succeed by these rules.
    pub(super) fn check(&self) -> Result<(), EdgeError> {
        let CopyRules { pre_copy, hybrid, take_deadline, .. } = self.copying;
        let rounds = match self.scheme {
            Scheme::PreCopy => Some(pre_copy),
            Scheme::Hybrid => Some(hybrid),
            Scheme::StopAndCopy | Scheme::PostCopy | Scheme::Redundancy | Scheme::HotStandby => None,
        };
        if rounds.is_some_and(|rule| rule.rounds_max == 0) {
            return Err(EdgeError::NoRounds(self.scheme));
        }
        if !self.scheme.reviews() && take_deadline == Duration::ZERO {
            return Err(EdgeError::NoTimeToTake(self.scheme));
        }
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::fixture::config;

    fn checked(scheme: Scheme, change: fn(&mut CopyRules)) -> Result<(), EdgeError> {
        let mut config = EdgeConfig { scheme, ..config() };
        change(&mut config.copying);
        config.check()
    }

    #[test]
    fn every_scheme_can_be_configured() {
        for scheme in Scheme::ALL {
            assert_eq!(checked(scheme, |_| ()), Ok(()));
        }
    }

    #[test]
    fn a_scheme_that_copies_in_rounds_needs_one() {
        for scheme in Scheme::ALL {
            let refused = Err(EdgeError::NoRounds(scheme));
            let no_pre_copy = checked(scheme, |rules| rules.pre_copy.rounds_max = 0);
            assert_eq!(no_pre_copy, if scheme == Scheme::PreCopy { refused } else { Ok(()) }, "{scheme:?}");
            let no_hybrid = checked(scheme, |rules| rules.hybrid.rounds_max = 0);
            assert_eq!(no_hybrid, if scheme == Scheme::Hybrid { refused } else { Ok(()) }, "{scheme:?}");
        }
        let words = EdgeError::NoRounds(Scheme::PreCopy).to_string();
        assert_eq!(words, "pre-copy copies in rounds, and its rule allows none");
    }

    #[test]
    fn a_scheme_without_a_review_needs_time_to_take_over() {
        for scheme in Scheme::ALL {
            let reviewed = matches!(scheme, Scheme::Redundancy | Scheme::HotStandby);
            let expected = if reviewed { Ok(()) } else { Err(EdgeError::NoTimeToTake(scheme)) };
            assert_eq!(checked(scheme, |rules| rules.take_deadline = Duration::ZERO), expected);
        }
    }
}
