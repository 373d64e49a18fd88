//! What the edge controller knows: the last reports, and since when the service has been as it is. All of it is soft. A
//! controller that starts anew begins with an empty view and asks; its clocks then start anew too.

use std::collections::BTreeMap;
use zerogap_proto::{
    Incarnation, Instant, MigrationId, NodeId, Offset, Phase, ServerStatus, ServiceStatus, Task,
};

#[derive(Debug, Default)]
pub(super) struct View {
    service: Option<ServiceStatus>,
    servers: BTreeMap<NodeId, Server>,
    client_at: Option<NodeId>,
    phase: Option<(MigrationId, Phase, Instant)>,
    ended: Option<(MigrationId, Instant)>,
}

/// What is known of one server.
#[derive(Debug, Default)]
struct Server {
    status: Option<ServerStatus>,
    lost: bool,
    cut: Option<Cut>,
    /// Since when its task has been what it is.
    task_since: Option<Instant>,
}

/// The latest cut of its state that a server reported, of a snapshot or of all that it holds when it is frozen. Known
/// beyond the server's end: what is out can still be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) migration: MigrationId,
    /// The life that made it.
    pub(super) life: Incarnation,
    pub(super) mark: Offset,
    pub(super) digest: u64,
    /// Every target has confirmed that it has all.
    pub(super) sent: bool,
}

impl View {
    pub(super) fn service(&self) -> Option<&ServiceStatus> {
        self.service.as_ref()
    }

    /// Whether a server's process has ended and none has come in its place.
    pub(super) fn is_lost(&self, server: NodeId) -> bool {
        self.servers.get(&server).is_some_and(|s| s.lost)
    }

    /// The last report of a server that is alive.
    pub(super) fn alive(&self, server: NodeId) -> Option<&ServerStatus> {
        self.servers.get(&server).filter(|s| !s.lost)?.status.as_ref()
    }

    /// Since when a server has reported the task that it has now.
    pub(super) fn task_since(&self, server: NodeId) -> Option<Instant> {
        self.servers.get(&server)?.task_since
    }

    /// What a server cut for this migration.
    pub(super) fn cut(&self, server: NodeId, migration: MigrationId) -> Option<Cut> {
        self.servers.get(&server)?.cut.filter(|c| c.migration == migration)
    }

    /// Whether this life of a server is known to be over.
    pub(super) fn is_over(&self, server: NodeId, life: Incarnation) -> bool {
        self.servers.get(&server).is_some_and(|s| match s.status {
            None => s.lost,
            Some(status) => status.incarnation > life || s.lost && status.incarnation == life,
        })
    }

    /// The switch at which the client's frames enter, by the SDN controller's word.
    pub(super) const fn client_at(&self) -> Option<NodeId> {
        self.client_at
    }

    /// Since when the plan under way has been in its phase.
    pub(super) fn phase_since(&self) -> Option<Instant> {
        self.phase.map(|(_, _, since)| since)
    }

    /// When the latest migration ended, or when it was first heard that it has.
    pub(super) fn ended_at(&self) -> Option<Instant> {
        self.ended.map(|(_, at)| at)
    }

    pub(super) fn client_is_at(&mut self, switch: NodeId) {
        self.client_at = Some(switch);
    }

    /// Takes the anchor's report in, unless it is older than what is known: attempts, epoch and head only grow.
    pub(super) fn learn_service(&mut self, now: Instant, status: ServiceStatus) {
        let older = |known: &ServiceStatus| {
            status.attempts < known.attempts || status.epoch < known.epoch || status.head < known.head
        };
        if self.service.as_ref().is_some_and(older) {
            return;
        }
        let is = status.plan.as_ref().map(|p| (p.migration, p.phase));
        if self.phase.map(|(migration, phase, _)| (migration, phase)) != is {
            self.phase = is.map(|(migration, phase)| (migration, phase, now));
        }
        let last = status.last.map(|(migration, _)| migration);
        if self.ended.map(|(migration, _)| migration) != last {
            self.ended = last.map(|migration| (migration, now));
        }
        self.service = Some(status);
    }

    /// Takes a report in, unless it is of a life that is over.
    pub(super) fn learn_server(&mut self, now: Instant, status: ServerStatus) {
        let known = self.servers.entry(status.server).or_default();
        let newer = known.status.is_none_or(|s| status.incarnation > s.incarnation);
        let same = !known.lost && known.status.is_some_and(|s| status.incarnation == s.incarnation);
        if !newer && !same {
            return;
        }
        if known.status.is_none_or(|s| s.task != status.task) {
            known.task_since = Some(now);
        }
        known.lost = false;
        known.status = Some(status);
        known.cut = cut_of(&status).or(known.cut);
    }

    pub(super) fn lose(&mut self, server: NodeId) {
        self.servers.entry(server).or_default().lost = true;
    }
}

const fn cut_of(status: &ServerStatus) -> Option<Cut> {
    let life = status.incarnation;
    match status.task {
        Task::Sending { migration, mark, digest } => Some(Cut { migration, life, mark, digest, sent: false }),
        Task::Sent { migration, mark, digest, .. } => Some(Cut { migration, life, mark, digest, sent: true }),
        Task::None | Task::Rounds { .. } | Task::Cutting { .. } | Task::Receiving { .. } => None,
        Task::Restoring { .. } | Task::Restored { .. } | Task::Pulling { .. } | Task::Failed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::fixture::{at, report};
    use zerogap_proto::{Epoch, ServiceId};

    const SERVER: NodeId = NodeId(7);

    fn life(n: u32) -> ServerStatus {
        report(SERVER, n, Task::None)
    }

    #[test]
    fn a_report_of_the_anchor_that_was_overtaken_is_ignored() {
        let report = |attempts, head| ServiceStatus {
            service: ServiceId(0),
            epoch: Epoch(1),
            head: Offset(head),
            serving: vec![],
            plan: None,
            attempts,
            completed: 0,
            last: None,
            ingress: None,
        };
        let mut view = View::default();
        view.learn_service(at(0), report(2, 50));
        view.learn_service(at(1), report(1, 50));
        view.learn_service(at(2), report(2, 49));
        assert_eq!(view.service.as_ref().map(|s| (s.attempts, s.head)), Some((2, Offset(50))));
        view.learn_service(at(3), report(3, 50));
        assert_eq!(view.service.map(|s| s.attempts), Some(3));
    }

    #[test]
    fn a_report_of_an_older_life_is_ignored() {
        let mut view = View::default();
        view.learn_server(at(0), life(5));
        view.learn_server(at(0), life(4));
        assert_eq!(view.alive(SERVER).map(|s| s.incarnation), Some(Incarnation(5)));
    }

    #[test]
    fn a_lost_server_comes_back_only_with_a_newer_life() {
        let mut view = View::default();
        view.learn_server(at(0), life(5));
        view.lose(SERVER);
        view.learn_server(at(0), life(5));
        assert!(view.alive(SERVER).is_none(), "a report that was under way when it ended");
        assert!(view.is_over(SERVER, Incarnation(5)) && !view.is_over(SERVER, Incarnation(6)));
        view.learn_server(at(0), life(6));
        assert!(view.alive(SERVER).is_some());
        assert!(view.is_over(SERVER, Incarnation(5)) && !view.is_over(SERVER, Incarnation(6)));
    }

    #[test]
    fn a_server_that_is_lost_before_it_was_heard_of_has_ended_whatever_life_it_was_in() {
        let mut view = View::default();
        assert!(!view.is_over(SERVER, Incarnation(3)), "nothing is known");
        view.lose(SERVER);
        assert!(view.is_over(SERVER, Incarnation(3)));
    }

    #[test]
    fn a_cut_is_remembered_beyond_the_life_that_made_it() {
        let migration = MigrationId(2);
        let mut view = View::default();
        view.learn_server(
            at(0),
            report(SERVER, 1, Task::Sent { migration, mark: Offset(9), digest: 8, bytes: 7 }),
        );
        view.lose(SERVER);
        view.learn_server(at(0), life(2));
        let cut = Cut { migration, life: Incarnation(1), mark: Offset(9), digest: 8, sent: true };
        assert_eq!(view.cut(SERVER, migration), Some(cut));
        assert_eq!(view.cut(SERVER, MigrationId(3)), None);
    }

    #[test]
    fn the_clock_of_a_phase_starts_when_it_is_first_seen_and_runs_on_in_later_reports() {
        let mut view = View::default();
        let mut status = crate::edge::fixture::service();
        status.plan = Some(crate::edge::fixture::plan(Phase::Snapshot));
        view.learn_service(at(10), status.clone());
        view.learn_service(at(20), status.clone());
        assert_eq!(view.phase_since(), Some(at(10)));
        status.plan = Some(crate::edge::fixture::plan(Phase::Transfer));
        view.learn_service(at(30), status);
        assert_eq!(view.phase_since(), Some(at(30)));
    }

    #[test]
    fn the_clock_of_a_task_runs_on_in_later_reports_of_the_same() {
        let migration = MigrationId(2);
        let mut view = View::default();
        view.learn_server(at(10), report(SERVER, 1, Task::Receiving { migration }));
        view.learn_server(at(20), report(SERVER, 1, Task::Receiving { migration }));
        assert_eq!(view.task_since(SERVER), Some(at(10)));
        view.learn_server(at(30), report(SERVER, 1, Task::Restoring { migration }));
        assert_eq!(view.task_since(SERVER), Some(at(30)));
    }
}
