//! Guarantee 7, and the order of things: one migration at a time, through its scheme's phases and never back; an abort before the
//! commit point leaves the serving servers as they were and nobody else with a part in the service; after it the outcome is what
//! happened; and when all is over nothing of any migration is left. Post-copy's known exception must be called by its name.

use super::scene::{Ended, Migration, Scene};
use super::sight::{Ending, Sight};
use super::{Checker, Found, Guarantee, unsettled_for};
use zerogap_proto::{
    AbortReason, Event, Instant, MigrationId, NodeId, Outcome, Phase, Scheme, ServerStatus, Task,
};

/// What has been seen of migrations.
#[derive(Debug, Default)]
pub(super) struct Migrations {
    newest: MigrationId,
    /// Whose readers were dropped in this turn.
    dropped: Vec<NodeId>,
    /// Who served before this turn's first abort.
    served: Option<Vec<NodeId>>,
    /// The frozen source that has not gone on.
    frozen: Option<NodeId>,
    /// Targets of an aborted migration: they are sent nothing more.
    given_up: Vec<NodeId>,
    /// Servers whose process ended, or whose state was forgotten, since the migration began.
    lost: Vec<NodeId>,
    last_life: Instant,
}

impl Migrations {
    fn event(&mut self, at: Instant, event: &Event, scene: &Scene<'_>, found: &mut Found) {
        let mut add = |what: String| found.add(Guarantee::SafeAbort, at, what);
        if let Event::Begun { migration, .. } = event {
            if let Some(other) = &scene.migration {
                add(format!("migration {} begins while {} is under way", migration.0, other.id.0));
            }
            if *migration <= self.newest {
                add(format!("there was a migration {} before", migration.0));
            }
            *self = Self { newest: *migration, last_life: self.last_life, ..Self::default() };
        } else if let Event::Phase { migration, phase, .. } = event {
            self.phase(at, *migration, *phase, scene, found);
        } else if let Event::Frozen { server, .. } = event {
            self.frozen = Some(*server);
        } else if let Event::Thawed { server, .. } = event {
            self.frozen = self.frozen.filter(|frozen| frozen != server);
        } else if let Event::ReaderDropped { server, .. } = event {
            self.dropped.push(*server);
            self.frozen = self.frozen.filter(|frozen| frozen != server);
        } else if let Event::ServerLost { server } | Event::Reset { server, .. } = event {
            self.lost.push(*server);
            self.last_life = at;
        } else if let Event::ServerUp { .. } | Event::ControllerStarted { .. } = event {
            self.last_life = at;
        } else if let Event::Ended { migration, outcome, .. } = event {
            let Some(under_way) = scene.migration.as_ref().filter(|under_way| under_way.id == *migration)
            else {
                return add(format!("migration {} ends and was not under way", migration.0));
            };
            if let Outcome::Aborted(reason) = outcome {
                self.aborted(at, under_way, *reason, scene, found);
            }
        }
    }

    fn phase(&self, at: Instant, id: MigrationId, phase: Phase, scene: &Scene<'_>, found: &mut Found) {
        let Some(migration) = scene.migration.as_ref().filter(|migration| migration.id == id) else {
            let what = format!("migration {} enters {phase} and is not under way", id.0);
            return found.add(Guarantee::SafeAbort, at, what);
        };
        let first = phase == migration.scheme.first_phase() && phase == migration.phase;
        if !first && phase <= migration.phase || !knows(migration.scheme, phase) {
            let what = format!("{} goes from {} to {phase}", migration.scheme.name(), migration.phase);
            found.add(Guarantee::SafeAbort, at, what);
        }
    }

    fn aborted(
        &mut self,
        at: Instant,
        migration: &Migration,
        reason: AbortReason,
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        let (id, committed) = (migration.id.0, migration.committed);
        let after = match reason {
            AbortReason::FellBack | AbortReason::AllLost | AbortReason::SourceLostInPull => true,
            AbortReason::TargetLost
            | AbortReason::TransferFailed
            | AbortReason::DigestMismatch
            | AbortReason::Disagreement
            | AbortReason::TooManyAbsences
            | AbortReason::Deadline
            | AbortReason::PhaseTimeout
            | AbortReason::SourceLost
            | AbortReason::NoStandby
            | AbortReason::LogOverflow
            | AbortReason::NotConverged
            | AbortReason::Requested => false,
        };
        if after != committed {
            let point = if committed { "after" } else { "before" };
            let what = format!("migration {id} aborts with {} {point} its commit point", reason.name());
            found.add(Guarantee::SafeAbort, at, what);
        }
        let source_lost = self.lost.contains(&migration.snapshotter);
        if reason == AbortReason::SourceLostInPull && !(migration.scheme.pulls() && source_lost) {
            let what = format!("migration {id} says that its source was lost in the pull; it was not");
            found.add(Guarantee::SafeAbort, at, what);
        }
        let mut old = scene.serving.iter().filter(|serving| !migration.targets.contains(&serving.server));
        if reason == AbortReason::FellBack && old.all(|serving| self.lost.contains(&serving.server)) {
            let what = format!("migration {id} says that it fell back, and all who served before were lost");
            found.add(Guarantee::SafeAbort, at, what);
        }
        let mut old = scene.serving.iter().filter(|serving| !migration.targets.contains(&serving.server));
        if reason == AbortReason::AllLost && old.any(|serving| !self.dropped.contains(&serving.server)) {
            let what =
                format!("migration {id} says that nobody is left, and somebody who served before serves");
            found.add(Guarantee::SafeAbort, at, what);
        }
        if !committed {
            self.given_up.clone_from(&migration.targets);
        }
        self.served.get_or_insert_with(|| scene.serving.iter().map(|serving| serving.server).collect());
    }

    /// After an abort: who served goes on, or was dropped for a reason of its own; nobody has come in.
    fn settled(&mut self, at: Instant, scene: &Scene<'_>, found: &mut Found) {
        let dropped = std::mem::take(&mut self.dropped);
        let (Some(served), Some(last)) = (self.served.take(), &scene.last) else { return };
        let Ended { migration, outcome, .. } = last;
        if *outcome == Outcome::Aborted(AbortReason::SourceLostInPull) {
            return;
        }
        let mut add = |what: String| found.add(Guarantee::SafeAbort, at, what);
        let name = |server: &NodeId| scene.name(*server).into_owned();
        let serves_on = |server: &&NodeId| scene.serves(**server) || dropped.contains(server);
        // Who fell back: what its targets were is over, the source is there.
        let expected: Vec<NodeId> = if !migration.committed {
            served
        } else if self.frozen == Some(migration.snapshotter) {
            vec![migration.snapshotter]
        } else {
            served.into_iter().filter(|server| !migration.targets.contains(server)).collect()
        };
        if let Some(gone) = expected.iter().find(|server| !serves_on(server)) {
            add(format!("{} served and no longer does after an abort", name(gone)));
        }
        if let Some(target) = migration.targets.iter().find(|target| scene.serves(**target)) {
            add(format!("{} serves although its migration was aborted", name(target)));
        }
        if let Some(frozen) = self.frozen.filter(|frozen| !dropped.contains(frozen) && scene.serves(*frozen))
        {
            add(format!("{} is still frozen after an abort", name(&frozen)));
        }
    }

    fn over(&self, at: Instant, ending: &Ending, scene: &Scene<'_>, found: &mut Found) {
        let last = scene.last.as_ref().map_or(Instant::ZERO, |ended| ended.at);
        let since = last.max(scene.last_fault).max(self.last_life);
        if at < since + unsettled_for(scene.scenario) || scene.migration.is_some() || scene.is_service_lost()
        {
            return;
        }
        let mut add = |what: String| found.add(Guarantee::SafeAbort, at, what);
        if ending.remains.service.as_ref().is_some_and(|service| service.plan.is_some()) {
            add("a plan is left over".into());
        }
        for status in ending.remains.servers.values() {
            let alive = scene.servers.get(&status.server).is_some_and(|server| server.alive);
            if alive && !scene.serves(status.server) && has_something(status) {
                let task = format!("{:?}", status.task);
                add(format!(
                    "{} serves nobody and is left with a state or a task: {task}",
                    scene.name(status.server)
                ));
            }
        }
    }
}

fn has_something(status: &ServerStatus) -> bool {
    status.holds_state || status.task != Task::None
}

/// Whether migrations of this scheme go through a phase, a re-seeding counted with them.
const fn knows(scheme: Scheme, phase: Phase) -> bool {
    let (prepares, rounds, freezes, scans, reviews, pulls) = match scheme {
        Scheme::StopAndCopy => (true, false, true, true, false, false),
        Scheme::PreCopy => (true, true, true, true, false, false),
        Scheme::PostCopy => (true, false, true, false, false, true),
        Scheme::Hybrid => (true, true, true, false, false, true),
        Scheme::Redundancy => (true, false, true, true, true, false),
        Scheme::HotStandby => (false, false, false, true, true, false),
    };
    match phase {
        Phase::Initial | Phase::Handover => false,
        Phase::Prepare => prepares,
        Phase::Rounds => rounds,
        Phase::Freeze => freezes,
        Phase::Snapshot | Phase::Replay | Phase::Review => reviews,
        Phase::Restore => scans,
        Phase::Pull => pulls,
        Phase::Transfer | Phase::SwitchOver | Phase::Complete => true,
    }
}

impl Checker for Migrations {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Event(event) => self.event(at, event, scene, found),
            Sight::Asked { server, stamp, .. }
                if self.given_up.contains(server) && scene.migration.is_none() =>
            {
                let what = format!(
                    "{} is sent {} after its migration was aborted",
                    scene.name(*server),
                    stamp.offset
                );
                found.add(Guarantee::SafeAbort, at, what);
            }
            Sight::Settled => self.settled(at, scene, found),
            Sight::Over(ending) => self.over(at, ending, scene, found),
            Sight::Asked { .. }
            | Sight::Reached(_)
            | Sight::Answered { .. }
            | Sight::Released { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Served { .. }
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. } => {}
        }
    }
}
