//! The demo's two sites for the tables of the unit tests: a service in order, served by the first pair, all servers
//! reported. A test changes what its rule is about.

use super::config::{CopyRules, EdgeConfig, NoStandby, NotConverged, PhaseTimeouts, Site};
use super::step::Situation;
use super::view::View;
use zerogap_proto::*;

pub(super) const S1: NodeId = NodeId(1);
pub(super) const S2: NodeId = NodeId(2);
pub(super) const A1: NodeId = NodeId(11);
pub(super) const A2: NodeId = NodeId(12);
pub(super) const B1: NodeId = NodeId(21);
pub(super) const B2: NodeId = NodeId(22);
pub(super) const M1: MigrationId = MigrationId(1);

pub(super) struct Bench {
    pub(super) config: EdgeConfig,
    pub(super) view: View,
    pub(super) service: ServiceStatus,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut view = View::default();
        [A1, A2, B1, B2]
            .into_iter()
            .for_each(|server| view.learn_server(at(0), report(server, 1, Task::None)));
        Self { config: config(), view, service: service() }
    }

    /// With the plan of migration 1 in this phase since instant 0.
    pub(super) fn in_phase(phase: Phase) -> Self {
        let mut bench = Self::new();
        bench.service.plan = Some(plan(phase));
        bench.view.learn_service(at(0), bench.service.clone());
        bench
    }

    /// With a single server, the plan of migration 1 in this scheme and phase since instant 0. From the commit point on the
    /// target serves.
    pub(super) fn single(scheme: Scheme, phase: Phase, mark: Option<Offset>) -> Self {
        let mut bench = Self::new();
        // What to do without a standby is no question where there is none.
        (bench.config.scheme, bench.config.no_standby) = (scheme, NoStandby::Abort);
        let serving = if phase < Phase::SwitchOver { (A1, Incarnation(1)) } else { (B1, Incarnation(2)) };
        bench.service.serving = vec![serves(serving)];
        let targets = vec![B1];
        bench.service.plan = Some(PlanStatus { scheme, snapshotter: A1, targets, mark, ..plan(phase) });
        bench.view.learn_service(at(0), bench.service.clone());
        bench
    }

    pub(super) fn situation(&self, ms: u64) -> Situation<'_> {
        Situation { now: at(ms), config: &self.config, view: &self.view, service: &self.service }
    }
}

pub(super) fn at(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// A report; the first pair holds a state, the second does not.
pub(super) fn report(server: NodeId, life: u32, task: Task) -> ServerStatus {
    ServerStatus {
        server,
        incarnation: Incarnation(life),
        holds_state: server == A1 || server == A2,
        next: Offset(0),
        digest: 0,
        scrub_failed: false,
        task,
    }
}

pub(super) fn service() -> ServiceStatus {
    ServiceStatus {
        service: ServiceId(1),
        epoch: Epoch(4),
        head: Offset(100),
        serving: vec![serves((A1, Incarnation(1))), serves((A2, Incarnation(1)))],
        plan: None,
        attempts: 0,
        completed: 0,
        last: None,
        ingress: Some(S1),
    }
}

const fn serves((server, incarnation): (NodeId, Incarnation)) -> Serving {
    Serving { server, incarnation, health: Health::Healthy }
}

pub(super) fn plan(phase: Phase) -> PlanStatus {
    PlanStatus {
        migration: M1,
        scheme: Scheme::HotStandby,
        goal: Goal::SwitchOver,
        snapshotter: A2,
        targets: vec![B1, B2],
        phase,
        mark: (phase > Phase::Snapshot).then_some(Offset(50)),
        review: ReviewTally::default(),
    }
}

pub(super) fn config() -> EdgeConfig {
    EdgeConfig {
        node: NodeId(91),
        sdn: NodeId(90),
        service: ServiceId(1),
        sites: vec![Site { switch: S1, servers: vec![A1, A2] }, Site { switch: S2, servers: vec![B1, B2] }],
        scheme: Scheme::HotStandby,
        review: ReviewRule { agreements: 20, absences_max: 5, deadline: Duration::from_secs(5) },
        timeouts: PhaseTimeouts {
            prepare: Duration::from_secs(4),
            rounds: Duration::from_secs(5),
            snapshot: Duration::from_secs(1),
            transfer: Duration::from_secs(2),
            restore: Duration::from_secs(3),
        },
        copying: CopyRules {
            pre_copy: rounds_rule(30),
            hybrid: rounds_rule(1),
            not_converged: NotConverged::Stop,
            take_deadline: Duration::from_secs(6),
        },
        hold_time: Duration::from_millis(500),
        migrations_max: None,
        no_standby: NoStandby::CopyOnWritePrimary,
        reseed: false,
        refresh: Duration::from_millis(100),
    }
}

pub(super) const fn rounds_rule(rounds_max: u32) -> RoundsRule {
    let (downtime_budget, time_max) = (Duration::from_millis(10), Duration::from_secs(3));
    RoundsRule { downtime_budget, rounds_max, time_max }
}
