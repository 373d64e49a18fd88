//! The anchor as a mere holder of the service's status: it carries orders out or refuses them as the real one does, and
//! lets a migration that reads pass through its last phases one tick at a time. No log, no ballots.

use zerogap_proto::*;

pub(crate) struct Anchor {
    pub(crate) status: ServiceStatus,
    reading: Vec<(NodeId, Incarnation)>,
}

impl Anchor {
    pub(crate) fn new(status: ServiceStatus) -> Self {
        Self { status, reading: Vec::new() }
    }

    /// Whether this life of a server serves or reads: nobody may take its state away.
    pub(crate) fn needs(&self, server: NodeId, life: Incarnation) -> bool {
        let reads = self.status.plan.is_some() && self.reading.contains(&(server, life));
        reads || self.status.serving.iter().any(|s| (s.server, s.incarnation) == (server, life))
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
            ServiceOrder::Restoring { migration } => self.step(*migration, Phase::Transfer, Phase::Restore),
            ServiceOrder::Read { migration, targets, .. } => {
                let changed = self.step(*migration, Phase::Restore, Phase::Replay)?;
                if changed {
                    self.reading = targets.clone();
                }
                Ok(changed)
            }
            ServiceOrder::Cancel { migration, reason } => self.cancel(*migration, *reason),
            ServiceOrder::Remove { server, incarnation } => self.remove(*server, *incarnation),
            ServiceOrder::Quarantine { server, incarnation } => {
                let mut serving = self.status.serving.iter_mut();
                let is = |s: &&mut Serving| (s.server, s.incarnation) == (*server, *incarnation);
                serving.find(is).ok_or(Refusal::WrongServer)?.health = Health::Quarantined;
                Ok(true)
            }
        }
    }

    /// Lets a migration that reads go on to its next phase. `false` when there is nothing to go on with.
    pub(crate) fn tick(&mut self) -> bool {
        let Some(plan) = &mut self.status.plan else { return false };
        match (plan.phase, plan.goal) {
            (Phase::Replay, _) => plan.phase = Phase::Review,
            (Phase::Review, Goal::SwitchOver) => {
                plan.phase = Phase::SwitchOver;
                self.status.epoch = self.status.epoch.next();
                self.status.serving.splice(0..0, self.reading.drain(..).map(serving));
            }
            (Phase::Review, Goal::Reseed) => {
                self.status.serving.extend(self.reading.drain(..).map(serving));
                self.complete();
            }
            (Phase::SwitchOver, _) => {
                let new = plan.targets.clone();
                self.status.serving.retain(|s| new.contains(&s.server));
                self.status.completed += 1;
                self.complete();
            }
            (Phase::Initial | Phase::Handover | Phase::Complete, _) => return false,
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
        if migration.0 != self.status.attempts + 1 {
            return Err(Refusal::StaleMigration);
        }
        let serves = |server: &NodeId| self.status.serving.iter().any(|s| s.server == *server);
        if !serves(&snapshotter) || targets.iter().any(serves) {
            return Err(Refusal::WrongServer);
        }
        let (phase, mark, review) = (Phase::Snapshot, None, ReviewTally::default());
        let targets = targets.to_vec();
        let plan = PlanStatus { migration, scheme, goal, snapshotter, targets, phase, mark, review };
        self.status.plan = Some(plan);
        self.status.attempts += 1;
        Ok(true)
    }

    fn step(&mut self, migration: MigrationId, from: Phase, to: Phase) -> Result<bool, Refusal> {
        let plan = self.status.plan.as_mut().filter(|p| p.migration == migration);
        let plan = plan.ok_or(Refusal::StaleMigration)?;
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
        let plan = self.status.plan.as_ref().filter(|p| p.migration == migration);
        if plan.ok_or(Refusal::StaleMigration)?.phase >= Phase::SwitchOver {
            return Err(Refusal::WrongPhase);
        }
        self.status.plan = None;
        self.reading.clear();
        self.status.last = Some((migration, Outcome::Aborted(reason)));
        Ok(true)
    }

    fn remove(&mut self, server: NodeId, life: Incarnation) -> Result<bool, Refusal> {
        let before = self.status.serving.len();
        let was_primary = self.status.serving.first().is_some_and(|s| s.server == server);
        self.status.serving.retain(|s| (s.server, s.incarnation) != (server, life));
        if self.status.serving.len() == before {
            return Ok(false);
        }
        if let Some(plan) = &mut self.status.plan {
            plan.targets.retain(|target| *target != server);
        }
        if was_primary {
            self.status.epoch = self.status.epoch.next();
        }
        Ok(true)
    }

    fn complete(&mut self) {
        let ended = self.status.plan.take().map(|plan| (plan.migration, Outcome::Complete));
        self.status.last = ended;
    }
}

fn serving((server, incarnation): (NodeId, Incarnation)) -> Serving {
    Serving { server, incarnation, health: Health::Healthy }
}
