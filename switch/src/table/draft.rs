//! The next tables while a bundle is being applied to a copy of the present ones. Nothing of it is seen before all changes
//! are made and everything fits together.

use super::action::{Action, ActionError, Context, check_alone};
use super::bundle::{BundleError, Change, Filter, Place, Problem};
use super::flow::{Flow, FlowId, FlowSpec, Rank, rank};
use super::group::{Group, GroupId, GroupSpec};
use super::meter::{Meter, MeterId, MeterSpec};
use super::space::Space;
use super::tables::{FLOWS_MAX, Tables};
use std::collections::BTreeMap;
use std::sync::Arc;
use zerogap_proto::Instant;

/// Tables in the making.
pub(super) struct Draft {
    tables: Tables,
    now: Instant,
    /// Flows that this bundle added or modified, and the change that did it.
    touched: BTreeMap<Rank, usize>,
    /// Whether the look-up has to be built anew.
    matches_changed: bool,
    /// Whether flows that were not touched may have lost what they refer to.
    references_changed: bool,
}

impl Draft {
    /// A copy to work on.
    pub(super) fn of(tables: &Tables, now: Instant) -> Self {
        Self {
            tables: tables.clone(),
            now,
            touched: BTreeMap::new(),
            matches_changed: false,
            references_changed: false,
        }
    }

    /// Makes the change with this index.
    pub(super) fn apply(&mut self, index: usize, change: &Change) -> Result<(), Problem> {
        match change {
            Change::AddFlow(spec) => self.add_flow(index, spec),
            Change::ModifyFlows { filter, actions } => self.modify_flows(index, filter, actions),
            Change::DeleteFlows(filter) => {
                let pattern = filter.matching.pattern().map_err(Problem::Match)?;
                self.delete_flows(|flow| filter.means(&pattern, &flow.spec, &flow.pattern));
                Ok(())
            }
            Change::DeleteFlow(id) => {
                self.delete_flows(|flow| flow.id == *id);
                Ok(())
            }
            Change::AddGroup(group) => match self.put_group(group)? {
                Some(_) => Err(Problem::GroupExists(group.id)),
                None => Ok(()),
            },
            Change::ModifyGroup(group) => match self.put_group(group)? {
                Some(_) => Ok(()),
                None => Err(Problem::NoGroup(group.id)),
            },
            Change::DeleteGroup(id) => self.delete_group(*id),
            Change::AddMeter(meter) => match self.put_meter(meter)? {
                Some(_) => Err(Problem::MeterExists(meter.id)),
                None => Ok(()),
            },
            Change::ModifyMeter(meter) => match self.put_meter(meter)? {
                Some(_) => Ok(()),
                None => Err(Problem::NoMeter(meter.id)),
            },
            Change::DeleteMeter(id) => self.delete_meter(*id),
        }
    }

    /// The tables, if everything in them fits together.
    pub(super) fn finish(mut self) -> Result<Tables, BundleError> {
        self.check()?;
        if self.matches_changed {
            self.tables.space = Arc::new(Space::of(self.tables.flows.iter().map(|flow| &flow.pattern)));
        }
        self.tables.generation += 1;
        Ok(self.tables)
    }

    /// Whether everything that is referred to is there: by all flows if something may have gone, else by the new ones.
    fn check(&self) -> Result<(), BundleError> {
        let flows = &self.tables.flows;
        let check = |flow: &Flow, place| {
            let checked = self.check_references(&flow.spec);
            checked.map_err(|error| BundleError { place, problem: Problem::Actions(error) })
        };
        if self.references_changed {
            return flows.iter().try_for_each(|flow| {
                let touched = self.touched.get(&flow.rank());
                check(flow, touched.map_or(Place::Flow(flow.id), |index| Place::Change(*index)))
            });
        }
        self.touched.iter().try_for_each(|(rank, index)| {
            // A flow that was touched may be deleted since.
            match flows.binary_search_by_key(rank, |flow| flow.rank()) {
                Ok(at) => check(&flows[at], Place::Change(*index)),
                Err(_) => Ok(()),
            }
        })
    }

    fn check_references(&self, spec: &FlowSpec) -> Result<(), ActionError> {
        let group = |id| self.tables.group(id).map(Group::spec);
        let has_meter = |id| self.tables.meter(id).is_some();
        Context { matching: &spec.matching, group: &group, has_meter: &has_meter }.check(&spec.actions)
    }

    fn add_flow(&mut self, index: usize, spec: &FlowSpec) -> Result<(), Problem> {
        let pattern = spec.matching.pattern().map_err(Problem::Match)?;
        check_alone(&spec.actions).map_err(Problem::Actions)?;
        let rank = rank(spec.priority, &pattern);
        let place = self.tables.flows.binary_search_by_key(&rank, |flow| flow.rank());
        let slot = match place {
            Ok(at) => self.tables.flows[at].slot,
            Err(_) if self.tables.flows.len() >= FLOWS_MAX => return Err(Problem::Full),
            Err(_) => self.tables.slots.take(),
        };
        let id = FlowId(self.tables.next_id);
        self.tables.next_id += 1;
        let flow = Arc::new(Flow { id, spec: spec.clone(), pattern, added: self.now, slot });
        match place {
            Ok(at) => self.tables.flows[at] = flow,
            Err(at) => {
                self.tables.flows.insert(at, flow);
                self.matches_changed = true;
            }
        }
        self.touched.insert(rank, index);
        Ok(())
    }

    fn modify_flows(&mut self, index: usize, filter: &Filter, actions: &[Action]) -> Result<(), Problem> {
        let pattern = filter.matching.pattern().map_err(Problem::Match)?;
        check_alone(actions).map_err(Problem::Actions)?;
        for flow in &mut self.tables.flows {
            if filter.means(&pattern, &flow.spec, &flow.pattern) {
                self.touched.insert(flow.rank(), index);
                Arc::make_mut(flow).spec.actions = actions.to_vec();
            }
        }
        Ok(())
    }

    fn delete_flows(&mut self, mut is_meant: impl FnMut(&Flow) -> bool) {
        let slots = &mut self.tables.slots;
        let before = self.tables.flows.len();
        self.tables.flows.retain(|flow| {
            let goes = is_meant(flow);
            if goes {
                slots.give_back(flow.slot);
            }
            !goes
        });
        self.matches_changed |= self.tables.flows.len() != before;
    }

    fn put_group(&mut self, group: &GroupSpec) -> Result<Option<Arc<Group>>, Problem> {
        group.check().map_err(Problem::Group)?;
        let before = self.tables.groups.insert(group.id, Arc::new(Group::new(group.clone())));
        self.references_changed |= before.is_some();
        Ok(before)
    }

    fn delete_group(&mut self, id: GroupId) -> Result<(), Problem> {
        self.references_changed = true;
        self.tables.groups.remove(&id).map(drop).ok_or(Problem::NoGroup(id))
    }

    fn put_meter(&mut self, spec: &MeterSpec) -> Result<Option<Arc<Meter>>, Problem> {
        let meter = Meter::new(*spec).map_err(Problem::Meter)?;
        Ok(self.tables.meters.insert(spec.id, Arc::new(meter)))
    }

    fn delete_meter(&mut self, id: MeterId) -> Result<(), Problem> {
        self.references_changed = true;
        self.tables.meters.remove(&id).map(drop).ok_or(Problem::NoMeter(id))
    }
}
