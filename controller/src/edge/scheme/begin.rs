//! Whether a migration begins: a switch-over when the client is at another site, a re-seed when the standby is missing.
//! Triggers are not queued: whatever happened while a migration was under way, only where things stand counts. Before the
//! anchor knows how the latest one has ended, none begins. A scheme with a single server copies that one; one with a pair
//! copies the standby, and alone knows re-seeding.

use crate::edge::config::NoStandby;
use crate::edge::step::{Situation, Steps};
use zerogap_proto::{Goal, Health, MigrationId, NodeId, ServerStatus, ServiceOrder, Serving, Task};

pub(super) fn next(s: &Situation<'_>) -> Steps {
    if s.service.is_falling_back() {
        return Steps::default();
    }
    let hold = s.hold_until().filter(|&until| until > s.now);
    if hold.is_some() {
        return Steps::later(hold);
    }
    let (moved, seeded) = (switch_over(s), new_standby(s));
    let standby_first = s.config.no_standby == NoStandby::Abort && healthy_standby(s).is_none();
    let chosen = if standby_first { seeded.or(moved) } else { moved.or(seeded) };
    chosen.unwrap_or_default()
}

/// The client's frames enter at another site than the primary's, and as many servers are free there as are needed.
fn switch_over(s: &Situation<'_>) -> Option<Steps> {
    let primary = healthy_primary(s)?;
    let site = s.config.site_of_switch(s.place()?)?;
    let needed = s.config.scheme.replicas();
    let mut targets = s.free(site);
    if site.servers.contains(&primary) || targets.len() < needed || !s.migrations_left() {
        return None;
    }
    targets.truncate(needed);
    Some(begin(s, Goal::SwitchOver, healthy_standby(s).unwrap_or(primary), targets))
}

/// The primary stands alone: a server that is free beside it becomes its standby. If the only one is the old standby,
/// which is no longer believed, that has to leave first.
fn new_standby(s: &Situation<'_>) -> Option<Steps> {
    let primary = healthy_primary(s)?;
    let standbys = &s.service.serving[1..];
    if !s.config.reseed
        || s.config.scheme.replicas() == 1
        || standbys.iter().any(|standby| standby.health != Health::Quarantined)
    {
        return None;
    }
    let site = s.config.site_of_server(primary)?;
    if let Some(&target) = s.free(site).first() {
        return Some(begin(s, Goal::Reseed, primary, vec![target]));
    }
    let usable =
        |standby: &&Serving| site.servers.contains(&standby.server) && s.view.alive(standby.server).is_some();
    let &Serving { server, incarnation, .. } = standbys.iter().find(usable)?;
    Some(Steps::anchor(ServiceOrder::Remove { server, incarnation }))
}

/// Nothing yet, if the snapshotter has not reported, is still copying for an earlier migration, or has pulled only part of
/// its own state.
fn begin(s: &Situation<'_>, goal: Goal, snapshotter: NodeId, targets: Vec<NodeId>) -> Steps {
    let is_whole = |status: &ServerStatus| status.holds_state && !matches!(status.task, Task::Pulling { .. });
    if !s.view.alive(snapshotter).is_some_and(is_whole) || s.copying(snapshotter).is_some() {
        return Steps::default();
    }
    let (migration, scheme) = (MigrationId(s.service.attempts + 1), s.config.scheme);
    Steps::anchor(ServiceOrder::Begin { migration, scheme, goal, snapshotter, targets })
}

fn healthy_primary(s: &Situation<'_>) -> Option<NodeId> {
    s.primary().filter(|primary| primary.health == Health::Healthy).map(|primary| primary.server)
}

fn healthy_standby(s: &Situation<'_>) -> Option<NodeId> {
    let standbys = s.service.serving.iter().skip(1);
    standbys.filter(|standby| standby.health == Health::Healthy).map(|standby| standby.server).next()
}
