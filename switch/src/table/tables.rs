//! The tables of a switch at one instant: flows, groups, meters. They never change; a bundle makes the next ones, which the
//! driver swaps in as a whole, so that a frame is handled wholly by the old rules or wholly by the new.

use super::bundle::{Bundle, BundleError, Place};
use super::counters::{Count, FlowCounters};
use super::draft::Draft;
use super::flow::{Flow, FlowId};
use super::group::{Group, GroupId};
use super::key::Key;
use super::meter::{Meter, MeterId};
use super::space::Space;
use std::collections::BTreeMap;
use std::sync::Arc;
use zerogap_proto::Instant;

/// Flows that a table holds at the most.
pub const FLOWS_MAX: usize = 1 << 16;

/// The tables. The default ones are empty.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    pub(super) generation: u64,
    /// In the order in which they are tried: a flow's index is what the look-up finds.
    pub(super) flows: Vec<Arc<Flow>>,
    pub(super) space: Arc<Space>,
    pub(super) groups: BTreeMap<GroupId, Arc<Group>>,
    pub(super) meters: BTreeMap<MeterId, Arc<Meter>>,
    pub(super) slots: Slots,
    pub(super) next_id: u64,
}

/// Which places in the workers' counters are taken. A place is used again when its flow is gone.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots {
    free: Vec<u32>,
    used: u32,
}

impl Slots {
    pub(super) fn take(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            self.used - 1
        })
    }

    pub(super) fn give_back(&mut self, slot: u32) {
        self.free.push(slot);
    }
}

impl Tables {
    /// The tables after all changes of a bundle. A meter that is not changed keeps its tokens, a modified flow its counters.
    ///
    /// # Errors
    /// The first change that cannot be made, or the first flow that does not fit the others; then nothing is changed.
    pub fn with(&self, now: Instant, bundle: &Bundle) -> Result<Self, BundleError> {
        let mut draft = Draft::of(self, now);
        for (index, change) in bundle.0.iter().enumerate() {
            let place = Place::Change(index);
            draft.apply(index, change).map_err(|problem| BundleError { place, problem })?;
        }
        draft.finish()
    }

    /// How many bundles made these tables. No two tables of one switch have the same.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The flow that a frame belongs to. Does not allocate.
    pub fn find(&self, key: &Key) -> Option<&Flow> {
        self.at(self.space.find(key)?)
    }

    /// The flow with this index in the order.
    pub(super) fn at(&self, index: u32) -> Option<&Flow> {
        self.flows.get(index as usize).map(Arc::as_ref)
    }

    /// All flows, in the order in which they are tried.
    pub fn flows(&self) -> impl ExactSizeIterator<Item = &Flow> {
        self.flows.iter().map(Arc::as_ref)
    }

    /// All groups, by number.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &Group> {
        self.groups.values().map(Arc::as_ref)
    }

    /// All meters, by number.
    pub fn meters(&self) -> impl ExactSizeIterator<Item = &Meter> {
        self.meters.values().map(Arc::as_ref)
    }

    /// The group with this number.
    pub fn group(&self, id: GroupId) -> Option<&Group> {
        self.groups.get(&id).map(Arc::as_ref)
    }

    /// The meter with this number.
    pub fn meter(&self, id: MeterId) -> Option<&Meter> {
        self.meters.get(&id).map(Arc::as_ref)
    }

    /// The flows whose idle or hard time-out is over, `workers` being the counters of all workers.
    pub fn expired(&self, now: Instant, workers: &[Arc<FlowCounters>]) -> Vec<FlowId> {
        let is_expired = |flow: &&Flow| flow.is_expired(now, Count::total(workers, flow));
        self.flows().filter(is_expired).map(Flow::id).collect()
    }
}
