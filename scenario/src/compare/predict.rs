//! Runs beside the same in virtual time: what was predicted of each figure, what was measured, and the ratio of the two.

use super::model::Comparison;
use super::plan::{CellId, Contender};
use super::spread::Spread;
use crate::columns::{MS, S, aligned, number};
use crate::results::RunResult;
use crate::size::Size;
use serde::Serialize;

const LEGEND: &str = "
Median over the runs, and over the same runs in virtual time; ratios are predicted / measured. Median RTT: of all requests of a run.
";

/// The figures of a run that are predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreseen {
    migration_time_ns: Option<u64>,
    rtt_p50_ns: Option<u64>,
    added_delay_max_ns: Option<u64>,
}

/// A figure as it was predicted and as it was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Beside {
    /// In virtual time.
    pub predicted: u64,
    /// For real.
    pub measured: u64,
    /// Predicted / measured; null if nothing was measured.
    pub ratio: Option<f64>,
}

/// The runs of a scheme at one size, or one of them. A figure is null where one of the worlds has none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The size of a server's state.
    pub state_bytes: u64,
    /// Who moved it; `control` is a run without a migration.
    pub scheme: Contender,
    /// Which repetition, from 1; absent for all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition: Option<u32>,
    /// From the trigger to Complete.
    pub migration_time_ns: Option<Beside>,
    /// Median response RTT of the whole run.
    pub rtt_p50_ns: Option<Beside>,
    /// Highest response RTT in the migration's window less the median before it.
    pub added_delay_max_ns: Option<Beside>,
}

/// What was predicted of a comparison's runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Predictions {
    /// Of each scheme at each size: medians over the runs.
    pub groups: Vec<Prediction>,
    /// Of each run.
    pub cells: Vec<Prediction>,
}

impl Foreseen {
    /// The figures of this run, real or simulated.
    pub fn of(result: &RunResult) -> Self {
        let moved = !result.migrations.is_empty();
        Self {
            migration_time_ns: result.migration_time_ns.filter(|_| moved),
            rtt_p50_ns: result.rtt_ns.p50,
            added_delay_max_ns: result.added_delay_max_ns.filter(|_| moved),
        }
    }
}

/// What was predicted of these runs: each with its figures for real, and in virtual time.
pub fn predictions(runs: &[(CellId, Foreseen, Foreseen)]) -> Predictions {
    let mut predictions = Predictions::default();
    let mut rest: Vec<_> = runs.to_vec();
    rest.sort_by_key(|(id, ..)| *id);
    for group in rest.chunk_by(|(a, ..), (b, ..)| (a.state, a.contender) == (b.state, b.contender)) {
        let over = |figure: fn(&Foreseen) -> Option<u64>| {
            // A run that has no such figure in one of the worlds is left out of both.
            let both =
                group.iter().filter_map(|(_, real, virtually)| Some((figure(real)?, figure(virtually)?)));
            let (real, virtually): (Vec<u64>, Vec<u64>) = both.unzip();
            beside(Spread::of(real)?.median, Spread::of(virtually)?.median)
        };
        predictions.groups.push(prediction(&group[0].0, None, over));
        predictions.cells.extend(group.iter().map(|(id, real, virtually)| {
            prediction(id, Some(id.repetition), |figure| beside(figure(real)?, figure(virtually)?))
        }));
    }
    predictions
}

fn prediction(
    id: &CellId,
    repetition: Option<u32>,
    figure: impl Fn(fn(&Foreseen) -> Option<u64>) -> Option<Beside>,
) -> Prediction {
    Prediction {
        state_bytes: id.state.0,
        scheme: id.contender,
        repetition,
        migration_time_ns: figure(|f| f.migration_time_ns),
        rtt_p50_ns: figure(|f| f.rtt_p50_ns),
        added_delay_max_ns: figure(|f| f.added_delay_max_ns),
    }
}

fn beside(measured: u64, predicted: u64) -> Option<Beside> {
    let ratio = (measured > 0).then(|| (predicted as f64 / measured as f64 * 1e3).round() / 1e3);
    Some(Beside { predicted, measured, ratio })
}

/// The predictions as a table for people, a line for each scheme and size; `None` if nothing was predicted.
pub fn prediction_table(comparison: &Comparison) -> Option<String> {
    let head = [
        "state",
        "scheme",
        "migration, s",
        "predicted",
        "ratio",
        "median RTT, ms",
        "predicted",
        "ratio",
        "added delay, ms",
        "predicted",
        "ratio",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut above = None;
    for group in &comparison.predictions.as_ref()?.groups {
        let new = above.replace(group.state_bytes) != Some(group.state_bytes);
        if new && rows.len() > 1 {
            rows.push(Default::default());
        }
        let [time, time_predicted, time_ratio] = fields(group.migration_time_ns, S);
        let [rtt, rtt_predicted, rtt_ratio] = fields(group.rtt_p50_ns, MS);
        let [added, added_predicted, added_ratio] = fields(group.added_delay_max_ns, MS);
        rows.push([
            if new { Size(group.state_bytes).to_string() } else { String::new() },
            group.scheme.name().to_owned(),
            time,
            time_predicted,
            time_ratio,
            rtt,
            rtt_predicted,
            rtt_ratio,
            added,
            added_predicted,
            added_ratio,
        ]);
    }
    let mut to_the_right = [true; 11];
    (to_the_right[0], to_the_right[1]) = (false, false);
    Some(aligned(&rows, to_the_right) + LEGEND)
}

fn fields(figure: Option<Beside>, unit_ns: u64) -> [String; 3] {
    let Some(Beside { predicted, measured, ratio }) = figure else { return Default::default() };
    let ratio = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.2}"));
    [number(measured, unit_ns), number(predicted, unit_ns), ratio]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{id, ms};
    use crate::compare::{Plan, compare};
    use std::collections::BTreeMap;
    use zerogap_proto::{Duration, Scheme};

    const HOT: Contender = Contender::Scheme(Scheme::HotStandby);

    fn figures(time: Option<u64>, rtt: u64, added: Option<u64>) -> Foreseen {
        Foreseen { migration_time_ns: time, rtt_p50_ns: Some(rtt), added_delay_max_ns: added }
    }

    fn predicted() -> Predictions {
        predictions(&[
            (id(HOT, 2), figures(Some(ms(300)), ms(2), Some(0)), figures(Some(ms(280)), ms(2), Some(ms(1)))),
            (id(Contender::Control, 1), figures(None, 2_050_000, None), figures(None, ms(2), None)),
            (id(HOT, 1), figures(Some(ms(200)), ms(2), Some(0)), figures(Some(ms(260)), ms(1), Some(ms(1)))),
            (id(HOT, 3), figures(None, ms(2), None), figures(Some(ms(990)), ms(3), Some(ms(1)))),
        ])
    }

    #[test]
    fn a_group_has_medians_over_the_runs_that_have_the_figure_in_both_worlds() {
        let predicted = predicted();
        let hot = predicted.groups[0];
        let wanted = Beside { predicted: ms(270), measured: ms(250), ratio: Some(1.08) };
        assert_eq!((hot.scheme, hot.migration_time_ns), (HOT, Some(wanted)));
        assert_eq!(hot.added_delay_max_ns.unwrap().ratio, None, "nothing was added");
        let repetitions: Vec<_> = predicted.cells.iter().map(|cell| (cell.scheme, cell.repetition)).collect();
        let of = |scheme, n| (scheme, Some(n));
        assert_eq!(repetitions, [of(HOT, 1), of(HOT, 2), of(HOT, 3), of(Contender::Control, 1)]);
    }

    #[test]
    fn the_table_has_what_was_measured_beside_what_was_predicted() {
        let plan = Plan::new(&[Scheme::HotStandby], &[Size(4_000_000)], 3);
        let mut comparison = compare(&plan, Duration::from_millis(10), Vec::new(), &BTreeMap::new());
        assert_eq!(prediction_table(&comparison), None);
        comparison.predictions = Some(predicted());
        insta::assert_snapshot!(prediction_table(&comparison).unwrap());
    }
}
