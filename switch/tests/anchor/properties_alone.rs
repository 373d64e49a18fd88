//! Whole worlds with one server, which is frozen, copied and taken over at random moments, twice if the first attempt fails, by
//! the five schemes that have no standby. Networks, faults, cancels and repeated orders are random too. Whatever happens, the
//! guarantees hold.

use crate::common::bench::{begin, restored};
use crate::common::guarantees::{
    Fault, answered_once_and_rightly, answered_rightly_if_at_all, applied_in_order, fault, network,
    nothing_stays_pinned,
};
use crate::common::server::FakeServer;
use crate::common::world::{Network, World};
use crate::common::{P, T, ms};
use proptest::prelude::*;
use zerogap_proto::{
    AbortReason, Duration, Event, Health, Instant, MigrationId, Offset, Outcome, Phase, PlanStatus, Refusal,
    ReviewRule, Scheme, ServiceOrder, ServiceStatus,
};

const REVIEW: ReviewRule = ReviewRule { agreements: 5, absences_max: 10, deadline: ms(1_000) };

#[derive(Clone, Debug)]
struct Story {
    network: Network,
    seed: u64,
    /// Of the first attempt and the second.
    schemes: [Scheme; 2],
    begin_ms: u64,
    /// How long the preparation, the rounds, the copy of a frozen source, the transfer and the pull take.
    takes_ms: [u64; 5],
    source_fault: Option<(u64, Fault)>,
    target_dies_ms: Option<u64>,
    cancel_ms: Option<u64>,
    /// The controller repeats an order that it gave before, every few milliseconds.
    repeats: bool,
}

fn story() -> impl Strategy<Value = Story> {
    let scheme = || {
        prop_oneof![
            Just(Scheme::StopAndCopy),
            Just(Scheme::PreCopy),
            Just(Scheme::PostCopy),
            Just(Scheme::Hybrid),
            Just(Scheme::Redundancy),
        ]
    };
    // The longest overflow the log.
    let transfer = prop_oneof![8 => 0_u64..250, 1 => 500_u64..900];
    let takes_ms = (0_u64..60, 0_u64..300, 0_u64..100, transfer, 0_u64..500);
    let world = (network(), any::<u64>(), [scheme(), scheme()], 0_u64..400, takes_ms, any::<bool>());
    let source_fault = prop::option::weighted(0.4, (0_u64..1_500, fault()));
    let often = || prop::option::weighted(0.3, 0_u64..1_500);
    (world, source_fault, often(), often()).prop_map(|(world, source_fault, target_dies_ms, cancel_ms)| {
        let (network, seed, schemes, begin_ms, takes_ms, repeats) = world;
        let takes_ms = takes_ms.into();
        Story { network, seed, schemes, begin_ms, takes_ms, source_fault, target_dies_ms, cancel_ms, repeats }
    })
}

/// The edge controller and fate, who look at the world every few milliseconds.
struct Teller {
    story: Story,
    world: World,
    hung: Option<FakeServer>,
    /// Those that have died, or were replaced by a later life.
    gone: Vec<FakeServer>,
    target_died: bool,
    /// What the frozen source was when it was copied.
    copy: Option<FakeServer>,
    phase_since: (Option<Phase>, Instant),
    given: Vec<ServiceOrder>,
}

impl Teller {
    fn tell(story: Story) -> Self {
        let world = World::new(&[P], story.network, story.seed);
        let mut teller = Self {
            story,
            world,
            hung: None,
            gone: vec![],
            target_died: false,
            copy: None,
            phase_since: (None, Instant::ZERO),
            given: vec![],
        };
        let mut step = 0;
        while step < 500 || teller.world.service.status().plan.is_some() && step < 3_000 {
            teller.world.run(ms(5));
            teller.faults(step * 5);
            teller.control(step * 5);
            teller.repeat(step as usize);
            teller.a_frozen_source_stands_at_the_mark();
            step += 1;
        }
        teller.world.client_sends = false;
        teller.world.run(ms(4_000));
        teller
    }

    fn faults(&mut self, now_ms: u64) {
        let at = |when: u64| (when / 5) * 5 == now_ms;
        match self.story.source_fault {
            Some((when, fault)) if at(when) => match fault {
                Fault::Dies { .. } => self.gone.extend(self.world.crash(P)),
                Fault::Hangs { .. } => self.hung = self.world.crash(P),
            },
            Some((when, Fault::Dies { told_after_ms })) if at(when + told_after_ms.max(5)) => {
                self.world.remove(P)
            }
            Some((when, Fault::Hangs { for_ms })) if at(when + for_ms.max(5)) => {
                self.world.servers.extend(self.hung.take().map(|back| (P, back)));
            }
            Some(_) | None => {}
        }
        if self.story.target_dies_ms.is_some_and(at) {
            self.target_died = true;
            self.gone.extend(self.world.crash(T));
            self.world.remove(T);
        }
    }

    fn control(&mut self, now_ms: u64) {
        let status = self.world.service.status();
        let phase = status.plan.as_ref().map(|plan| plan.phase);
        if phase != self.phase_since.0 {
            self.phase_since = (phase, self.world.now);
        }
        match status.plan.clone() {
            Some(plan) if self.story.cancel_ms.is_some_and(|when| (when / 5) * 5 == now_ms) => {
                // Refused after the commit point, but in a pull: then it must finish forward.
                let cancel =
                    ServiceOrder::Cancel { migration: plan.migration, reason: AbortReason::Requested };
                let _ = self.world.order(cancel);
            }
            Some(plan) => self.lead(&plan),
            None => self.begin(&status, now_ms),
        }
    }

    fn begin(&mut self, status: &ServiceStatus, now_ms: u64) {
        let free = status.serving.iter().any(|s| s.server == P && s.health == Health::Healthy);
        let due = now_ms >= self.story.begin_ms && (status.attempts == 0 || self.lasted(100));
        let attempt = status.attempts as usize;
        if !free || !due || attempt >= self.story.schemes.len() {
            return;
        }
        let ServiceOrder::Begin { migration, goal, snapshotter, targets, .. } =
            begin(status.attempts + 1, P, &[T])
        else {
            unreachable!("what begins a migration")
        };
        let scheme = self.story.schemes[attempt];
        let begin = ServiceOrder::Begin { migration, scheme, goal, snapshotter, targets };
        let told = status.last.map_or(0, |(migration, _)| migration.0);
        if status.attempts == told {
            self.give(begin);
        } else if self.world.order(begin.clone()) != Err(Refusal::Busy) {
            // What the last one fell back to has nothing to answer.
            self.given.push(begin);
        }
    }

    fn lasted(&self, ms: u64) -> bool {
        self.world.now.since(self.phase_since.1) >= Duration::from_millis(ms)
    }

    /// Takes the migration to its next phase when the work of this one is done.
    fn lead(&mut self, plan: &PlanStatus) {
        let migration = plan.migration;
        let [prepare, rounds, copy, transfer, pull] = self.story.takes_ms;
        let has_rounds = matches!(plan.scheme, Scheme::PreCopy | Scheme::Hybrid);
        let lazy = matches!(plan.scheme, Scheme::PostCopy | Scheme::Hybrid);
        match plan.phase {
            Phase::Prepare if has_rounds && self.lasted(prepare) => self.reached(migration, Phase::Rounds),
            Phase::Prepare if self.lasted(prepare) => self.freeze(migration),
            Phase::Rounds if self.lasted(rounds) => self.freeze(migration),
            Phase::Freeze => match plan.mark {
                Some(mark) => self.copy(plan, mark),
                None if !self.world.service.has_reader(P) => self.cancel(migration, AbortReason::SourceLost),
                None if self.lasted(600) => self.cancel(migration, AbortReason::PhaseTimeout),
                None => {}
            },
            Phase::Snapshot if self.lasted(copy) => self.give(ServiceOrder::Thaw { migration }),
            Phase::Transfer if self.lasted(transfer) && lazy => self.resume(plan),
            Phase::Transfer if self.lasted(transfer) => self.reached(migration, Phase::Restore),
            Phase::Restore if self.lasted(20) => self.resume(plan),
            Phase::Pull if self.lasted(pull) => self.give(ServiceOrder::Pulled { migration }),
            Phase::Initial
            | Phase::Handover
            | Phase::Prepare
            | Phase::Rounds
            | Phase::Snapshot
            | Phase::Transfer
            | Phase::Restore
            | Phase::Replay
            | Phase::Review
            | Phase::SwitchOver
            | Phase::Pull
            | Phase::Complete => {}
        }
    }

    /// The frozen source is copied at one instant; sending it is what takes time.
    fn copy(&mut self, plan: &PlanStatus, mark: Offset) {
        if self.hung.is_some() {
            return;
        }
        let Some(source) = self.world.servers.get(&P) else {
            return self.cancel(plan.migration, AbortReason::SourceLost);
        };
        assert_eq!(source.next, mark, "the mark is where the frozen source stands");
        self.copy = Some(source.clone());
        let next = if plan.scheme == Scheme::Redundancy { Phase::Snapshot } else { Phase::Transfer };
        self.reached(plan.migration, next);
    }

    /// The target goes on from the copy: it takes over, or reads and is reviewed.
    fn resume(&mut self, plan: &PlanStatus) {
        let migration = plan.migration;
        let eager = matches!(plan.scheme, Scheme::StopAndCopy | Scheme::PreCopy);
        if !eager && !self.world.service.has_reader(P) {
            return self.cancel(migration, AbortReason::SourceLost);
        }
        let incarnation = restored(T, migration);
        let copy = self.copy.as_ref().expect("made when it was frozen").restored_as(T, incarnation);
        if !self.target_died {
            self.gone.extend(self.world.servers.insert(T, copy));
        }
        let targets = vec![(T, incarnation)];
        self.give(match plan.scheme {
            Scheme::Redundancy => ServiceOrder::Read { migration, targets, review: REVIEW },
            Scheme::StopAndCopy
            | Scheme::PreCopy
            | Scheme::PostCopy
            | Scheme::Hybrid
            | Scheme::HotStandby => {
                ServiceOrder::Take { migration, targets, lazy: !eager, deadline: ms(300) }
            }
        });
    }

    fn freeze(&mut self, migration: MigrationId) {
        if self.world.service.has_reader(P) {
            self.give(ServiceOrder::Freeze { migration });
        } else {
            self.cancel(migration, AbortReason::SourceLost);
        }
    }

    fn reached(&mut self, migration: MigrationId, phase: Phase) {
        self.give(ServiceOrder::Reached { migration, phase });
    }

    fn cancel(&mut self, migration: MigrationId, reason: AbortReason) {
        self.world.order(ServiceOrder::Cancel { migration, reason }).expect("before the commit point");
    }

    fn give(&mut self, order: ServiceOrder) {
        self.world.order(order.clone()).expect("its time has come");
        self.given.push(order);
    }

    /// An order that comes again changes nothing, or is refused.
    fn repeat(&mut self, step: usize) {
        if self.story.repeats && !self.given.is_empty() {
            let before = self.world.service.status();
            let _ = self.world.order(self.given[step % self.given.len()].clone());
            assert_eq!(self.world.service.status(), before, "{:?}", self.given[step % self.given.len()]);
        }
    }

    fn a_frozen_source_stands_at_the_mark(&self) {
        let Some(plan) = self.world.service.status().plan else { return };
        let thaws = plan.scheme == Scheme::Redundancy;
        let frozen = plan.phase >= Phase::Freeze && !(thaws && plan.phase >= Phase::Transfer);
        if let (true, Some(mark), Some(source)) = (frozen, plan.mark, self.world.servers.get(&P)) {
            assert_eq!(source.next, mark, "in {}", plan.phase);
        }
    }

    /// Somebody serves who runs.
    fn is_served(&self) -> bool {
        let runs = |server, life| self.world.servers.get(server).is_some_and(|s| s.incarnation == life);
        self.world.service.status().serving.iter().any(|serving| runs(&serving.server, serving.incarnation))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn the_guarantees_hold_whenever_a_server_alone_is_frozen_thawed_taken_over_or_fallen_back_to(story in story()) {
        let mut teller = Teller::tell(story);
        answered_rightly_if_at_all(&teller.world)?;
        for server in teller.world.servers.values().chain(&teller.gone) {
            applied_in_order(&teller.world, server)?;
        }
        let wronged =
            |event: &Event| matches!(event, Event::Quarantined { .. } | Event::Disagreed { .. });
        prop_assert!(teller.world.events_like(wronged).is_empty(), "no state here differs");
        if teller.is_served() {
            answered_once_and_rightly(&teller.world)?;
            nothing_stays_pinned(&mut teller.world, &[])?;
        } else {
            let source_died = matches!(teller.story.source_fault, Some((_, Fault::Dies { .. })));
            prop_assert!(source_died || teller.target_died, "nobody has died, and nobody serves");
        }
    }

    #[test]
    fn without_faults_every_scheme_completes_and_the_client_waits_no_longer_than_the_freeze(
        seed: u64, begin_ms in 0_u64..400, transfer_ms in 0_u64..250
    ) {
        let schemes = Scheme::ALL.into_iter().filter(|scheme| *scheme != Scheme::HotStandby);
        for scheme in schemes {
            let takes_ms = [20, 100, 50, transfer_ms, 300];
            let story = Story {
                network: Network::default(),
                seed,
                schemes: [scheme; 2],
                begin_ms,
                takes_ms,
                source_fault: None,
                target_dies_ms: None,
                cancel_ms: None,
                repeats: true,
            };
            let teller = Teller::tell(story);
            answered_once_and_rightly(&teller.world)?;
            let status = teller.world.service.status();
            prop_assert_eq!(status.last, Some((MigrationId(1), Outcome::Complete)), "{}", scheme.name());
            prop_assert_eq!(status.serving.iter().map(|s| s.server).collect::<Vec<_>>(), [T]);
            prop_assert_eq!((status.epoch.0, status.head), (1, Offset(teller.world.admitted.len() as u64)));
            // What is frozen for, and some steps of the controller.
            let frozen_ms = if scheme == Scheme::Redundancy { 50 } else { transfer_ms + 20 };
            let slowest = teller.world.slowest();
            prop_assert!(slowest <= ms(frozen_ms + 25), "{}: {slowest}", scheme.name());
        }
    }
}
