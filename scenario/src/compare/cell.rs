//! What a comparison takes from a run's result.

use super::model::{Cell, CellHost};
use super::plan::{CellId, Contender};
use super::requests::Trace;
use crate::results::{Ending, MigrationFigures, RunResult, StallSpan, Verdict};
use zerogap_proto::Goal;

/// The cell of this run, from its result and its requests.
pub fn cell(id: &CellId, result: &RunResult, trace: &Trace) -> Cell {
    let moves = matches!(id.contender, Contender::Scheme(_));
    let window_ns =
        result.migrations.iter().filter(|m| moved(m)).filter_map(span_ns).map(|(a, b)| b - a).max();
    let downtimes_ns = result.migrations.iter().map(|m| m.downtime_ns);
    Cell {
        state_bytes: id.state.0,
        scheme: id.contender,
        repetition: id.repetition,
        directory: id.directory(),
        verdict: result.verdict,
        because: result.because.clone(),
        window_ns: window_ns.filter(|_| moves),
        // A result without a migration says 0, which would read as if one had cost nothing.
        added_delay_max_ns: result.added_delay_max_ns.filter(|_| !result.migrations.is_empty()),
        downtime_ns: result.downtime_ns,
        migration_downtime_ns: downtimes_ns.max(),
        migration_time_ns: result.migration_time_ns.filter(|_| !result.migrations.is_empty()),
        requests: result.requests,
        host: host(result, trace),
        started_unix_ns: result.started_unix_ns,
    }
}

fn moved(migration: &MigrationFigures) -> bool {
    migration.goal == Goal::SwitchOver && migration.outcome == Ending::Complete
}

/// From the trigger to the end: its first phase's start to its last one's end.
fn span_ns(migration: &MigrationFigures) -> Option<(u64, u64)> {
    let (first, last) = (migration.phases.first()?, migration.phases.last()?);
    Some((first.start_ns, last.end_ns.max(first.start_ns)))
}

fn host(result: &RunResult, trace: &Trace) -> CellHost {
    let spans = || result.migrations.iter().filter_map(span_ns);
    let stall_ns =
        |from, to| result.host.stalls.iter().filter_map(|s| within_ns(s, from, to)).max().unwrap_or(0);
    let most_delayed = spans().filter_map(|(from, to)| trace.most_delayed_ns(from, to));
    let explained_ns = most_delayed.map(|(due, answered)| stall_ns(due, answered)).max().unwrap_or(0);
    let half_of_it = |added_ns: u64| explained_ns >= added_ns.div_ceil(2);
    let by_a_stall = explained_ns > 0 && result.added_delay_max_ns.is_some_and(half_of_it);
    CellHost {
        stalls: result.host.stalls.len() as u64,
        stall_max_ns: result.host.stall_max_ns,
        stall_in_migration_max_ns: spans().map(|(from, to)| stall_ns(from, to)).max().unwrap_or(0),
        stalled: by_a_stall || result.verdict == Verdict::Inconclusive,
    }
}

/// How much of the stall lies between these instants.
fn within_ns(stall: &StallSpan, from_ns: u64, to_ns: u64) -> Option<u64> {
    let end_ns = stall.start_ns.saturating_add(stall.length_ns).min(to_ns);
    end_ns.checked_sub(stall.start_ns.max(from_ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{control_run, id, ms, result};
    use zerogap_proto::Scheme;

    const HOT: Contender = Contender::Scheme(Scheme::HotStandby);

    #[test]
    fn a_cell_has_its_result_s_figures_and_a_window_from_trigger_to_end() {
        let cell = cell(&id(HOT, 1), &result(Some((ms(3_000), ms(3_300), ms(5)))), &Trace::default());
        assert_eq!(cell.directory, "cells/4MB/hot-standby/1");
        assert_eq!(cell.window_ns, Some(ms(300)));
        assert_eq!(cell.added_delay_max_ns, Some(ms(5)));
        assert_eq!(cell.migration_time_ns, Some(ms(300)));
        assert_eq!(cell.migration_downtime_ns, Some(0));
        assert!(!cell.host.stalled);
    }

    #[test]
    fn a_control_run_says_nothing_of_migrations() {
        let cell = cell(&id(Contender::Control, 1), &result(None), &Trace::default());
        assert_eq!((cell.window_ns, cell.added_delay_max_ns), (None, None));
        assert_eq!((cell.migration_time_ns, cell.migration_downtime_ns), (None, None));
    }

    #[test]
    fn an_aborted_migration_has_a_delay_but_no_window() {
        let mut result = result(Some((ms(3_000), ms(3_300), ms(5))));
        result.migrations[0].outcome = Ending::Aborted;
        let cell = cell(&id(HOT, 1), &result, &Trace::default());
        assert_eq!((cell.window_ns, cell.added_delay_max_ns), (None, Some(ms(5))));
    }

    #[test]
    fn a_run_is_stalled_if_the_machine_explains_half_of_the_worst_delay_or_it_is_inconclusive() {
        // The third request is answered 7 ms after it was due, the others after 2.
        let trace = control_run(5, |n| ms(if n == 2 { 7 } else { 2 })).trace;
        let stalled = |start_us: u64, length_us: u64, verdict| {
            let mut result = result(Some((0, ms(60), ms(5))));
            result.host.stalls = vec![StallSpan { start_ns: start_us * 1_000, length_ns: length_us * 1_000 }];
            result.verdict = verdict;
            cell(&id(HOT, 1), &result, &trace).host.stalled
        };
        assert!(stalled(21_000, 2_500, Verdict::Uninterrupted));
        assert!(!stalled(21_000, 2_499, Verdict::Uninterrupted), "too short to explain the delay");
        assert!(!stalled(31_000, 9_000, Verdict::Uninterrupted), "another request was under way");
        assert!(!stalled(25_000, 9_000, Verdict::Uninterrupted), "only 2 ms of it delayed that request");
        assert!(stalled(31_000, 9_000, Verdict::Inconclusive));
    }
}
