//! A flow: what is asked of a frame, what is done with it, and for how long the flow is there.

use super::action::Action;
use super::counters::Count;
use super::matching::Match;
use super::pattern::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::fmt;
use zerogap_proto::{Duration, Instant, PortId};

/// A flow's number. No two flows of a switch ever have the same; a flow that replaces another has a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A flow as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FlowSpec<P = PortId> {
    /// The flow with the highest priority is taken; among equals the one whose match asks for more bits.
    #[serde(default = "usual_priority")]
    pub priority: u16,
    /// What is asked of a frame; nothing matches all.
    #[serde(default = "Match::<P>::default", rename = "match")]
    pub matching: Match<P>,
    /// What is done with it, in order; nothing drops it.
    pub actions: Vec<Action<P>>,
    /// A number of the owner's, by which flows can be changed and deleted together.
    #[serde(default)]
    pub cookie: u64,
    /// Seconds without a frame after which the flow ends; 0 is never.
    #[serde(default)]
    pub idle_timeout_s: u32,
    /// Seconds after which the flow ends; 0 is never.
    #[serde(default)]
    pub hard_timeout_s: u32,
}

/// Open vSwitch's, in the middle: there is room on both sides.
const fn usual_priority() -> u16 {
    0x8000
}

/// A flow in the tables.
#[derive(Clone, Debug)]
pub struct Flow {
    pub(super) id: FlowId,
    pub(super) spec: FlowSpec,
    pub(super) pattern: Pattern,
    pub(super) added: Instant,
    /// Where every worker counts it.
    pub(super) slot: u32,
}

/// The order of flows, the first that matches being taken: no two flows of one table are equal in it.
pub(super) type Rank = (Reverse<u16>, Reverse<u32>, Pattern);

/// The place in the order of a flow with this priority and match.
pub(super) fn rank(priority: u16, pattern: &Pattern) -> Rank {
    (Reverse(priority), Reverse(pattern.bits()), *pattern)
}

impl Flow {
    /// Its number.
    pub const fn id(&self) -> FlowId {
        self.id
    }

    /// How it was written.
    pub const fn spec(&self) -> &FlowSpec {
        &self.spec
    }

    /// What to do with its frames.
    pub fn actions(&self) -> &[Action] {
        &self.spec.actions
    }

    /// When it was added.
    pub const fn added(&self) -> Instant {
        self.added
    }

    pub(super) fn rank(&self) -> Rank {
        rank(self.spec.priority, &self.pattern)
    }

    /// Whether its time is over, `count` being what all workers counted.
    pub(super) fn is_expired(&self, now: Instant, count: Count) -> bool {
        let is_over = |timeout_s: u32, since: Instant| {
            timeout_s > 0 && now.since(since) >= Duration::from_secs(timeout_s.into())
        };
        let used = count.used.unwrap_or(self.added).max(self.added);
        is_over(self.spec.hard_timeout_s, self.added) || is_over(self.spec.idle_timeout_s, used)
    }
}

impl<P> FlowSpec<P> {
    /// The same flow, its ports called otherwise.
    pub(super) fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<FlowSpec<Q>, E> {
        let matching = self.matching.map_ports(map)?;
        let actions = self.actions.into_iter().map(|action| action.map_ports(map));
        Ok(FlowSpec {
            priority: self.priority,
            matching,
            actions: actions.collect::<Result<_, E>>()?,
            cookie: self.cookie,
            idle_timeout_s: self.idle_timeout_s,
            hard_timeout_s: self.hard_timeout_s,
        })
    }
}
