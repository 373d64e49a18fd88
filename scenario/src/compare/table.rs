//! The comparison as a table for people: a line for each scheme and size, the control last of each size. Milliseconds and
//! seconds with three digits; a dash where there is nothing to say.

use super::model::{Comparison, Group};
use super::plan::Contender;
use super::spread::Spread;
use crate::columns::{MS, S, aligned, number};
use crate::size::Size;

/// Text columns to the left, counts to the right.
const TO_THE_RIGHT: [bool; 10] = [false, false, false, true, false, false, true, true, true, false];

const LEGEND: &str = "
Median over the runs [lowest..highest]. Added delay and downtime are those within the migration; those of the control are of
windows as long as the longest migrations. In the column control: its median over windows as long as this line's migrations.
Late and lost: all requests of all runs. Stalled: runs whose figures are rather the machine's, which stood still meanwhile.
";

/// The table, with a line's end.
pub fn table(comparison: &Comparison) -> String {
    let head = [
        "state",
        "scheme",
        "added delay, ms",
        "control, ms",
        "downtime, ms",
        "migration, s",
        "late",
        "lost",
        "stalled",
        "verdicts",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut above = None;
    for group in &comparison.groups {
        let new = above.replace(group.state_bytes) != Some(group.state_bytes);
        if new && rows.len() > 1 {
            rows.push(Default::default());
        }
        rows.push(row(group, new));
    }
    let mut text = aligned(&rows, TO_THE_RIGHT);
    text.push_str(LEGEND);
    text
}

fn row(group: &Group, first_of_state: bool) -> [String; 10] {
    let state = if first_of_state { Size(group.state_bytes).to_string() } else { String::new() };
    let control = match (group.scheme, &group.control) {
        (Contender::Scheme(_), Some(control)) => number(control.added_delay_max_ns.median, MS),
        (Contender::Scheme(_), None) => "-".to_owned(),
        (Contender::Control, _) => String::new(),
    };
    let verdicts: Vec<String> =
        group.verdicts.iter().map(|(verdict, n)| format!("{n} {}", verdict.name())).collect();
    [
        state,
        group.scheme.name().to_owned(),
        spread(group.added_delay_max_ns, MS),
        control,
        spread(group.migration_downtime_ns, MS),
        if group.scheme == Contender::Control { String::new() } else { spread(group.migration_time_ns, S) },
        group.requests.late.to_string(),
        group.requests.lost.to_string(),
        group.host.runs_stalled.to_string(),
        verdicts.join(", "),
    ]
}

fn spread(spread: Option<Spread>, unit_ns: u64) -> String {
    match spread {
        None => "-".to_owned(),
        Some(Spread { median, min, max, .. }) if min == max => number(median, unit_ns),
        Some(Spread { median, min, max, .. }) => {
            let [median, min, max] = [median, min, max].map(|ns| number(ns, unit_ns));
            format!("{median} [{min}..{max}]")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{control_run, id, ms, result};
    use crate::compare::{CellId, Plan, Trace, cell, compare};
    use crate::results::Verdict;
    use zerogap_proto::{Duration, Scheme};

    #[test]
    fn the_table_has_a_line_for_each_scheme_and_size_and_the_control_last() {
        let states = [Size(4_000_000), Size(40_000_000)];
        let (hot, stop) = (Scheme::HotStandby, Scheme::StopAndCopy);
        let (mut cells, trace) = (Vec::new(), Trace::default());
        for (state, factor) in [(states[0], 1), (states[1], 10)] {
            for repetition in 1..=3 {
                let at = |contender| CellId { state, ..id(contender, repetition) };
                let added = ms(1) * u64::from(repetition);
                let end = ms(3_000 + 30 * factor);
                let moved = result(Some((ms(3_000), end, added)));
                cells.push(cell(&at(Contender::Scheme(hot)), &moved, &trace));
                let mut noticed = result(Some((ms(3_000), end, ms(90 * factor) + added)));
                noticed.verdict = if repetition == 2 { Verdict::Failed } else { Verdict::Interrupted };
                (noticed.requests.late, noticed.requests.lost) = (8 * factor, 1);
                noticed.migrations[0].downtime_ns = ms(95 * factor);
                cells.push(cell(&at(Contender::Scheme(stop)), &noticed, &trace));
                cells.push(cell(&at(Contender::Control), &result(None), &trace));
            }
        }
        let controls = states.map(|state| (state, vec![control_run(120, |n| ms(2) + n % 9 * 300_000)]));
        let plan = Plan::new(&[stop, hot], &states, 3);
        let comparison = compare(&plan, Duration::from_millis(10), cells, &controls.into());
        insta::assert_snapshot!(table(&comparison));
    }
}
