//! The anchor as a mere holder of the service's status: it carries orders out or refuses them as the real one does, and
//! lets what it does by itself (draining, reviewing, answering) pass one tick at a time. No log, no ballots.

use super::server::MARK;
use zerogap_proto::*;

pub(crate) struct Anchor {
    pub(crate) status: ServiceStatus,
    reading: Vec<(NodeId, Incarnation)>,
    /// The source whose reader is held.
    frozen: Option<Serving>,
    /// The targets have yet to pull part of the state.
    pulling: bool,
    /// A migration whose targets are gone: whoever serves in their place has yet to answer.
    falling_back: Option<MigrationId>,
}

impl Anchor {
    pub(crate) fn new(status: ServiceStatus) -> Self {
        Self { status, reading: Vec::new(), frozen: None, pulling: false, falling_back: None }
    }

    /// Whether this life of a server serves, reads or is the fall-back: nobody may take its state away.
    pub(crate) fn needs(&self, server: NodeId, life: Incarnation) -> bool {
        let is = |s: &Serving| (s.server, s.incarnation) == (server, life);
        let reads = self.status.plan.is_some() && self.reading.contains(&(server, life));
        reads || self.status.serving.iter().any(is) || self.frozen.as_ref().is_some_and(is)
    }

    /// Whether nothing more is sent to a server, and all that was is answered.
    pub(crate) fn has_drained(&self, server: NodeId) -> bool {
        let is_marked = self.status.plan.as_ref().is_some_and(|plan| plan.mark.is_some());
        is_marked && self.frozen.is_some_and(|frozen| frozen.server == server)
    }

    /// Carries an order out. `Ok(true)` if something changed; repeats of what is done already change nothing.
    pub(crate) fn order(&mut self, epoch: Epoch, order: &ServiceOrder) -> Result<bool, Refusal> {
        if epoch != self.status.epoch {
            return Err(Refusal::StaleEpoch);
        }
        match order {
            ServiceOrder::Begin { migration, scheme, goal, snapshotter, targets } => {
                self.begin(*migration, *scheme, *goal, *snapshotter, targets)
            }
            ServiceOrder::Mark { migration, mark } => {
                let changed = self.step(*migration, Phase::Snapshot, Phase::Transfer)?;
                if let Some(plan) = self.status.plan.as_mut().filter(|_| changed) {
                    plan.mark = Some(*mark);
                }
                Ok(changed)
            }
            ServiceOrder::Reached { migration, phase } => {
                let plan = self.plan(*migration)?;
                let changes = plan.phase < *phase;
                plan.phase = plan.phase.max(*phase);
                Ok(changes)
            }
            ServiceOrder::Freeze { migration } => self.freeze(*migration),
            ServiceOrder::Thaw { migration } => {
                let changed = self.step(*migration, Phase::Snapshot, Phase::Transfer)?;
                self.frozen = self.frozen.filter(|_| !changed);
                Ok(changed)
            }
            ServiceOrder::Take { migration, targets, lazy, .. } => self.take(*migration, targets, *lazy),
            ServiceOrder::Pulled { migration } => {
                if self.plan(*migration)?.phase < Phase::SwitchOver {
                    return Err(Refusal::WrongPhase);
                }
                if self.plan(*migration)?.phase == Phase::Pull {
                    self.complete();
                }
                Ok(std::mem::take(&mut self.pulling))
            }
            ServiceOrder::Read { migration, targets, .. } => {
                let changed = self.step(*migration, Phase::Restore, Phase::Replay)?;
                if changed {
                    self.reading = targets.clone();
                }
                Ok(changed)
            }
            ServiceOrder::Cancel { migration, reason } => self.cancel(*migration, *reason),
            ServiceOrder::Remove { server, incarnation } => Ok(self.remove(*server, *incarnation)),
            ServiceOrder::Quarantine { server, incarnation } => {
                let mut serving = self.status.serving.iter_mut();
                let is = |s: &&mut Serving| (s.server, s.incarnation) == (*server, *incarnation);
                serving.find(is).ok_or(Refusal::WrongServer)?.health = Health::Quarantined;
                Ok(true)
            }
        }
    }

    /// Lets what the anchor does by itself go one step further. `false` when there is nothing to go on with.
    pub(crate) fn tick(&mut self) -> bool {
        if let Some(migration) = self.falling_back.take() {
            self.status.last = Some((migration, Outcome::Aborted(AbortReason::FellBack)));
            return true;
        }
        let Some(plan) = &mut self.status.plan else { return false };
        match (plan.phase, plan.goal) {
            (Phase::Freeze, _) if plan.mark.is_none() => plan.mark = Some(MARK),
            (Phase::Replay, _) => plan.phase = Phase::Review,
            (Phase::Review, Goal::SwitchOver) => {
                plan.phase = Phase::SwitchOver;
                self.status.epoch = self.status.epoch.next();
                self.status.serving.splice(0..0, self.reading.drain(..).map(serving));
            }
            (Phase::Review, Goal::Reseed) => {
                self.status.serving.extend(self.reading.drain(..).map(serving));
                self.end(Outcome::Complete);
            }
            (Phase::SwitchOver, _) if self.pulling => plan.phase = Phase::Pull,
            (Phase::SwitchOver, _) => self.complete(),
            (Phase::Initial | Phase::Handover | Phase::Complete, _) => return false,
            (Phase::Prepare | Phase::Rounds | Phase::Freeze | Phase::Pull, _) => return false,
            (Phase::Snapshot | Phase::Transfer | Phase::Restore, _) => return false,
        }
        true
    }

    fn begin(
        &mut self,
        migration: MigrationId,
        scheme: Scheme,
        goal: Goal,
        snapshotter: NodeId,
        targets: &[NodeId],
    ) -> Result<bool, Refusal> {
        if let Some(plan) = &self.status.plan {
            return if plan.migration == migration { Ok(false) } else { Err(Refusal::Busy) };
        }
        if self.falling_back.is_some() {
            return Err(Refusal::Busy);
        }
        if migration.0 != self.status.attempts + 1 {
            return Err(Refusal::StaleMigration);
        }
        let serves = |server: &NodeId| self.status.serving.iter().any(|s| s.server == *server);
        if !serves(&snapshotter) || targets.iter().any(serves) {
            return Err(Refusal::WrongServer);
        }
        let (phase, mark, review) = (scheme.first_phase(), None, ReviewTally::default());
        let targets = targets.to_vec();
        let plan = PlanStatus { migration, scheme, goal, snapshotter, targets, phase, mark, review };
        self.status.plan = Some(plan);
        self.status.attempts += 1;
        Ok(true)
    }

    fn freeze(&mut self, migration: MigrationId) -> Result<bool, Refusal> {
        let plan = self.plan(migration)?;
        let changes = plan.phase < Phase::Freeze;
        if changes {
            plan.phase = Phase::Freeze;
            let source = plan.snapshotter;
            self.frozen = self.status.serving.iter().copied().find(|s| s.server == source);
        }
        Ok(changes)
    }

    fn take(
        &mut self,
        migration: MigrationId,
        targets: &[(NodeId, Incarnation)],
        lazy: bool,
    ) -> Result<bool, Refusal> {
        let plan = self.plan(migration)?;
        let from = if lazy { Phase::Transfer } else { Phase::Restore };
        if plan.phase < from || plan.mark.is_none() {
            return Err(Refusal::WrongPhase);
        }
        let changes = plan.phase == from;
        if changes {
            plan.phase = Phase::SwitchOver;
            self.pulling = lazy;
            self.status.epoch = self.status.epoch.next();
            self.status.serving = targets.iter().copied().map(serving).collect();
        }
        Ok(changes)
    }

    fn plan(&mut self, migration: MigrationId) -> Result<&mut PlanStatus, Refusal> {
        let plan = self.status.plan.as_mut().filter(|p| p.migration == migration);
        plan.ok_or(Refusal::StaleMigration)
    }

    fn step(&mut self, migration: MigrationId, from: Phase, to: Phase) -> Result<bool, Refusal> {
        let plan = self.plan(migration)?;
        if plan.phase < from {
            return Err(Refusal::WrongPhase);
        }
        let changes = plan.phase == from;
        if changes {
            plan.phase = to;
        }
        Ok(changes)
    }

    fn cancel(&mut self, migration: MigrationId, reason: AbortReason) -> Result<bool, Refusal> {
        match self.plan(migration)?.phase >= Phase::SwitchOver {
            false => self.end(Outcome::Aborted(reason)),
            true if self.pulling => self.fall_back(),
            true => return Err(Refusal::WrongPhase),
        }
        Ok(true)
    }

    fn remove(&mut self, server: NodeId, life: Incarnation) -> bool {
        let is = |s: &Serving| (s.server, s.incarnation) == (server, life);
        if !self.needs(server, life) {
            return false;
        }
        let was_primary = self.status.serving.first().is_some_and(is);
        self.status.serving.retain(|s| !is(s));
        let was_source = self.frozen.as_ref().is_some_and(is);
        self.frozen = self.frozen.filter(|_| !was_source);
        self.fall_back_lost();
        if was_source && self.pulling {
            self.end(Outcome::Aborted(AbortReason::SourceLostInPull));
        }
        if let Some(plan) = self.status.plan.as_mut() {
            plan.targets.retain(|target| *target != server);
            if plan.targets.is_empty() {
                self.fall_back();
                return true;
            }
        }
        if was_primary {
            self.status.epoch = self.status.epoch.next();
        }
        true
    }

    /// Whoever served before goes on in the targets' place, and must first show that it is there.
    fn fall_back(&mut self) {
        let Some(plan) = self.status.plan.take() else { return };
        self.status.epoch = self.status.epoch.next();
        match self.frozen.take() {
            Some(source) => self.status.serving = vec![source],
            None => self.status.serving.retain(|s| !self.reading.contains(&(s.server, s.incarnation))),
        }
        self.falling_back = Some(plan.migration);
        self.reading.clear();
        self.pulling = false;
        self.fall_back_lost();
    }

    fn fall_back_lost(&mut self) {
        if let Some(migration) = self.falling_back.take_if(|_| self.status.serving.is_empty()) {
            self.status.last = Some((migration, Outcome::Aborted(AbortReason::AllLost)));
        }
    }

    /// Those whom the targets have replaced are let go.
    fn complete(&mut self) {
        let Some(plan) = &self.status.plan else { return };
        self.status.serving.retain(|s| plan.targets.contains(&s.server));
        self.status.completed += 1;
        self.end(Outcome::Complete);
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(plan) = self.status.plan.take() else { return };
        self.status.last = Some((plan.migration, outcome));
        self.reading.clear();
        (self.frozen, self.pulling) = (None, false);
    }
}

fn serving((server, incarnation): (NodeId, Incarnation)) -> Serving {
    Serving { server, incarnation, health: Health::Healthy }
}
