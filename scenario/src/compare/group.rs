//! From runs to what they say together: a group for each scheme at each size, held against the control runs of that size in
//! windows as long as the scheme's migrations.

use super::model::{Cell, Comparison, Control, Group, GroupHost, GroupRequests, SCHEMA};
use super::plan::{Contender, Plan};
use super::spread::Spread;
use super::windows::ControlRun;
use crate::size::Size;
use std::collections::BTreeMap;
use zerogap_proto::Duration;

/// The comparison of these runs. `cells` may come in any order and lack some; `controls` are the control runs by the size of
/// their state.
pub fn compare(
    plan: &Plan,
    threshold: Duration,
    mut cells: Vec<Cell>,
    controls: &BTreeMap<Size, Vec<ControlRun>>,
) -> Comparison {
    let mut groups = Vec::new();
    let mut sorted = Vec::new();
    for state in plan.states() {
        let controls = controls.get(state).map_or(&[][..], Vec::as_slice);
        let mut longest_ns = None;
        for contender in plan.contenders() {
            let own = |cell: &mut Cell| (cell.state_bytes, cell.scheme) == (state.0, contender);
            let mut runs: Vec<Cell> = cells.extract_if(.., own).collect();
            runs.sort_by_key(|run| run.repetition);
            let mut group = group(*state, contender, &runs);
            match contender {
                Contender::Scheme(_) => {
                    let window_ns = Spread::of(runs.iter().filter_map(|run| run.window_ns)).map(|s| s.median);
                    longest_ns = longest_ns.max(window_ns);
                    group.control = held_against(&group, window_ns, controls);
                }
                Contender::Control => in_windows(&mut group, longest_ns, controls),
            }
            groups.push(group);
            sorted.append(&mut runs);
        }
    }
    Comparison {
        schema: SCHEMA.to_owned(),
        threshold_ns: threshold.as_nanos(),
        states_bytes: plan.states().iter().map(|state| state.0).collect(),
        schemes: plan.contenders().collect(),
        repeat: plan.repeat(),
        groups,
        cells: sorted,
        predictions: None,
    }
}

fn group(state: Size, scheme: Contender, runs: &[Cell]) -> Group {
    let over = |figure: fn(&Cell) -> Option<u64>| Spread::of(runs.iter().filter_map(figure));
    let sum = |figure: fn(&Cell) -> u64| runs.iter().map(figure).sum();
    let mut verdicts = BTreeMap::new();
    for run in runs {
        *verdicts.entry(run.verdict).or_insert(0) += 1;
    }
    Group {
        state_bytes: state.0,
        scheme,
        runs: runs.len() as u64,
        verdicts,
        added_delay_max_ns: over(|run| run.added_delay_max_ns),
        downtime_ns: over(|run| Some(run.downtime_ns)),
        migration_downtime_ns: over(|run| run.migration_downtime_ns),
        migration_time_ns: over(|run| run.migration_time_ns),
        requests: GroupRequests {
            sent: sum(|run| run.requests.sent),
            late: sum(|run| run.requests.late),
            lost: sum(|run| run.requests.lost),
        },
        host: GroupHost {
            runs_stalled: sum(|run| u64::from(run.host.stalled)),
            stalls: sum(|run| run.host.stalls),
            stall_max_ns: runs.iter().map(|run| run.host.stall_max_ns).max().unwrap_or(0),
        },
        control: None,
    }
}

fn held_against(group: &Group, window_ns: Option<u64>, controls: &[ControlRun]) -> Option<Control> {
    let window_ns = window_ns?;
    let added_delay_max_ns = Spread::of(controls.iter().flat_map(|run| run.added_delays_ns(window_ns)))?;
    let (own, other) = (group.added_delay_max_ns?.median, added_delay_max_ns.median);
    let added_delay_over_control_ns = i64::try_from(i128::from(own) - i128::from(other)).ok()?;
    Some(Control { window_ns, added_delay_max_ns, added_delay_over_control_ns })
}

/// Gives the control's group what a migration as long as this would have had by chance.
fn in_windows(group: &mut Group, window_ns: Option<u64>, controls: &[ControlRun]) {
    let Some(window_ns) = window_ns else { return };
    group.added_delay_max_ns = Spread::of(controls.iter().flat_map(|run| run.added_delays_ns(window_ns)));
    group.migration_downtime_ns = Spread::of(controls.iter().flat_map(|run| run.downtimes_ns(window_ns)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{control_run, id, ms, result};
    use crate::compare::{Trace, cell};
    use zerogap_proto::Scheme;

    const STATE: Size = Size(4_000_000);
    const HOT: Contender = Contender::Scheme(Scheme::HotStandby);
    const STOP: Contender = Contender::Scheme(Scheme::StopAndCopy);

    /// Hot standby: migrations of 30 ms that add 5, 7 and 6 ms; stop-and-copy: of 40 ms that add 90 ms; control: one of ten
    /// requests takes 3 ms longer than the others.
    fn compared() -> Comparison {
        let plan = Plan::new(&[Scheme::StopAndCopy, Scheme::HotStandby], &[STATE], 3);
        let (mut cells, trace) = (Vec::new(), Trace::default());
        for (repetition, added) in [(3, 6), (1, 5), (2, 7)] {
            cells.push(cell(&id(HOT, repetition), &result(Some((ms(3_000), ms(3_030), ms(added)))), &trace));
            cells.push(cell(&id(STOP, repetition), &result(Some((ms(3_000), ms(3_040), ms(90)))), &trace));
            cells.push(cell(&id(Contender::Control, repetition), &result(None), &trace));
        }
        let controls = vec![control_run(11, |n| ms(if n == 4 { 5 } else { 2 })); 2];
        compare(&plan, Duration::from_millis(10), cells, &[(STATE, controls)].into())
    }

    #[test]
    fn a_group_has_the_spread_of_its_runs_beside_control_windows_as_long_as_its_migrations() {
        let hot = &compared().groups[1];
        assert_eq!((hot.scheme, hot.runs), (HOT, 3));
        let spread = |s: Option<Spread>| s.map(|s| (s.count, s.min, s.median, s.max));
        assert_eq!(spread(hot.added_delay_max_ns), Some((3, ms(5), ms(6), ms(7))));
        assert_eq!(spread(hot.migration_time_ns), Some((3, ms(30), ms(30), ms(30))));
        let control = hot.control.unwrap();
        assert_eq!(control.window_ns, ms(30));
        assert_eq!(
            spread(Some(control.added_delay_max_ns)),
            Some((6, 0, 0, ms(3))),
            "three windows in each run"
        );
        assert_eq!(control.added_delay_over_control_ns, 6_000_000);
    }

    #[test]
    fn the_control_is_a_group_of_its_own_in_windows_as_long_as_the_longest_migrations() {
        let compared = compared();
        let control = &compared.groups[2];
        let spread = control.added_delay_max_ns.unwrap();
        assert_eq!((spread.count, spread.min, spread.max), (4, 0, ms(3)), "two windows of 40 ms in each run");
        assert_eq!(control.migration_downtime_ns.unwrap().max, 0);
        assert_eq!((control.migration_time_ns, control.control), (None, None));
        assert_eq!(control.runs, 3);
    }

    #[test]
    fn cells_are_listed_by_group_and_repetition_whatever_their_order_was() {
        let listed: Vec<_> = compared().cells.iter().map(|cell| cell.directory.clone()).collect();
        let group = |name| (1..=3).map(move |n| format!("cells/4MB/{name}/{n}"));
        assert_eq!(
            listed,
            group("stop-and-copy").chain(group("hot-standby")).chain(group("control")).collect::<Vec<_>>()
        );
    }

    #[test]
    fn where_nothing_completed_nothing_is_held_against_the_control() {
        let plan = Plan::new(&[Scheme::HotStandby], &[STATE], 1);
        let compared = compare(&plan, Duration::from_millis(10), Vec::new(), &BTreeMap::new());
        assert_eq!(compared.groups.len(), 2);
        assert!(
            compared.groups.iter().all(|group| group.control.is_none() && group.added_delay_max_ns.is_none())
        );
    }
}
