//! What the tests say about a world: how it is configured, where the service is, what was ordered.

use super::{A1, A2, B1, B2, EDGE, S1, S2, SDN, World};
use zerogap_controller::edge::REFRESH;
use zerogap_controller::{CopyRules, EdgeConfig, NoStandby, NotConverged, PhaseTimeouts, Site};
use zerogap_proto::*;

pub(crate) const LIMIT: Duration = Duration::from_secs(60);

pub(crate) fn config(scheme: Scheme) -> EdgeConfig {
    let timeout = Duration::from_secs(1);
    let (downtime_budget, rounds_max, time_max) = (Duration::from_millis(10), 30, timeout);
    let rule = RoundsRule { downtime_budget, rounds_max, time_max };
    EdgeConfig {
        node: EDGE,
        sdn: SDN,
        service: ServiceId(1),
        sites: vec![Site { switch: S1, servers: vec![A1, A2] }, Site { switch: S2, servers: vec![B1, B2] }],
        scheme,
        review: ReviewRule { agreements: 20, absences_max: 5, deadline: Duration::from_secs(5) },
        timeouts: PhaseTimeouts {
            prepare: timeout,
            rounds: timeout,
            snapshot: timeout,
            transfer: timeout,
            restore: timeout,
        },
        copying: CopyRules {
            pre_copy: rule,
            hybrid: rule,
            not_converged: NotConverged::Stop,
            take_deadline: Duration::from_secs(5),
        },
        hold_time: Duration::from_millis(500),
        migrations_max: Some(1),
        no_standby: NoStandby::CopyOnWritePrimary,
        reseed: false,
        refresh: REFRESH,
    }
}

/// A world in which the client has just moved to the second site.
pub(crate) fn handover(scheme: Scheme) -> World {
    let mut world = World::new(config(scheme));
    world.client_moves_to(S2);
    world
}

pub(crate) fn serving(world: &World) -> Vec<NodeId> {
    world.anchor.status.serving.iter().map(|s| s.server).collect()
}

pub(crate) fn is_in(world: &World, phase: Phase) -> bool {
    world.anchor.status.plan.as_ref().is_some_and(|plan| plan.phase == phase)
}

/// The service is at the second site, and nothing is left of it elsewhere.
pub(crate) fn has_moved(world: &World) -> bool {
    let serving = serving(world);
    let mut elsewhere = world.servers.iter().filter(|(id, _)| !serving.contains(id));
    let is_clean = elsewhere.all(|(_, server)| !server.status.holds_state);
    let is_there = match world.config.scheme.replicas() {
        1 => serving == [B1] || serving == [B2],
        _ => serving == [B1, B2],
    };
    is_clean && is_there
}

/// The orders by name, repeats included.
pub(crate) fn names(world: &World) -> Vec<&'static str> {
    world.orders.iter().map(name).collect()
}

pub(crate) fn count(world: &World, wanted: &str) -> usize {
    names(world).iter().filter(|name| **name == wanted).count()
}

fn name(order: &Control) -> &'static str {
    if let Control::Service(ServiceCommand { order, .. }) = order {
        return match order {
            ServiceOrder::Begin { .. } => "Begin",
            ServiceOrder::Mark { .. } => "Mark",
            ServiceOrder::Reached { phase, .. } => reached(*phase),
            ServiceOrder::Freeze { .. } => "Freeze",
            ServiceOrder::Thaw { .. } => "Thaw",
            ServiceOrder::Take { .. } => "Take",
            ServiceOrder::Pulled { .. } => "Pulled",
            ServiceOrder::Read { .. } => "Read",
            ServiceOrder::Cancel { .. } => "Cancel",
            ServiceOrder::Remove { .. } => "Remove",
            ServiceOrder::Quarantine { .. } => "Quarantine",
        };
    }
    let Control::Server(command) = order else { panic!("{order:?} is not an order") };
    match command {
        ServerCommand::Prepare { .. } => "prepare",
        ServerCommand::Snapshot { .. } => "snapshot",
        ServerCommand::Rounds { .. } => "rounds",
        ServerCommand::Finish { .. } => "finish",
        ServerCommand::Cancel { .. } => "cancel",
        ServerCommand::Discard { .. } => "discard",
        ServerCommand::Report | ServerCommand::FlipBit { .. } => panic!("{command:?} changes nothing"),
    }
}

fn reached(phase: Phase) -> &'static str {
    match phase {
        Phase::Rounds => "Reached Rounds",
        Phase::Snapshot => "Reached Snapshot",
        Phase::Transfer => "Reached Transfer",
        Phase::Restore => "Reached Restore",
        Phase::Initial | Phase::Handover | Phase::Prepare | Phase::Freeze | Phase::Replay => {
            panic!("{phase}")
        }
        Phase::Review | Phase::SwitchOver | Phase::Pull | Phase::Complete => panic!("{phase}"),
    }
}
