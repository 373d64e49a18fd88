//! Whole worlds with random loss, doubles, delays, reordering and crashes of up to one serving server and one target, with a
//! migration at a random time. Whatever happens, the guarantees hold.

use crate::common::bench::{begin, restored};
use crate::common::guarantees::{
    Fault, answered_once_and_rightly, applied_in_order, fault, network, nothing_stays_pinned, true_digests,
};
use crate::common::server::FakeServer;
use crate::common::world::{Network, World};
use crate::common::{P, S, T, U, ms};
use proptest::prelude::*;
use std::collections::BTreeMap;
use zerogap_proto::{
    AbortReason, DropCause, Duration, Event, Health, Instant, MigrationId, NodeId, Offset, Outcome, Phase,
    ReviewRule, ServiceOrder,
};

const REVIEW: ReviewRule = ReviewRule { agreements: 5, absences_max: 10, deadline: ms(1_000) };

#[derive(Clone, Debug)]
struct Story {
    network: Network,
    seed: u64,
    serving_fault: Option<(NodeId, u64, Fault)>,
    target_fault: Option<(NodeId, u64)>,
    begin_ms: u64,
    cut_takes_ms: u64,
    transfer_takes_ms: u64,
    cancel_ms: Option<u64>,
    /// A bit of this target's memory flips while it is restored.
    flipped: Option<NodeId>,
}

fn story() -> impl Strategy<Value = Story> {
    let serving_fault = prop::option::of((prop_oneof![Just(P), Just(S)], 0_u64..1_500, fault()));
    let target = || prop_oneof![Just(T), Just(U)];
    let target_fault = prop::option::weighted(0.3, (target(), 0_u64..1_500));
    // The longest overflow the log.
    let transfer = prop_oneof![8 => 0_u64..250, 1 => 500_u64..900];
    let times = (0_u64..500, 0_u64..80, transfer, prop::option::weighted(0.2, 0_u64..1_000));
    (network(), any::<u64>(), serving_fault, target_fault, times, prop::option::weighted(0.15, target()))
        .prop_map(|(network, seed, serving_fault, target_fault, times, flipped)| {
            let (begin_ms, cut_takes_ms, transfer_takes_ms, cancel_ms) = times;
            Story {
                network,
                seed,
                serving_fault,
                target_fault,
                begin_ms,
                cut_takes_ms,
                transfer_takes_ms,
                cancel_ms,
                flipped,
            }
        })
}

/// The edge controller and fate, who look at the world every few milliseconds.
struct Teller {
    story: Story,
    world: World,
    hung: Option<FakeServer>,
    dead: Vec<FakeServer>,
    snapshot: Option<FakeServer>,
    phase_since: (Option<Phase>, Instant),
}

impl Teller {
    fn tell(story: Story) -> Self {
        let world = World::new(&[P, S], story.network, story.seed);
        let phase_since = (None, Instant::ZERO);
        let mut teller = Self { story, world, hung: None, dead: vec![], snapshot: None, phase_since };
        let mut step = 0;
        while step < 500 || teller.world.service.status().plan.is_some() && step < 3_000 {
            teller.world.run(ms(5));
            teller.faults(step * 5);
            teller.control(step * 5);
            step += 1;
        }
        teller.world.client_sends = false;
        teller.world.run(ms(4_000));
        teller
    }

    fn faults(&mut self, now_ms: u64) {
        let at = |when: u64| (when / 5) * 5 == now_ms;
        match self.story.serving_fault {
            Some((server, when, fault)) if at(when) => match fault {
                Fault::Dies { .. } => self.dead.extend(self.world.crash(server)),
                Fault::Hangs { .. } => self.hung = self.world.crash(server),
            },
            Some((server, when, Fault::Dies { told_after_ms })) if at(when + told_after_ms) => {
                self.world.remove(server);
            }
            Some((server, when, Fault::Hangs { for_ms })) if at(when + for_ms.max(5)) => {
                self.world.servers.extend(self.hung.take().map(|back| (server, back)));
            }
            Some(_) | None => {}
        }
        if let Some((target, when)) = self.story.target_fault
            && at(when)
        {
            self.dead.extend(self.world.crash(target));
            self.world.remove(target);
        }
    }

    fn control(&mut self, now_ms: u64) {
        let status = self.world.service.status();
        let phase = status.plan.as_ref().map(|plan| plan.phase);
        if phase != self.phase_since.0 {
            self.phase_since = (phase, self.world.now);
        }
        let lasted = |ms: u64| self.world.now.since(self.phase_since.1) >= Duration::from_millis(ms);
        let migration = MigrationId(1);
        if phase.is_some() && self.story.cancel_ms.is_some_and(|when| when <= now_ms) {
            // Refused after the commit point: then it must finish forward.
            let _ = self.world.order(ServiceOrder::Cancel { migration, reason: AbortReason::Requested });
            return;
        }
        let healthy = status.serving.iter().rev().find(|serving| serving.health == Health::Healthy);
        match (phase, healthy) {
            (None, Some(healthy)) if status.attempts == 0 && now_ms >= self.story.begin_ms => {
                self.world.order(begin(1, healthy.server, &[T, U])).expect("nothing stands in the way");
            }
            (Some(Phase::Snapshot), _) if lasted(self.story.cut_takes_ms) => {
                let snapshotter = status.plan.expect("in a phase").snapshotter;
                self.snapshot = self.world.servers.get(&snapshotter).cloned();
                let order = match &self.snapshot {
                    Some(snapshot) => ServiceOrder::Mark { migration, mark: snapshot.next },
                    None => ServiceOrder::Cancel { migration, reason: AbortReason::SourceLost },
                };
                self.world.order(order).expect("the pin has kept it");
            }
            (Some(Phase::Transfer), _) if lasted(self.story.transfer_takes_ms) => self.restore(migration),
            (_, _) => {}
        }
    }

    fn restore(&mut self, migration: MigrationId) {
        let lives = [T, U].map(|target| (target, restored(target, migration)));
        for (target, incarnation) in lives {
            let mut server = self.snapshot.as_ref().expect("cut").restored_as(target, incarnation);
            server.state ^= u64::from(self.story.flipped == Some(target));
            if self.dead.iter().all(|dead| dead.node != target) {
                self.world.servers.insert(target, server);
            }
        }
        self.world
            .order(ServiceOrder::Reached { migration, phase: Phase::Restore })
            .expect("in the transfer");
        let order = ServiceOrder::Read { migration, targets: lives.to_vec(), review: REVIEW };
        self.world.order(order).expect("the log still has it");
    }
}

/// Guarantee 3.
#[allow(clippy::wildcard_enum_match_arm, reason = "the other events do not matter here")]
fn switched_over_rightly(teller: &Teller) -> Result<(), TestCaseError> {
    let world = &teller.world;
    let switched = world.events_like(|event| matches!(event, Event::SwitchedOver { .. }));
    prop_assert!(switched.len() <= 1);
    prop_assert!(
        switched.is_empty() || teller.story.flipped.is_none(),
        "over to a state that is another one"
    );
    let (mut mark, mut live) = (Offset(0), BTreeMap::new());
    for (now, event) in &world.events {
        match event {
            Event::Marked { mark: offset, .. } => mark = *offset,
            Event::Live { server, at, .. } => drop(live.entry(*server).or_insert(*at)),
            Event::SwitchedOver { at, .. } => {
                let reviewed_from = live[&T].max(live[&U]);
                prop_assert!(
                    at.from(reviewed_from) >= u64::from(REVIEW.agreements),
                    "{at} after {reviewed_from}"
                );
                closed_and_equal(world, mark, *at, *now)?;
            }
            _ => {}
        }
        if let Event::Ended { outcome: Outcome::Complete, review, .. } = event {
            prop_assert!(review.agreed >= REVIEW.agreements && review.disagreed == 0, "{:?}", review);
            prop_assert_eq!(switched.len(), 1);
        }
        let wronged = matches!(event, Event::Quarantined { .. });
        prop_assert!(!wronged, "{:?}, though no serving state differs", event);
    }
    Ok(())
}

/// By then, every request from the mark up to X had been answered to the client, and both targets' answers had come and
/// told of the same state.
fn closed_and_equal(world: &World, mark: Offset, x: Offset, by: Instant) -> Result<(), TestCaseError> {
    let digests = true_digests(world);
    for offset in mark.0..x.0 {
        let released = world.answers[&world.admitted[offset as usize]].first();
        prop_assert!(released.is_some_and(|(at, _)| *at <= by), "#{offset} was open");
        for target in [T, U] {
            let heard = world.heard.get(&(target, Offset(offset)));
            prop_assert!(heard.is_some_and(|(at, _)| *at <= by), "{target} had not answered #{offset}");
            prop_assert_eq!(heard.map(|(_, digest)| *digest), Some(digests[offset as usize]));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_guarantees_hold_whatever_befalls_the_network_one_server_and_one_target(story in story()) {
        let mut teller = Teller::tell(story);
        answered_once_and_rightly(&teller.world)?;
        for server in teller.world.servers.values().chain(&teller.dead) {
            applied_in_order(&teller.world, server)?;
        }
        switched_over_rightly(&teller)?;
        let forgot = |event: &Event| matches!(event, Event::ReaderDropped { why: DropCause::Forgot, .. });
        prop_assert!(teller.world.events_like(forgot).is_empty(), "no server here forgets anything");
        nothing_stays_pinned(&mut teller.world, &teller.dead)?;
    }

    #[test]
    fn without_faults_a_migration_completes_and_nobody_fails_over(seed: u64, begin_ms in 0_u64..500, transfer_takes_ms in 0_u64..250) {
        let story = Story {
            network: Network::default(),
            seed,
            serving_fault: None,
            target_fault: None,
            begin_ms,
            cut_takes_ms: 20,
            transfer_takes_ms,
            cancel_ms: None,
            flipped: None,
        };
        let teller = Teller::tell(story);
        answered_once_and_rightly(&teller.world)?;
        let status = teller.world.service.status();
        prop_assert_eq!(status.last, Some((MigrationId(1), Outcome::Complete)));
        prop_assert_eq!(status.serving.iter().map(|s| s.server).collect::<Vec<_>>(), [T, U]);
        prop_assert_eq!((status.epoch.0, status.head), (1, Offset(teller.world.admitted.len() as u64)));
        let slowest = teller.world.slowest();
        prop_assert!(slowest <= Duration::from_micros(1_200), "{} from admission to release", slowest);
    }
}
