//! What every scheme needs done beside its migrations: the anchor is told of serving lives that are over or not to be
//! believed, and when nothing is under way, whatever an ended migration left on the servers is cleared away. While a plan is
//! under way no server is touched: a frozen source that no longer serves is the targets' fall-back.

use super::step::{Situation, Step};
use zerogap_proto::{Health, NodeId, ServerCommand, ServerStatus, ServiceOrder, Serving, Task};

/// What the anchor must hear of its serving servers. Nothing begins before it has.
pub(super) fn mend(s: &Situation<'_>) -> Vec<Step> {
    s.service.serving.iter().filter_map(|serving| mend_one(s, serving)).map(Step::Anchor).collect()
}

fn mend_one(s: &Situation<'_>, &Serving { server, incarnation, health }: &Serving) -> Option<ServiceOrder> {
    if s.view.is_over(server, incarnation) {
        return (!has_failed(s, server)).then_some(ServiceOrder::Remove { server, incarnation });
    }
    let status = s.view.alive(server).filter(|status| status.incarnation == incarnation)?;
    let news = status.scrub_failed && health != Health::Quarantined;
    news.then_some(ServiceOrder::Quarantine { server, incarnation })
}

/// A target that could not pull all of its state has forgotten what it had, which ends its life. What follows from that is for
/// the migration to say.
fn has_failed(s: &Situation<'_>, server: NodeId) -> bool {
    let under_way = s.service.plan.as_ref().map(|plan| plan.migration);
    let task = s.view.alive(server).map(|status| status.task);
    matches!(task, Some(Task::Failed { migration, .. }) if Some(migration) == under_way)
}

/// While no migration is under way: ends its jobs and has states discarded that nobody will use.
pub(super) fn tidy(s: &Situation<'_>) -> Vec<Step> {
    s.config.servers().filter_map(|server| Some(Step::Server(server, tidy_one(s, server)?))).collect()
}

fn tidy_one(s: &Situation<'_>, server: NodeId) -> Option<ServerCommand> {
    let status = s.view.alive(server)?;
    if let Some(serving) = s.serving(server).filter(|serving| serving.incarnation >= status.incarnation) {
        // A report older than the serving life says nothing; a serving server only has its copying ended.
        let known = serving.incarnation == status.incarnation;
        return s.copying(server).filter(|_| known).map(|migration| ServerCommand::Cancel { migration });
    }
    match status.task {
        Task::Rounds { migration, .. } | Task::Cutting { migration } | Task::Sending { migration, .. } => {
            Some(ServerCommand::Cancel { migration })
        }
        Task::Receiving { migration } | Task::Restoring { migration } | Task::Pulling { migration, .. } => {
            Some(ServerCommand::Cancel { migration })
        }
        Task::None if !status.holds_state => None,
        Task::None | Task::Sent { .. } | Task::Restored { .. } | Task::Failed { .. } => {
            Some(ServerCommand::Discard { incarnation: status.incarnation })
        }
    }
}

/// Whether a server is to be asked for a report: nothing is known of it, it has a part in a migration, or it is not as it
/// should be, so that a lost report may have told that it is now.
pub(super) fn wants_report(s: &Situation<'_>, server: NodeId) -> bool {
    let Some(status) = s.view.alive(server) else { return true };
    let involved =
        s.service.plan.as_ref().is_some_and(|p| p.snapshotter == server || p.targets.contains(&server));
    involved || !is_settled(s, status)
}

fn is_settled(s: &Situation<'_>, status: &ServerStatus) -> bool {
    match s.serving(status.server) {
        Some(serving) => serving.health == Health::Healthy && s.copying(status.server).is_none(),
        None => !status.holds_state && status.task == Task::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::fixture::{A1, A2, B1, Bench, M1, at, report};
    use zerogap_proto::{Incarnation, JobFailure, Offset, Phase, Rounds};

    fn mended(bench: &Bench) -> Vec<Step> {
        mend(&bench.situation(0))
    }

    fn tidied(bench: &Bench) -> Vec<Step> {
        tidy(&bench.situation(0))
    }

    #[test]
    fn a_service_in_order_needs_nothing() {
        let bench = Bench::new();
        assert_eq!((mended(&bench), tidied(&bench)), (vec![], vec![]));
    }

    #[test]
    fn a_serving_server_that_ended_or_has_a_newer_life_is_removed_in_its_serving_life() {
        let removed = vec![Step::Anchor(ServiceOrder::Remove { server: A2, incarnation: Incarnation(1) })];
        let mut bench = Bench::new();
        bench.view.lose(A2);
        assert_eq!(mended(&bench), removed, "its process ended");
        bench.view.learn_server(at(0), report(A2, 2, Task::None));
        assert_eq!(mended(&bench), removed, "it is back, with nothing of what it had");
    }

    #[test]
    fn a_target_whose_pull_has_failed_is_left_to_its_migration_as_long_as_that_is_under_way() {
        let mut bench = Bench::in_phase(Phase::Pull);
        bench
            .view
            .learn_server(at(0), report(A2, 2, Task::Failed { migration: M1, reason: JobFailure::Torn }));
        assert_eq!(mended(&bench), []);
        bench.service.plan = None;
        let removed = ServiceOrder::Remove { server: A2, incarnation: Incarnation(1) };
        assert_eq!(mended(&bench), [Step::Anchor(removed)]);
    }

    #[test]
    fn a_serving_server_whose_scrub_failed_is_quarantined_once() {
        let mut bench = Bench::new();
        bench.view.learn_server(at(0), ServerStatus { scrub_failed: true, ..report(A1, 1, Task::None) });
        let order = ServiceOrder::Quarantine { server: A1, incarnation: Incarnation(1) };
        assert_eq!(mended(&bench), [Step::Anchor(order)]);
        bench.service.serving[0].health = Health::Quarantined;
        assert_eq!(mended(&bench), []);
    }

    #[test]
    fn what_a_dead_migration_left_on_a_free_server_is_cleared_away() {
        let (mark, digest, bytes) = (Offset(3), 4, 5);
        let cancel = Some(ServerCommand::Cancel { migration: M1 });
        let discard = Some(ServerCommand::Discard { incarnation: Incarnation(6) });
        for (task, holds_state, expected) in [
            (Task::None, false, None),
            (Task::None, true, discard.clone()),
            (Task::Rounds { migration: M1, done: 2, state: Rounds::Ready }, true, cancel.clone()),
            (Task::Cutting { migration: M1 }, true, cancel.clone()),
            (Task::Sending { migration: M1, mark, digest }, true, cancel.clone()),
            (Task::Sent { migration: M1, mark, digest, bytes }, true, discard.clone()),
            (Task::Receiving { migration: M1 }, false, cancel.clone()),
            (Task::Restoring { migration: M1 }, false, cancel.clone()),
            (Task::Pulling { migration: M1, mark, digest }, true, cancel),
            (Task::Restored { migration: M1, mark, digest }, true, discard.clone()),
            (Task::Failed { migration: M1, reason: JobFailure::Torn }, false, discard),
        ] {
            let mut bench = Bench::new();
            bench.view.learn_server(at(0), ServerStatus { holds_state, ..report(B1, 6, task) });
            let expected: Vec<_> = expected.into_iter().map(|c| Step::Server(B1, c)).collect();
            assert_eq!(tidied(&bench), expected, "{task:?}, holds state: {holds_state}");
            assert_eq!(wants_report(&bench.situation(0), B1), !expected.is_empty(), "{task:?}");
        }
    }

    #[test]
    fn a_serving_server_keeps_its_state_and_only_its_copying_is_ended() {
        let (mark, digest) = (Offset(3), 4);
        for (task, is_ended) in [
            (Task::Rounds { migration: M1, done: 2, state: Rounds::GaveUp }, true),
            (Task::Cutting { migration: M1 }, true),
            (Task::Sending { migration: M1, mark, digest }, true),
            (Task::Sent { migration: M1, mark, digest, bytes: 5 }, false),
            (Task::Pulling { migration: M1, mark, digest }, false),
            (Task::Restored { migration: M1, mark, digest }, false),
        ] {
            let mut bench = Bench::new();
            bench.view.learn_server(at(0), report(A2, 1, task));
            let cancel = Step::Server(A2, ServerCommand::Cancel { migration: M1 });
            assert_eq!(tidied(&bench), Vec::from_iter(is_ended.then_some(cancel)), "{task:?}");
            assert_eq!(wants_report(&bench.situation(0), A2), is_ended, "{task:?}");
        }
    }

    #[test]
    fn a_server_is_asked_when_it_has_a_part_in_a_migration_or_the_anchor_hears_nothing_of_it() {
        let asked = |bench: &Bench| [A1, A2, B1].map(|server| wants_report(&bench.situation(0), server));
        assert_eq!(asked(&Bench::new()), [false, false, false]);
        assert_eq!(asked(&Bench::in_phase(Phase::Snapshot)), [false, true, true], "snapshotter and target");
        let mut bench = Bench::new();
        bench.service.serving[0].health = Health::Absent;
        assert_eq!(asked(&bench), [true, false, false]);
    }

    #[test]
    fn a_report_from_before_the_serving_life_discards_nothing() {
        let mut bench = Bench::new();
        bench.service.serving[0].incarnation = Incarnation(9);
        bench
            .view
            .learn_server(at(0), report(A1, 8, Task::Sending { migration: M1, mark: Offset(3), digest: 4 }));
        assert_eq!(tidied(&bench), []);
    }
}
