//! What a comparison takes from a run's result.

use super::model::{Cell, CellHost};
use super::plan::{CellId, Contender};
use crate::results::{Ending, MigrationFigures, RunResult, Verdict};
use zerogap_proto::Goal;

/// The cell of this run.
pub fn cell(id: &CellId, result: &RunResult) -> Cell {
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
        host: host(result),
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

fn host(result: &RunResult) -> CellHost {
    let spans: Vec<_> = result.migrations.iter().filter_map(span_ns).collect();
    let stalls = &result.host.stalls;
    let inside = stalls.iter().filter(|stall| {
        let end_ns = stall.start_ns.saturating_add(stall.length_ns);
        spans.iter().any(|(from, to)| stall.start_ns <= *to && end_ns >= *from)
    });
    let stall_in_migration_max_ns = inside.map(|stall| stall.length_ns).max().unwrap_or(0);
    let half_of_it = |added_ns: u64| stall_in_migration_max_ns >= added_ns.div_ceil(2);
    let by_a_stall = stall_in_migration_max_ns > 0 && result.added_delay_max_ns.is_some_and(half_of_it);
    CellHost {
        stalls: stalls.len() as u64,
        stall_max_ns: result.host.stall_max_ns,
        stall_in_migration_max_ns,
        stalled: by_a_stall || result.verdict == Verdict::Inconclusive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{id, ms, result};
    use crate::results::StallSpan;
    use zerogap_proto::Scheme;

    const HOT: Contender = Contender::Scheme(Scheme::HotStandby);

    #[test]
    fn a_cell_has_its_result_s_figures_and_a_window_from_trigger_to_end() {
        let cell = cell(&id(HOT, 1), &result(Some((ms(3_000), ms(3_300), ms(5)))));
        assert_eq!(cell.directory, "cells/4MB/hot-standby/1");
        assert_eq!(cell.window_ns, Some(ms(300)));
        assert_eq!(cell.added_delay_max_ns, Some(ms(5)));
        assert_eq!(cell.migration_time_ns, Some(ms(300)));
        assert_eq!(cell.migration_downtime_ns, Some(0));
        assert!(!cell.host.stalled);
    }

    #[test]
    fn a_control_run_says_nothing_of_migrations() {
        let cell = cell(&id(Contender::Control, 1), &result(None));
        assert_eq!((cell.window_ns, cell.added_delay_max_ns), (None, None));
        assert_eq!((cell.migration_time_ns, cell.migration_downtime_ns), (None, None));
    }

    #[test]
    fn an_aborted_migration_has_a_delay_but_no_window() {
        let mut result = result(Some((ms(3_000), ms(3_300), ms(5))));
        result.migrations[0].outcome = Ending::Aborted;
        let cell = cell(&id(HOT, 1), &result);
        assert_eq!((cell.window_ns, cell.added_delay_max_ns), (None, Some(ms(5))));
    }

    #[test]
    fn a_run_is_stalled_if_a_stall_in_its_migration_explains_half_of_the_delay_or_it_is_inconclusive() {
        let stalled = |start_ms, length_us: u64, verdict| {
            let mut result = result(Some((ms(3_000), ms(3_300), ms(5))));
            result.host.stalls = vec![StallSpan { start_ns: ms(start_ms), length_ns: length_us * 1_000 }];
            result.verdict = verdict;
            cell(&id(HOT, 1), &result).host.stalled
        };
        assert!(stalled(3_100, 2_500, Verdict::Uninterrupted));
        assert!(stalled(2_999, 2_500, Verdict::Uninterrupted), "it reaches into the migration");
        assert!(!stalled(3_100, 2_499, Verdict::Uninterrupted), "too short to explain the delay");
        assert!(!stalled(4_000, 2_500, Verdict::Uninterrupted), "after the migration");
        assert!(stalled(4_000, 2_500, Verdict::Inconclusive));
    }
}
