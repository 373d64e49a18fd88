//! A comparison as pictures: the added delay and the migration time by the size of the state (the paper's figures 3 and 4): medians
//! with a bar from the lowest to the highest, and every run.

use crate::plot::{Chart, INK, Look, Marks, Point, Series};
use kuva::plot::scatter::MarkerShape;
use zerogap_scenario::compare::{Cell, Comparison, Group, Spread};

const STALLED: &str = "#c00000";

/// What a picture shows.
struct Figure {
    file: &'static str,
    title: &'static str,
    y_label: &'static str,
    unit_ns: f64,
    of_group: fn(&Group) -> Option<Spread>,
    of_cell: fn(&Cell) -> Option<u64>,
    has_threshold: bool,
}

const FIGURES: [Figure; 2] = [
    Figure {
        file: "added-delay",
        title: "Added delay by size of the state",
        y_label: "added delay, ms",
        unit_ns: 1e6,
        of_group: |group| group.added_delay_max_ns,
        of_cell: |cell| cell.added_delay_max_ns,
        has_threshold: true,
    },
    Figure {
        file: "migration-time",
        title: "Migration time by size of the state",
        y_label: "migration time, s",
        unit_ns: 1e9,
        of_group: |group| group.migration_time_ns,
        of_cell: |cell| cell.migration_time_ns,
        has_threshold: false,
    },
];

/// The pictures as files: names and contents, each as SVG and as PNG.
pub(super) fn plots(comparison: &Comparison) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut files = Vec::new();
    for figure in &FIGURES {
        files.extend(figure.chart(comparison).files()?);
    }
    Ok(files)
}

impl Figure {
    fn chart(&self, comparison: &Comparison) -> Chart {
        let series = comparison.schemes.iter().map(|contender| {
            let groups = comparison.groups.iter().filter(|group| group.scheme == *contender);
            let point = |group: &Group| {
                let Spread { min, median, max, .. } = (self.of_group)(group)?;
                Some(Point { state_bytes: group.state_bytes, low_ns: min, middle_ns: median, high_ns: max })
            };
            Series { look: Look::of(*contender), points: groups.filter_map(point).collect() }
        });
        let series: Vec<Series> = series.collect();
        Chart {
            file: self.file,
            title: self.title.to_owned(),
            y_label: self.y_label,
            unit_ns: self.unit_ns,
            threshold_ns: self.has_threshold.then_some(comparison.threshold_ns),
            states_bytes: comparison.states_bytes.clone(),
            marks: self.marks(comparison, &series),
            series,
        }
    }

    /// The single runs of those who have a series.
    fn marks(&self, comparison: &Comparison, series: &[Series]) -> Vec<Marks> {
        let runs = |stalled: bool| {
            let mut runs = Vec::new();
            for (place, contender) in comparison.schemes.iter().enumerate() {
                let own = |cell: &&Cell| cell.scheme == *contender && cell.host.stalled == stalled;
                let cells = comparison.cells.iter().filter(own).filter(|_| !series[place].points.is_empty());
                runs.extend(cells.filter_map(|cell| Some((place, cell.state_bytes, (self.of_cell)(cell)?))));
            }
            runs
        };
        let usual = Marks {
            label: "a run",
            color: INK,
            marker: MarkerShape::Circle,
            size: 1.8,
            opacity: 0.6,
            runs: runs(false),
        };
        let stalled = Marks {
            label: "a run, host stalled",
            color: STALLED,
            marker: MarkerShape::Cross,
            size: 4.0,
            opacity: 1.0,
            runs: runs(true),
        };
        vec![usual, stalled]
    }
}
