//! The campaign as a table for people: a line for each size, scheme and rule, means with their 95 % confidence intervals, and what
//! the rule `notify` removes. A dash where there is nothing to say.

use super::model::{Campaign, Group, Removed};
use super::statistics::Summary;
use crate::columns::{MS, S, aligned, number};
use crate::size::{Size, Span};
use zerogap_proto::Duration;
use zerogap_proto::control::HandoverMode;

/// Decimals of a mean: a thousandth of a millisecond is what a model's figures may still differ by.
const DECIMALS_MAX: usize = 3;
/// Text columns to the left, counts to the right.
const TO_THE_RIGHT: [bool; 10] = [false, false, false, false, false, false, false, true, true, false];

const LEGEND: &str = "
Means over the repetitions ± half of their 95 % confidence interval (Student's t), and [lowest..highest]. Added delay is the
paper's figure 3, migration its figure 4. handover: under reactive the switch that the AGV comes to waits for the SDN controller's
decision, as in the paper; under notify it sends on and only tells. less: by how much less the added delay is under notify, repetition
by repetition. Late and lost: all requests of all runs.
";

/// The table, with a line's end.
pub fn table(campaign: &Campaign) -> String {
    let head = [
        "state",
        "scheme",
        "handover",
        "added delay, ms",
        "less, ms",
        "downtime, ms",
        "migration, s",
        "late",
        "lost",
        "verdicts",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut above = None;
    for group in &campaign.groups {
        let new = above.replace(group.state_bytes) != Some(group.state_bytes);
        if new && rows.len() > 1 {
            rows.push(Default::default());
        }
        rows.push(row(campaign, group, new));
    }
    aligned(&rows, TO_THE_RIGHT) + LEGEND + &basis(campaign)
}

fn row(campaign: &Campaign, group: &Group, first_of_state: bool) -> [String; 10] {
    let state = if first_of_state { Size(group.state_bytes).to_string() } else { String::new() };
    let own = |removed: &&Removed| {
        group.handover == HandoverMode::Notify
            && (removed.state_bytes, removed.scheme) == (group.state_bytes, group.scheme)
    };
    let removed = campaign.removed_by_notify.iter().find(own);
    let verdicts: Vec<String> =
        group.verdicts.iter().map(|(verdict, n)| format!("{n} {}", verdict.name())).collect();
    [
        state,
        group.scheme.name().to_owned(),
        group.handover.name().to_owned(),
        summary(group.added_delay_max_ns, MS, true),
        removed.map_or_else(String::new, |removed| summary(removed.added_delay_max_ns, MS, false)),
        summary(group.downtime_ns, MS, false),
        summary(group.migration_time_ns, S, false),
        group.requests.late.to_string(),
        group.requests.lost.to_string(),
        verdicts.join(", "),
    ]
}

/// What the figures stand on: how many runs, how long, from which seed, and the paper's constant.
fn basis(campaign: &Campaign) -> String {
    let (testbed, plan) = (&campaign.configuration.testbed, &campaign.configuration.plan);
    format!(
        "{}: {} runs of {} and more, {} of each; decision time {}; threshold {}.\n",
        testbed.name,
        campaign.runs.len(),
        testbed.duration,
        plan.repeat(),
        testbed.controllers.decision_time,
        Span(Duration::from_nanos(campaign.threshold_ns)),
    )
}

fn summary(summary: Option<Summary>, unit_ns: u64, with_extremes: bool) -> String {
    let Some(Summary { mean, ci95, min, max, .. }) = summary else { return "-".to_owned() };
    let shown = |ns: i64| match decimals(ci95, unit_ns) {
        Some(decimals) => format!("{:.decimals$}", ns as f64 / unit_ns as f64),
        None => (if ns < 0 { "-" } else { "" }).to_owned() + &number(ns.unsigned_abs(), unit_ns),
    };
    let half = ci95.filter(|ns| *ns > 0).and_then(|ns| i64::try_from(ns).ok());
    let half = half.map_or_else(String::new, |ns| format!(" ± {}", shown(ns)));
    let extremes =
        if with_extremes && min < max { format!(" [{}..{}]", shown(min), shown(max)) } else { String::new() };
    format!("{}{half}{extremes}", shown(mean))
}

/// As many decimals as two digits of the interval take; none are known without an interval.
fn decimals(ci95: Option<u64>, unit_ns: u64) -> Option<usize> {
    let half = ci95.filter(|ns| *ns > 0)? as f64 / unit_ns as f64;
    let digits = 1.0 - half.log10().floor();
    Some((digits.max(0.0) as usize).min(DECIMALS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::campaign;
    use crate::campaign::testing::{all, configuration};

    #[test]
    fn a_mean_has_the_digits_that_its_interval_carries() {
        let shown = |mean, ci95| {
            let summary =
                Summary { count: 9, mean, ci95, median: mean, min: mean - 4_000, max: mean + 60_000 };
            super::summary(Some(summary), MS, true)
        };
        assert_eq!(shown(4_632_417, Some(21_300)), "4.632 ± 0.021 [4.628..4.692]");
        assert_eq!(shown(4_632_417, Some(213_000)), "4.63 ± 0.21 [4.63..4.69]");
        assert_eq!(shown(2_032_417_000, Some(21_300_000)), "2032 ± 21 [2032..2032]");
        assert_eq!(shown(-32_417, Some(100)), "-0.032 ± 0.000 [-0.036..0.028]");
        assert_eq!(shown(4_632_417, None), "4.63 [4.63..4.69]");
        assert_eq!(shown(-4_600_000, Some(0)), "-4.60 [-4.60..-4.54]");
        assert_eq!(super::summary(None, MS, true), "-");
    }

    #[test]
    fn the_table_has_a_line_for_each_size_scheme_and_rule() {
        let configuration = configuration(5);
        insta::assert_snapshot!(table(&campaign(configuration.clone(), all(&configuration.plan))));
    }
}
