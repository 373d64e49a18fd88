//! A comparison as pictures: the added delay and the migration time by the size of the state (the paper's figures 3 and 4), both
//! axes logarithmic. Schemes differ in marker and line as well as in colour, so that they can be told apart in grey.

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::{LegendEntry, LegendShape};
use kuva::plot::line::{LinePlot, LineStyle};
use kuva::plot::scatter::{MarkerShape, ScatterPlot};
use kuva::render::annotations::ReferenceLine;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use std::sync::Arc;
use zerogap_proto::Scheme;
use zerogap_scenario::compare::{Cell, Comparison, Contender, Group, Spread};
use zerogap_scenario::size::{Size, Span};

/// A logarithmic axis has no zero: what is less is drawn here.
const LOWEST_NS: u64 = 10_000;
/// Pixels of a PNG for each of the SVG's.
const PNG_SCALE: f32 = 2.0;
/// Factor between neighbours at one size, so that they do not hide each other.
const ASIDE: f64 = 1.07;
/// Factor from a bar to its single runs, which would hide behind the marker.
const RUNS_ASIDE: f64 = 1.03;
const INK: &str = "#333333";
const DASHES: &str = "6 4";

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
        let (plots, layout) = figure.draw(comparison);
        let scene = render_multiple(plots, layout);
        let png = PngBackend::new().with_scale(PNG_SCALE).render_scene(&scene);
        let png = png.map_err(|why| format!("cannot draw {}.png: {why}", figure.file))?;
        files.push((format!("{}.svg", figure.file), SvgBackend::new().render_scene(&scene).into_bytes()));
        files.push((format!("{}.png", figure.file), png));
    }
    Ok(files)
}

impl Figure {
    fn draw(&self, comparison: &Comparison) -> (Vec<Plot>, Layout) {
        let smallest = comparison.states_bytes.iter().copied().min().unwrap_or(1).max(1);
        let axis = Axis { smallest, contenders: comparison.schemes.len() };
        let (mut plots, mut legend) = (Vec::new(), Vec::new());
        let mut marks = Marks::default();
        for (place, contender) in comparison.schemes.iter().enumerate() {
            let groups = comparison.groups.iter().filter(|group| group.scheme == *contender);
            let mut spreads: Vec<_> =
                groups.filter_map(|g| Some((axis.x(g.state_bytes, place), (self.of_group)(g)?))).collect();
            spreads.sort_by(|(a, _), (b, _)| a.total_cmp(b));
            if spreads.is_empty() {
                continue;
            }
            let look = Look::of(*contender);
            legend.push(look.legend());
            plots.extend(look.series(&spreads, |ns| self.y(ns)));
            let cells = comparison.cells.iter().filter(|cell| cell.scheme == *contender);
            for (cell, ns) in cells.filter_map(|cell| Some((cell, (self.of_cell)(cell)?))) {
                let runs = if cell.host.stalled { &mut marks.stalled } else { &mut marks.runs };
                runs.push((axis.x(cell.state_bytes, place) * RUNS_ASIDE, self.y(ns)));
            }
        }
        let (low, high) = self.range(comparison);
        plots.extend(marks.plots());
        legend.extend(marks.legend());
        if self.has_threshold {
            legend.push(threshold(comparison.threshold_ns));
        }
        let (left, right) = axis.range(comparison);
        let mut layout = Layout::new((left, right), (low, high))
            .with_log_scale()
            .with_x_axis_min(left)
            .with_x_axis_max(right)
            .with_y_axis_min(low)
            .with_y_axis_max(high)
            .with_width(820.0)
            .with_height(500.0)
            .with_title(self.title)
            .with_x_label("state of each server")
            .with_y_label(self.y_label)
            .with_x_tick_format(TickFormat::Custom(Arc::new(move |x| size(x * smallest as f64))))
            .with_y_tick_format(TickFormat::Custom(Arc::new(number)))
            .with_legend_entries(legend);
        if self.has_threshold {
            let line = ReferenceLine::horizontal(self.y(comparison.threshold_ns));
            let line = line.with_color(INK).with_dasharray(DASHES).with_stroke_width(1.2);
            layout = layout.with_reference_line(line);
        }
        (plots, layout)
    }

    fn y(&self, ns: u64) -> f64 {
        ns.max(LOWEST_NS) as f64 / self.unit_ns
    }

    /// From half of the lowest to twice the highest figure.
    fn range(&self, comparison: &Comparison) -> (f64, f64) {
        let spreads = comparison.groups.iter().filter_map(self.of_group);
        let threshold = self.has_threshold.then_some(comparison.threshold_ns);
        let figures = || spreads.clone().flat_map(|s| [s.min, s.max]).chain(threshold).map(|ns| self.y(ns));
        let (low, high) = (figures().fold(f64::MAX, f64::min), figures().fold(0.0, f64::max));
        if high > 0.0 { (low / 2.0, high * 2.0) } else { (0.1, 10.0) }
    }
}

/// Where a size is on the horizontal axis: as a multiple of the smallest one, so that ticks at 1, 2, 5 and 10 of these are
/// sizes that were measured.
struct Axis {
    smallest: u64,
    contenders: usize,
}

impl Axis {
    fn x(&self, state_bytes: u64, place: usize) -> f64 {
        let aside = place as f64 - (self.contenders as f64 - 1.0) / 2.0;
        state_bytes as f64 / self.smallest as f64 * ASIDE.powf(aside)
    }

    fn range(&self, comparison: &Comparison) -> (f64, f64) {
        let largest = comparison.states_bytes.iter().copied().max().unwrap_or(self.smallest);
        (0.5, largest as f64 / self.smallest as f64 * 2.0)
    }
}

/// The single runs.
#[derive(Default)]
struct Marks {
    runs: Vec<(f64, f64)>,
    stalled: Vec<(f64, f64)>,
}

impl Marks {
    const STALLED: &str = "#c00000";

    fn plots(&self) -> [Plot; 2] {
        let points = |at: &[(f64, f64)]| ScatterPlot::new().with_data(at.to_vec());
        let runs = points(&self.runs).with_color(INK).with_size(1.8).with_marker_opacity(0.6);
        let stalled =
            points(&self.stalled).with_color(Self::STALLED).with_size(4.0).with_marker(MarkerShape::Cross);
        [runs, stalled.with_marker_stroke_width(1.5)].map(Plot::Scatter)
    }

    fn legend(&self) -> Vec<LegendEntry> {
        let mut entries = vec![entry("a run", INK, LegendShape::CircleSize(1.8))];
        if !self.stalled.is_empty() {
            entries.push(entry(
                "a run, host stalled",
                Self::STALLED,
                LegendShape::Marker(MarkerShape::Cross),
            ));
        }
        entries
    }
}

/// How a contender is drawn.
struct Look {
    name: &'static str,
    color: &'static str,
    marker: MarkerShape,
    line: LineStyle,
}

impl Look {
    /// Colours by Okabe and Ito, for whoever sees few of them.
    fn of(contender: Contender) -> Self {
        let (color, marker, line) = match contender {
            Contender::Scheme(Scheme::StopAndCopy) => ("#000000", MarkerShape::Square, LineStyle::Solid),
            Contender::Scheme(Scheme::PreCopy) => ("#d55e00", MarkerShape::Triangle, LineStyle::Dashed),
            Contender::Scheme(Scheme::PostCopy) => ("#009e73", MarkerShape::TriangleDown, LineStyle::DashDot),
            Contender::Scheme(Scheme::Hybrid) => ("#cc79a7", MarkerShape::Diamond, LineStyle::Dotted),
            Contender::Scheme(Scheme::Redundancy) => ("#e69f00", MarkerShape::Star, LineStyle::Dashed),
            Contender::Scheme(Scheme::HotStandby) => ("#0072b2", MarkerShape::Circle, LineStyle::Solid),
            Contender::Control => ("#888888", MarkerShape::Plus, LineStyle::Dotted),
        };
        Self { name: contender.name(), color, marker, line }
    }

    /// A line through the medians, and at each of them a marker and a bar from the lowest to the highest.
    fn series(&self, spreads: &[(f64, Spread)], y: impl Fn(u64) -> f64) -> [Plot; 2] {
        let medians: Vec<_> = spreads.iter().map(|(x, spread)| (*x, y(spread.median))).collect();
        let bars = spreads.iter().map(|(_, s)| (y(s.median) - y(s.min), y(s.max) - y(s.median)));
        let line = LinePlot::new()
            .with_data(medians.iter().copied())
            .with_y_err_asymmetric(bars)
            .with_color(self.color)
            .with_stroke_width(1.5)
            .with_line_style(self.line.clone());
        let markers = ScatterPlot::new()
            .with_data(medians)
            .with_color(self.color)
            .with_size(5.0)
            .with_marker(self.marker);
        [Plot::Line(line), Plot::Scatter(markers)]
    }

    fn legend(&self) -> LegendEntry {
        entry(self.name, self.color, LegendShape::Marker(self.marker))
    }
}

fn threshold(ns: u64) -> LegendEntry {
    let label = format!("threshold, {}", Span::ns(ns));
    LegendEntry { dasharray: Some(DASHES.to_owned()), ..entry(&label, INK, LegendShape::Line) }
}

fn entry(label: &str, color: &str, shape: LegendShape) -> LegendEntry {
    LegendEntry { label: label.to_owned(), color: color.to_owned(), shape, dasharray: None }
}

/// A tick's size. Ticks are round multiples of a size, so nothing is lost.
fn size(bytes: f64) -> String {
    Size(bytes.round() as u64).to_string()
}

/// A tick's number without needless zeros.
fn number(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_plain_numbers_and_sizes() {
        assert_eq!([0.1, 1.0, 0.02, 10_000.0].map(number), ["0.1", "1", "0.02", "10000"]);
        assert_eq!([4e6, 8e6, 2e9].map(size), ["4 MB", "8 MB", "2 GB"]);
    }

    #[test]
    fn a_size_that_was_measured_has_a_tick_and_its_contenders_stand_around_it() {
        // The paper's sizes as multiples of its smallest: ticks are at 1, 2, 5, 10 and so on of these.
        let axis = Axis { smallest: 4_000_000, contenders: 3 };
        let at = [4, 20, 40, 2_000].map(|mb| axis.x(mb * 1_000_000, 1));
        assert_eq!(at, [1.0, 5.0, 10.0, 500.0]);
        assert!(axis.x(4_000_000, 0) < 1.0 && axis.x(4_000_000, 2) > 1.0);
    }
}
