//! Guarantee 3: the switch-over. For the schemes that review, the ballots are counted anew from the frames: every one below X
//! must be closed and equal, and enough of them agreed while all targets were live. For the others X must be the mark, and the
//! source must have stopped there. For all, what the targets hold must be what the source cut, before anything irrevocable, or
//! where the state is pulled afterwards, before the migration is called complete.

use super::scene::{Migration, Scene};
use super::sight::Sight;
use super::{Checker, Found, Guarantee};
use std::collections::BTreeMap;
use zerogap_proto::{Event, Goal, Incarnation, Instant, NodeId, Offset, Outcome};

/// A mark and the digest of the state before it.
type Held = (Offset, u64);

/// The review under way, counted independently.
#[derive(Debug, Default)]
pub(super) struct Review {
    cut: Option<Held>,
    restored: BTreeMap<NodeId, Held>,
    usable: BTreeMap<NodeId, Offset>,
    readers: Vec<(NodeId, Incarnation)>,
    /// Below it every ballot from the mark on is closed and equal.
    cursor: Offset,
    agreed: u32,
    begins: bool,
    /// From here on ballots count.
    live_from: Option<Offset>,
    chosen: Option<Offset>,
    /// A migration that was called complete in this turn.
    complete: Option<Migration>,
}

impl Review {
    fn event(&mut self, event: &Event, scene: &Scene<'_>) {
        let source = scene.migration.as_ref().map(|migration| migration.snapshotter);
        if let Event::Begun { .. } = event {
            *self = Self::default();
        } else if let Event::Cut { server, mark, digest, .. } = event {
            self.cut = if source == Some(*server) { Some((*mark, *digest)) } else { self.cut };
        } else if let Event::Restored { server, mark, digest, .. } = event {
            self.restored.insert(*server, (*mark, *digest));
        } else if let Event::Usable { server, mark, .. } = event {
            self.usable.insert(*server, *mark);
        } else if let Event::Reading { server, incarnation, from, .. } = event {
            self.cursor = *from;
            self.readers.push((*server, *incarnation));
        } else if let Event::Phase { phase: zerogap_proto::Phase::Review, .. } = event {
            self.begins = true;
        } else if let Event::Promoted { .. } = event {
            // A seeded standby may take the place of a primary that is not believed, once its own review is over.
            self.agreed = if self.complete.is_some() { self.agreed } else { 0 };
        } else if let Event::SwitchedOver { at: x, .. } = event {
            self.chosen = Some(*x);
        } else if let Event::Ended { outcome: Outcome::Complete, .. } = event {
            self.complete.clone_from(&scene.migration);
        }
    }

    /// Whether what was released at an offset is here, and every target has answered the same.
    fn is_closed_and_equal(&self, offset: Offset, scene: &Scene<'_>) -> bool {
        let Some(logged) = scene.logged(offset) else { return false };
        let Some((_, released)) = logged.released else { return false };
        let said = |&(target, life): &(NodeId, Incarnation)| {
            logged.answers.iter().find(|(who, of, _)| (*who, *of) == (target, life)).map(|(_, _, said)| *said)
        };
        self.readers.iter().all(|reader| said(reader) == Some(released))
    }

    /// The anchor has done all that came of one input: counts what has become comparable, then looks at what the anchor did.
    fn settled(&mut self, at: Instant, scene: &Scene<'_>, found: &mut Found) {
        if std::mem::take(&mut self.begins) {
            self.live_from = Some(Offset(scene.log.len() as u64));
        }
        let (chosen, complete) = (self.chosen.take(), self.complete.take());
        let Some(migration) = complete.as_ref().or(scene.migration.as_ref()) else { return };
        let reviewing = !migration.committed || chosen.is_some();
        if migration.scheme.reviews() && reviewing && !self.readers.is_empty() {
            self.count(chosen, scene);
        }
        match chosen {
            Some(x) if migration.scheme.reviews() => self.switched_over(at, x, migration, scene, found),
            Some(x) => self.taken(at, x, migration, scene, found),
            None => {}
        }
        if complete.is_some() {
            self.completed(at, migration, scene, found);
        }
    }

    /// Goes over what is closed and equal, up to X if that is chosen.
    fn count(&mut self, chosen: Option<Offset>, scene: &Scene<'_>) {
        while chosen.is_none_or(|x| self.cursor < x) && self.is_closed_and_equal(self.cursor, scene) {
            self.agreed += u32::from(self.live_from.is_some_and(|from| self.cursor >= from));
            self.cursor = self.cursor.next();
        }
    }

    fn switched_over(
        &self,
        at: Instant,
        x: Offset,
        migration: &Migration,
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        let mut must = |holds: bool, what: String| {
            if !holds {
                found.add(Guarantee::NoWrongSwitchOver, at, what);
            }
        };
        must(self.cursor == x, format!("X is {x}, but {} is not closed and equal", self.cursor));
        let released = scene.logged(x).and_then(|logged| logged.released);
        must(released.is_none_or(|(when, _)| when == at), format!("X is {x}, which was answered before"));
        let wanted = scene.scenario.testbed.review.agreements;
        must(self.agreed >= wanted, format!("X is {x} after {} agreements of {wanted}", self.agreed));
        self.states(migration, &mut must);
    }

    /// A switch-over without a review: from the frozen source's mark.
    fn taken(&self, at: Instant, x: Offset, migration: &Migration, scene: &Scene<'_>, found: &mut Found) {
        let mut must = |holds: bool, what: String| {
            if !holds {
                found.add(Guarantee::NoWrongSwitchOver, at, what);
            }
        };
        must(migration.mark == Some(x), format!("X is {x}, but the mark is {:?}", migration.mark));
        if let Some(source) = scene.servers.get(&migration.snapshotter).filter(|s| s.alive && s.holds_state) {
            must(source.next == x, format!("X is {x}, but the frozen source stands at {}", source.next));
        }
        if migration.scheme.pulls() {
            let cut = self.cut.map(|(mark, _)| mark);
            let usable = |target: &NodeId| self.usable.get(target).copied() == cut && cut == Some(x);
            must(migration.targets.iter().all(usable), "a target goes on from elsewhere than the cut".into());
        } else {
            self.states(migration, &mut must);
        }
    }

    /// All targets have scanned exactly what was cut, at the mark.
    fn states(&self, migration: &Migration, must: &mut impl FnMut(bool, String)) {
        must(
            self.cut.is_some_and(|(mark, _)| migration.mark == Some(mark)),
            format!("the cut {:?} is not at the mark {:?}", self.cut, migration.mark),
        );
        let holds = |target: &NodeId| self.cut.is_some() && self.restored.get(target).copied() == self.cut;
        let wrong = migration.targets.iter().find(|target| !holds(target));
        must(wrong.is_none(), format!("a target does not hold what was cut: {:?}", self.restored));
    }

    fn completed(&self, at: Instant, migration: &Migration, scene: &Scene<'_>, found: &mut Found) {
        let mut must = |holds: bool, what: String| {
            if !holds {
                found.add(Guarantee::NoWrongSwitchOver, at, what);
            }
        };
        must(
            migration.committed || migration.goal == Goal::Reseed,
            format!("migration {} is complete and never switched over", migration.id.0),
        );
        if migration.goal == Goal::Reseed {
            let wanted = scene.scenario.testbed.review.agreements;
            must(
                self.agreed >= wanted,
                format!("a standby serves after {} agreements of {wanted}", self.agreed),
            );
        }
        if migration.goal == Goal::Reseed || migration.scheme.pulls() {
            self.states(migration, &mut must);
        }
    }
}

impl Checker for Review {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Event(event) => self.event(event, scene),
            Sight::Settled => self.settled(at, scene, found),
            Sight::Reached(_)
            | Sight::Asked { .. }
            | Sight::Answered { .. }
            | Sight::Released { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Served { .. }
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. }
            | Sight::Over(_) => {}
        }
    }
}
