//! One table a scheme, and one a rule that schemes share. Each test starts from a situation in which nothing or one thing is
//! due, and changes one fact. Upkeep has tests of its own.

mod abort;
mod begin;
mod hot_standby;
mod hybrid;
mod post_copy;
mod pre_copy;
mod pull;
mod redundancy;
mod stop_and_copy;

use super::{begin as begins, go_on};
use crate::edge::config::transfer_endpoint;
use crate::edge::fixture::{A1, A2, B1, B2, Bench, M1, at, report};
use crate::edge::step::{Situation, Step, Steps};
use zerogap_proto::*;

const MARK: Offset = Offset(50);
const DIGEST: u64 = 0xd1;
const CUTTING: Task = Task::Cutting { migration: M1 };
const SENDING: Task = Task::Sending { migration: M1, mark: MARK, digest: DIGEST };
const SENT: Task = Task::Sent { migration: M1, mark: MARK, digest: DIGEST, bytes: 1 };
const RECEIVING: Task = Task::Receiving { migration: M1 };
const RESTORING: Task = Task::Restoring { migration: M1 };
const RESTORED: Task = Task::Restored { migration: M1, mark: MARK, digest: DIGEST };
const PULLING: Task = Task::Pulling { migration: M1, mark: MARK, digest: DIGEST };

/// Whether the anchor knows the mark.
const UNKNOWN: Option<Offset> = None;
const KNOWN: Option<Offset> = Some(MARK);

/// A line of the table of a scheme with a single server: phase, mark, tasks of source and target; and what is due.
type Line = (Phase, Option<Offset>, Task, Task, Vec<Step>);

fn holds(scheme: Scheme, table: impl IntoIterator<Item = Line>) {
    for (phase, mark, source, target, expected) in table {
        let due = orders(&single(scheme, phase, mark, source, target));
        assert_eq!(due, expected, "{scheme:?} in {phase}, mark {mark:?}, {source:?}, {target:?}");
    }
}

/// A hot-standby with these tasks of snapshotter and targets.
fn bench(phase: Phase, snapshotter: Task, targets: [Task; 2]) -> Bench {
    let mut bench = Bench::in_phase(phase);
    bench.view.learn_server(at(0), report(A2, 1, snapshotter));
    bench.view.learn_server(at(0), report(B1, 2, targets[0]));
    bench.view.learn_server(at(0), report(B2, 2, targets[1]));
    bench
}

/// A scheme with a single server, with these tasks of source and target.
fn single(scheme: Scheme, phase: Phase, mark: Option<Offset>, source: Task, target: Task) -> Bench {
    let mut bench = Bench::single(scheme, phase, mark);
    bench.view.learn_server(at(0), report(A1, 1, source));
    bench.view.learn_server(at(0), report(B1, 2, target));
    bench
}

/// All that is due beside upkeep.
fn due(s: &Situation<'_>) -> Steps {
    s.service.plan.as_ref().map_or_else(|| begins::next(s), |plan| go_on(s, plan))
}

fn orders(bench: &Bench) -> Vec<Step> {
    due(&bench.situation(0)).orders
}

fn anchor(order: ServiceOrder) -> Vec<Step> {
    vec![Step::Anchor(order)]
}

fn cancel(reason: AbortReason) -> Vec<Step> {
    anchor(ServiceOrder::Cancel { migration: M1, reason })
}

fn reached(phase: Phase) -> Vec<Step> {
    anchor(ServiceOrder::Reached { migration: M1, phase })
}

fn freeze() -> Vec<Step> {
    anchor(ServiceOrder::Freeze { migration: M1 })
}

fn take(lazy: bool) -> Vec<Step> {
    let (targets, deadline) = (vec![(B1, Incarnation(2))], Duration::from_secs(6));
    anchor(ServiceOrder::Take { migration: M1, targets, lazy, deadline })
}

fn prepare() -> Vec<Step> {
    vec![Step::Server(B1, ServerCommand::Prepare { migration: M1 })]
}

fn rounds_begin(rule: RoundsRule) -> Vec<Step> {
    let targets = vec![transfer_endpoint(B1)];
    vec![Step::Server(A1, ServerCommand::Rounds { migration: M1, targets, rule })]
}

fn finish(lazy: bool) -> Vec<Step> {
    let targets = vec![transfer_endpoint(B1)];
    vec![Step::Server(A1, ServerCommand::Finish { migration: M1, targets, lazy })]
}

const fn rounds(state: Rounds) -> Task {
    Task::Rounds { migration: M1, done: 1, state }
}
