//! Bundles: changes to the tables that are made all together or not at all, as OpenFlow's atomic bundles are. What a change
//! means is in `draft.rs`.

use super::action::{Action, ActionError};
use super::flow::{FlowId, FlowSpec};
use super::group::{GroupError, GroupId, GroupSpec};
use super::matching::{Match, MatchError};
use super::meter::{MeterError, MeterId, MeterSpec};
use super::names::UnknownPort;
use super::pattern::Pattern;
use super::tables::FLOWS_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;
use thiserror::Error;
use zerogap_proto::PortId;

/// Changes, made in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bundle<P = PortId>(pub Vec<Change<P>>);

/// One change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change<P = PortId> {
    /// Adds a flow; one with the same match and priority goes, and its counters with it.
    AddFlow(FlowSpec<P>),
    /// Gives flows other actions; they keep their counters and times.
    ModifyFlows {
        /// Which.
        #[serde(default = "Filter::default")]
        filter: Filter<P>,
        /// What they do from now on.
        actions: Vec<Action<P>>,
    },
    /// Deletes flows; it is no mistake if there is none.
    DeleteFlows(Filter<P>),
    /// Deletes the flow with this number, if it is still there: for time-outs.
    DeleteFlow(FlowId),
    /// Adds a group.
    AddGroup(GroupSpec<P>),
    /// Replaces a group.
    ModifyGroup(GroupSpec<P>),
    /// Deletes a group, which no flow may lead to any more.
    DeleteGroup(GroupId),
    /// Adds a meter.
    AddMeter(MeterSpec),
    /// Replaces a meter by one with a full bucket.
    ModifyMeter(MeterSpec),
    /// Deletes a meter, which no flow may use any more.
    DeleteMeter(MeterId),
}

/// Which flows are meant. Without anything: all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter<P = PortId> {
    /// With a priority: the flow with exactly this match (strict). Without: all flows whose match asks for at least this.
    #[serde(default = "Match::default", rename = "match")]
    pub matching: Match<P>,
    /// The priority of the one flow that is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<u16>,
    /// Only flows with this cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie: Option<u64>,
    /// The bits of the cookie that count; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cookie_mask: Option<u64>,
}

/// Why a bundle changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{place}{problem}")]
pub struct BundleError {
    /// Where.
    pub place: Place,
    /// What is wrong there.
    pub problem: Problem,
}

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A change, by its index in the bundle.
    Change(usize),
    /// A flow that was there before and does not fit what has changed.
    Flow(FlowId),
}

/// What is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    /// A port that nobody knows.
    #[error(": {0}")]
    UnknownPort(UnknownPort),
    /// A match that means nothing.
    #[error(".match: {0}")]
    Match(MatchError),
    /// Actions that cannot be done.
    #[error(".actions: {0}")]
    Actions(ActionError),
    /// A group that cannot be.
    #[error(": {0}")]
    Group(GroupError),
    /// A meter that cannot be.
    #[error(": {0}")]
    Meter(MeterError),
    /// A group that is there already.
    #[error(": there is a group {0} already")]
    GroupExists(GroupId),
    /// A group that is not there.
    #[error(": there is no group {0}")]
    NoGroup(GroupId),
    /// A meter that is there already.
    #[error(": there is a meter {0} already")]
    MeterExists(MeterId),
    /// A meter that is not there.
    #[error(": there is no meter {0}")]
    NoMeter(MeterId),
    /// No room for another flow.
    #[error(": the table is full, {FLOWS_MAX} flows are the most")]
    Full,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Change(index) => write!(f, "changes[{index}]"),
            Self::Flow(id) => write!(f, "flow {id}"),
        }
    }
}

impl Filter {
    /// Whether a flow is meant, `pattern` being that of the filter's match.
    pub(super) fn means(&self, pattern: &Pattern, spec: &FlowSpec, flow: &Pattern) -> bool {
        let by_match = match self.priority {
            Some(priority) => spec.priority == priority && flow == pattern,
            None => pattern.covers(flow),
        };
        let mask = self.cookie_mask.unwrap_or(u64::MAX);
        by_match && self.cookie.is_none_or(|cookie| (spec.cookie ^ cookie) & mask == 0)
    }
}

impl<P> Default for Filter<P> {
    fn default() -> Self {
        Self { matching: Match::default(), priority: None, cookie: None, cookie_mask: None }
    }
}

impl<P> Filter<P> {
    fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<Filter<Q>, E> {
        let matching = self.matching.map_ports(map)?;
        let Self { priority, cookie, cookie_mask, .. } = self;
        Ok(Filter { matching, priority, cookie, cookie_mask })
    }
}

impl<P> Change<P> {
    /// The lists of actions that it brings.
    pub fn action_lists(&self) -> Vec<&[Action<P>]> {
        match self {
            Self::AddFlow(flow) => vec![&flow.actions],
            Self::ModifyFlows { actions, .. } => vec![actions],
            Self::AddGroup(group) | Self::ModifyGroup(group) => {
                group.buckets.iter().map(|bucket| &bucket.actions[..]).collect()
            }
            Self::DeleteFlows(_)
            | Self::DeleteFlow(_)
            | Self::DeleteGroup(_)
            | Self::AddMeter(_)
            | Self::ModifyMeter(_)
            | Self::DeleteMeter(_) => Vec::new(),
        }
    }

    /// The same change, its ports called otherwise.
    pub(super) fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<Change<Q>, E> {
        Ok(match self {
            Self::AddFlow(flow) => Change::AddFlow(flow.map_ports(map)?),
            Self::ModifyFlows { filter, actions } => {
                let filter = filter.map_ports(map)?;
                let actions = actions.into_iter().map(|action| action.map_ports(map));
                Change::ModifyFlows { filter, actions: actions.collect::<Result<_, E>>()? }
            }
            Self::DeleteFlows(filter) => Change::DeleteFlows(filter.map_ports(map)?),
            Self::DeleteFlow(id) => Change::DeleteFlow(id),
            Self::AddGroup(group) => Change::AddGroup(group.map_ports(map)?),
            Self::ModifyGroup(group) => Change::ModifyGroup(group.map_ports(map)?),
            Self::DeleteGroup(id) => Change::DeleteGroup(id),
            Self::AddMeter(meter) => Change::AddMeter(meter),
            Self::ModifyMeter(meter) => Change::ModifyMeter(meter),
            Self::DeleteMeter(id) => Change::DeleteMeter(id),
        })
    }
}
