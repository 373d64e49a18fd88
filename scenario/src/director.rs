//! The director of a run: watches the journal, lets the testbed file's faults happen when their time has come, and says when
//! the run is over. Pure, so a fault strikes at the same place in both worlds.

mod drivers;

use crate::build::SERVICE;
use crate::file::{At, Fault, Testbed};
use crate::topology::Topology;
use drivers::Drivers;
use std::collections::{BTreeSet, VecDeque};
use zerogap_proto::{AbortReason, Duration, Event, Goal, Instant, NodeId, Outcome, Phase, ServiceId};

/// What the driver is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Carry out a fault of the file.
    Strike(Fault),
    /// Tell the client of this service to stop; the run ends when all are done.
    StopClient(ServiceId),
    /// All clients have closed their records: stop everything. `false`: because time ran out, not because all was done.
    End {
        /// Whether the wanted migrations happened.
        in_time: bool,
    },
}

/// How long after a server's process has ended its host starts a new one, with no state.
pub const RESPAWN_AFTER: Duration = Duration::from_millis(500);

/// How long the AGV drives on after the last migration, so that there is an "after" to measure.
const AFTER_LAST: Duration = Duration::from_secs(1);
/// How long the run may last beyond its wanted duration, for every wanted migration and once more.
const SLACK: Duration = Duration::from_secs(60);
/// How long the client may take to close its records after it was told to stop.
const CLOSING_MAX: Duration = Duration::from_secs(10);

/// Decides when what happens from outside.
#[derive(Debug)]
pub struct Director {
    /// There are several AGVs: they drive for the wanted time, and on as long as their service is being moved.
    fleet: bool,
    wanted: u32,
    until: Instant,
    latest: Instant,
    completed: u32,
    last_end: Instant,
    /// The service's state is gone: there is nothing to wait for.
    lost: bool,
    /// Servers that hold the service's state, or a part of it.
    holders: BTreeSet<NodeId>,
    /// A migration is under way: the state may be on its way from a server that is no more.
    moving: bool,
    goals: Vec<Goal>,
    planned: Vec<Planned>,
    drivers: Drivers,
    /// All have been told to stop.
    stopping: Option<Instant>,
    ended: bool,
    in_time: bool,
    actions: VecDeque<Action>,
}

#[derive(Debug)]
struct Planned {
    fault: Fault,
    due: Option<Instant>,
}

impl Director {
    /// A director for one run of the testbed, in which the client starts at `start`; the file's times count from there.
    pub fn new(testbed: &Testbed, start: Instant) -> Self {
        let planned = |fault: &Fault| {
            let due = match fault.at() {
                At::Time(span) => Some(start + span.0),
                At::Phase { .. } => None,
            };
            Planned { fault: fault.clone(), due }
        };
        let until = start + testbed.duration.0;
        let fleet = !testbed.fleet.is_one();
        let awaited = if fleet { 1 } else { testbed.migrations };
        let names = Topology::new(testbed).names;
        let serving = testbed.service.serving.iter().take(testbed.scheme.replicas());
        let timeouts = &testbed.controllers.timeouts;
        let phases = timeouts.rounds.0 + timeouts.transfer.0 + timeouts.restore.0;
        Self {
            fleet,
            wanted: if fleet { 0 } else { testbed.migrations },
            until,
            latest: until + (SLACK + phases).times(u64::from(awaited)) + SLACK,
            completed: 0,
            last_end: Instant::ZERO,
            lost: false,
            holders: serving.filter_map(|name| names.id(name)).collect(),
            moving: false,
            goals: Vec::new(),
            planned: testbed.faults.iter().map(planned).collect(),
            drivers: Drivers::new(testbed.fleet.agvs_in_all()),
            stopping: None,
            ended: false,
            in_time: true,
            actions: VecDeque::new(),
        }
    }

    /// Shows it an event.
    pub fn watch(&mut self, now: Instant, event: &Event) {
        if let Event::Phase { service: SERVICE, migration, phase } = event {
            self.phase(now, migration.0, *phase);
        } else if let Event::ClientDone { .. } = event
            && self.drivers.done()
        {
            self.end();
        }
        if self.fleet {
            self.watch_fleet(event);
        } else {
            self.watch_service(now, event);
        }
        self.tick(now);
    }

    /// What each of many services does: its AGV may not stop while it is being moved.
    fn watch_fleet(&mut self, event: &Event) {
        if let Event::Begun { service, .. } = event {
            self.drivers.begins(*service);
        } else if let Event::Ended { service, .. } = event {
            self.actions.extend(self.drivers.ends(*service).map(Action::StopClient));
        }
    }

    /// What the one service does: so many migrations are waited for, as long as there is a state to be moved.
    fn watch_service(&mut self, now: Instant, event: &Event) {
        if let Event::Begun { goal, .. } = event {
            self.goals.push(*goal);
            self.moving = true;
        } else if let Event::Ended { migration, outcome, .. } = event {
            self.last_end = now;
            self.moving = false;
            let goal = self.goals.get((migration.0 as usize).saturating_sub(1));
            self.completed += u32::from(*outcome == Outcome::Complete && goal == Some(&Goal::SwitchOver));
            self.lost |= *outcome == Outcome::Aborted(AbortReason::SourceLostInPull);
        } else if let Event::Restored { server, .. } | Event::Usable { server, .. } = event {
            self.holders.insert(*server);
        } else if let Event::ServerLost { server } | Event::Reset { server, .. } = event {
            self.holders.remove(server);
        }
        self.look_for_the_state(now);
    }

    /// The time has come that [`Director::deadline`] said.
    pub fn tick(&mut self, now: Instant) {
        let due = |planned: &mut Planned| planned.due.is_some_and(|at| at <= now);
        self.actions.extend(self.planned.extract_if(.., due).map(|planned| Action::Strike(planned.fault)));
        match self.stopping {
            None if self.drivers.is_closing() && self.drivers.all_stopped() => self.stopping = Some(now),
            None if self.fleet && now >= self.until && !self.drivers.is_closing() => {
                self.actions.extend(self.drivers.close().into_iter().map(Action::StopClient));
            }
            None if now >= self.stop_at() => {
                self.in_time = !self.fleet && self.completed >= self.wanted;
                self.stopping = Some(now);
                self.actions.extend(self.drivers.stop_all().into_iter().map(Action::StopClient));
            }
            Some(since) if now >= since + CLOSING_MAX => self.end(),
            None | Some(_) => {}
        }
    }

    /// What is to be done next.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When to come back at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        let stop = match self.stopping {
            None => self.stop_at(),
            Some(since) => since + CLOSING_MAX,
        };
        let faults = self.planned.iter().filter_map(|planned| planned.due);
        (!self.ended).then(|| faults.fold(stop, Instant::min))
    }

    fn stop_at(&self) -> Instant {
        if self.fleet {
            if self.drivers.is_closing() { self.latest } else { self.until }
        } else if self.lost {
            self.last_end + AFTER_LAST
        } else if self.completed >= self.wanted {
            self.until.max(self.last_end + AFTER_LAST)
        } else {
            self.latest
        }
    }

    /// If nobody holds the state any more, and none is on its way, there is nothing to wait for.
    fn look_for_the_state(&mut self, now: Instant) {
        if self.holders.is_empty() && !self.moving && !self.lost {
            self.lost = true;
            self.last_end = now;
        }
    }

    fn phase(&mut self, now: Instant, number: u32, entered: Phase) {
        for planned in &mut self.planned {
            if let At::Phase { phase, migration, delay } = planned.fault.at()
                && (phase, migration) == (entered, number)
                && planned.due.is_none()
            {
                planned.due = Some(now + delay.0);
            }
        }
    }

    fn end(&mut self) {
        if !self.ended {
            self.ended = true;
            self.actions.push_back(Action::End { in_time: self.in_time });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{MigrationId, NodeId, Offset, ReviewTally, Scheme};

    fn secs(n: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(n)
    }

    fn begun(n: u32, goal: Goal) -> Event {
        let (migration, snapshotter) = (MigrationId(n), NodeId(0));
        let (scheme, pinned) = (Scheme::HotStandby, Offset(0));
        Event::Begun { service: SERVICE, migration, scheme, goal, snapshotter, targets: vec![], pinned }
    }

    fn ended(n: u32) -> Event {
        let (migration, review) = (MigrationId(n), ReviewTally::default());
        Event::Ended { service: SERVICE, migration, outcome: Outcome::Complete, review, replayed: 0 }
    }

    fn actions(director: &mut Director) -> Vec<Action> {
        std::iter::from_fn(|| director.poll()).collect()
    }

    #[test]
    fn a_run_lasts_until_its_migrations_are_over_and_a_second_longer() {
        let mut d = Director::new(&Testbed::default(), Instant::ZERO);
        d.tick(secs(9));
        assert_eq!(actions(&mut d), [], "the migration has not happened yet");
        d.watch(secs(10), &begun(1, Goal::SwitchOver));
        d.watch(secs(11), &ended(1));
        assert_eq!(d.deadline(), Some(secs(12)));
        d.tick(secs(12));
        assert_eq!(actions(&mut d), [Action::StopClient(SERVICE)]);
        d.watch(secs(12), &Event::ClientDone { client: NodeId(0) });
        assert_eq!(actions(&mut d), [Action::End { in_time: true }]);
        assert_eq!(d.deadline(), None);
    }

    #[test]
    fn a_reseeding_is_not_a_migration_that_was_asked_for() {
        let mut d = Director::new(&Testbed::default(), Instant::ZERO);
        d.watch(secs(1), &begun(1, Goal::Reseed));
        d.watch(secs(2), &ended(1));
        d.tick(secs(20));
        assert_eq!(actions(&mut d), []);
    }

    #[test]
    fn a_client_that_does_not_close_does_not_keep_the_run_going() {
        let mut d = Director::new(&Testbed { migrations: 0, ..Testbed::default() }, Instant::ZERO);
        d.tick(secs(100));
        d.tick(secs(110));
        assert_eq!(actions(&mut d), [Action::StopClient(SERVICE), Action::End { in_time: true }]);
    }

    #[test]
    fn a_run_whose_state_is_gone_with_its_last_holder_waits_for_no_migration() {
        let testbed = Testbed::default();
        let names = Topology::new(&testbed).names;
        let [a1, a2, b1] = ["edge-a1", "edge-a2", "edge-b1"].map(|name| names.id(name).expect("the demo's"));
        let lost = |server| Event::ServerLost { server };
        let mut d = Director::new(&testbed, Instant::ZERO);
        d.watch(secs(1), &lost(a1));
        d.watch(secs(2), &Event::Reset { server: b1, incarnation: zerogap_proto::Incarnation(1) });
        d.tick(secs(20));
        assert_eq!(actions(&mut d), [], "the standby holds the state");
        d.watch(secs(20), &begun(1, Goal::SwitchOver));
        d.watch(secs(21), &lost(a2));
        d.tick(secs(30));
        assert_eq!(actions(&mut d), [], "it may be on its way");
        let (migration, review) = (MigrationId(1), ReviewTally::default());
        let outcome = Outcome::Aborted(AbortReason::TransferFailed);
        d.watch(secs(31), &Event::Ended { service: SERVICE, migration, outcome, review, replayed: 0 });
        assert_eq!(d.deadline(), Some(secs(32)));
        d.tick(secs(32));
        assert_eq!(actions(&mut d), [Action::StopClient(SERVICE)]);
    }

    #[test]
    fn a_fault_strikes_in_its_migrations_phase_and_once() {
        let at = At::Phase {
            phase: Phase::Review,
            migration: 2,
            delay: crate::size::Span(Duration::from_secs(1)),
        };
        let fault = Fault::RestartControllers { at };
        let mut d =
            Director::new(&Testbed { faults: vec![fault.clone()], ..Testbed::default() }, Instant::ZERO);
        let entered = |n| Event::Phase { service: SERVICE, migration: MigrationId(n), phase: Phase::Review };
        d.watch(secs(1), &entered(1));
        assert_eq!(actions(&mut d), []);
        d.watch(secs(2), &entered(2));
        d.tick(secs(3));
        assert_eq!(actions(&mut d), [Action::Strike(fault)]);
        d.tick(secs(4));
        assert_eq!(actions(&mut d), []);
    }

    #[test]
    fn an_agv_of_a_fleet_stops_when_its_service_is_settled_and_the_run_ends_with_the_last() {
        let fleet = crate::file::Fleet { halls: 1, agvs: 2, ..Default::default() };
        let mut d = Director::new(&Testbed { fleet, ..Testbed::default() }, Instant::ZERO);
        d.watch(secs(1), &begun(1, Goal::SwitchOver));
        assert_eq!(d.deadline(), Some(secs(8)));
        d.tick(secs(8));
        assert_eq!(actions(&mut d), [Action::StopClient(ServiceId(1))], "the first is being moved");
        d.watch(secs(9), &ended(1));
        assert_eq!(actions(&mut d), [Action::StopClient(SERVICE)]);
        for client in [NodeId(0), NodeId(1)] {
            assert_eq!(actions(&mut d), []);
            d.watch(secs(10), &Event::ClientDone { client });
        }
        assert_eq!(actions(&mut d), [Action::End { in_time: true }]);
    }
}
