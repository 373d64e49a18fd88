//! Orders from controllers, and the clock. Each order is checked against epoch, migration and phase before it changes
//! anything, and carrying one out twice is the same as once.

use super::Service;
use super::plan::Plan;
use super::reader::Reader;
use zerogap_proto::{
    DropCause, Event, Health, Instant, MigrationId, NodeId, Offset, Refusal, Scheme, ServiceCommand,
    ServiceOrder,
};

impl Service {
    /// Carries out an order.
    ///
    /// # Errors
    /// Says why not, and then nothing has changed.
    pub fn order(&mut self, now: Instant, command: ServiceCommand) -> Result<(), Refusal> {
        let result = self.carry_out(now, command);
        if let Err(refusal) = result {
            self.event(Event::Refused { service: self.config.id, refusal });
        }
        result
    }

    /// A deadline has passed: which one does not matter, everything that is due is done.
    pub fn wake(&mut self, now: Instant) {
        self.judge_due(now);
        self.resend_overdue(now);
        self.deadline_passed(now);
        self.believe_fall_back(now);
        self.trim();
    }

    fn carry_out(&mut self, now: Instant, command: ServiceCommand) -> Result<(), Refusal> {
        if command.service != self.config.id {
            return Err(Refusal::UnknownService);
        }
        if command.epoch != self.epoch {
            return Err(Refusal::StaleEpoch);
        }
        let repeated = |plan: &Plan| matches!(command.order, ServiceOrder::Begin { migration, .. } if migration == plan.migration);
        if self.plan.as_ref().is_some_and(repeated) {
            return Ok(());
        }
        match command.order {
            ServiceOrder::Begin { migration, scheme, goal, snapshotter, targets } => {
                self.may_begin(migration, &targets)?;
                let pinned = self.snapshottable(snapshotter, scheme)?;
                self.begin(Plan::new(migration, scheme, goal, snapshotter, targets, pinned));
                Ok(())
            }
            ServiceOrder::Mark { migration, mark } => {
                self.under_way(migration)?;
                self.set_mark(mark)
            }
            ServiceOrder::Reached { migration, phase } => {
                self.under_way(migration)?;
                self.reached(phase)
            }
            ServiceOrder::Freeze { migration } => {
                self.under_way(migration)?;
                self.freeze()
            }
            ServiceOrder::Thaw { migration } => {
                self.under_way(migration)?;
                self.thaw(now)
            }
            ServiceOrder::Take { migration, targets, lazy, deadline } => {
                self.under_way(migration)?;
                self.take(now, &targets, lazy, deadline)
            }
            ServiceOrder::Pulled { migration } => {
                self.under_way(migration)?;
                self.pulled(now)
            }
            ServiceOrder::Read { migration, targets, review } => {
                self.under_way(migration)?;
                self.start_reading(now, &targets, review)
            }
            ServiceOrder::Cancel { migration, reason } => {
                self.under_way(migration)?;
                self.cancel(now, reason)
            }
            ServiceOrder::Remove { server, incarnation } => {
                if self.readers.get(&server).is_some_and(|reader| reader.incarnation == incarnation) {
                    self.drop_reader(now, server, DropCause::ProcessEnded);
                }
                Ok(())
            }
            ServiceOrder::Quarantine { server, incarnation } => {
                if self.readers.get(&server).is_some_and(|reader| reader.incarnation == incarnation) {
                    self.quarantine(server);
                    self.promote_if_needed(now);
                }
                Ok(())
            }
        }
    }

    fn under_way(&self, migration: MigrationId) -> Result<(), Refusal> {
        let plan = self.plan.as_ref().filter(|plan| plan.migration == migration);
        plan.map(|_| ()).ok_or(Refusal::StaleMigration)
    }

    /// Whether this migration may begin now.
    fn may_begin(&self, migration: MigrationId, targets: &[NodeId]) -> Result<(), Refusal> {
        if self.plan.is_some() || self.falling_back.is_some() {
            return Err(Refusal::Busy);
        }
        if migration != MigrationId(self.attempts + 1) {
            return Err(Refusal::StaleMigration);
        }
        let free = |target: &NodeId| !self.readers.contains_key(target);
        let distinct = (1..targets.len()).all(|i| !targets[..i].contains(&targets[i]));
        let usable = !targets.is_empty() && distinct && targets.iter().all(free);
        if usable { Ok(()) } else { Err(Refusal::WrongServer) }
    }

    /// The oldest offset that a server which may be snapshotted has not answered. A scheme for a server without a standby holds
    /// it, which would leave another one going on by itself.
    fn snapshottable(&self, server: NodeId, scheme: Scheme) -> Result<Offset, Refusal> {
        let reader = self.readers.get(&server).filter(|reader| reader.health == Health::Healthy);
        let alone = self.serving.len() == 1 || scheme.replicas() > 1;
        let serves = self.serving.contains(&server) && alone;
        reader.filter(|_| serves).map(Reader::unanswered).ok_or(Refusal::WrongServer)
    }

    /// Enters the first phase, the log pinned if the scheme needs that before the mark is known.
    fn begin(&mut self, plan: Plan) {
        self.attempts += 1;
        let first = plan.phase;
        self.event(Event::Begun {
            service: self.config.id,
            migration: plan.migration,
            scheme: plan.scheme,
            goal: plan.goal,
            snapshotter: plan.snapshotter,
            targets: plan.targets.clone(),
            pinned: plan.pinned,
        });
        self.plan = Some(plan);
        self.enter(first);
    }
}
