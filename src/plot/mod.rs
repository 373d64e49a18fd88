//! Charts of a figure by the size of the state, both axes logarithmic: the paper's figures 3 and 4. Comparisons and campaigns say what is
//! on them; how they look is here alone. Series differ in marker and line as well as in colour, so that they can be told apart in grey.

mod look;

pub(crate) use look::Look;

use kuva::backend::png::PngBackend;
use kuva::backend::svg::SvgBackend;
use kuva::plot::legend::{LegendEntry, LegendShape};
use kuva::plot::line::LinePlot;
use kuva::plot::scatter::{MarkerShape, ScatterPlot};
use kuva::render::annotations::ReferenceLine;
use kuva::render::layout::{Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::render_multiple;
use std::sync::Arc;
use zerogap_scenario::size::{Size, Span};

/// A logarithmic axis has no zero: what is less is drawn here.
const LOWEST_NS: u64 = 10_000;
/// Pixels of a PNG for each of the SVG's.
const PNG_SCALE: f32 = 2.0;
/// Factor between neighbours at one size, so that they do not hide each other.
const ASIDE: f64 = 1.07;
/// Factor from a bar to its single runs, which would hide behind the marker.
const RUNS_ASIDE: f64 = 1.03;
pub(crate) const INK: &str = "#333333";
const DASHES: &str = "6 4";

/// What is on a chart.
pub(crate) struct Chart {
    /// Its files' name, without extension.
    pub(crate) file: &'static str,
    pub(crate) title: String,
    pub(crate) y_label: &'static str,
    /// What the vertical axis counts in.
    pub(crate) unit_ns: f64,
    /// A line across it.
    pub(crate) threshold_ns: Option<u64>,
    /// The sizes on the horizontal axis.
    pub(crate) states_bytes: Vec<u64>,
    /// Side by side at each size, in this order. One without points keeps its place.
    pub(crate) series: Vec<Series>,
    /// Single runs.
    pub(crate) marks: Vec<Marks>,
}

/// A line through points.
pub(crate) struct Series {
    pub(crate) look: Look,
    pub(crate) points: Vec<Point>,
}

/// A point with a bar through it.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    pub(crate) state_bytes: u64,
    pub(crate) low_ns: u64,
    pub(crate) middle_ns: u64,
    pub(crate) high_ns: u64,
}

/// Runs of one kind.
pub(crate) struct Marks {
    pub(crate) label: &'static str,
    pub(crate) color: &'static str,
    pub(crate) marker: MarkerShape,
    pub(crate) size: f64,
    pub(crate) opacity: f64,
    /// The place of its series, the size of its state, its figure.
    pub(crate) runs: Vec<(usize, u64, u64)>,
}

impl Chart {
    /// The chart as files: names and contents, as SVG and as PNG.
    pub(crate) fn files(&self) -> Result<[(String, Vec<u8>); 2], String> {
        let (plots, layout) = self.draw();
        let scene = render_multiple(plots, layout);
        let png = PngBackend::new().with_scale(PNG_SCALE).render_scene(&scene);
        let png = png.map_err(|why| format!("cannot draw {}.png: {why}", self.file))?;
        let svg = SvgBackend::new().render_scene(&scene).into_bytes();
        Ok([(format!("{}.svg", self.file), svg), (format!("{}.png", self.file), png)])
    }

    fn draw(&self) -> (Vec<Plot>, Layout) {
        let axis = self.axis();
        let (mut plots, mut legend) = (Vec::new(), Vec::new());
        for (place, series) in self.series.iter().enumerate().filter(|(_, series)| !series.points.is_empty())
        {
            let mut points = series.points.clone();
            points.sort_by_key(|point| point.state_bytes);
            plots.extend(self.line(&axis, place, &series.look, &points));
            legend.push(entry(&series.look.name, series.look.color, LegendShape::Marker(series.look.marker)));
        }
        for marks in self.marks.iter().filter(|marks| !marks.runs.is_empty()) {
            plots.push(self.dots(&axis, marks));
            legend.push(entry(marks.label, marks.color, marks.shape()));
        }
        let mut layout = self.layout(&axis);
        if let Some(threshold_ns) = self.threshold_ns {
            let label = format!("threshold, {}", Span::ns(threshold_ns));
            let dashed = Some(DASHES.to_owned());
            legend.push(LegendEntry { dasharray: dashed, ..entry(&label, INK, LegendShape::Line) });
            let line = ReferenceLine::horizontal(self.y(threshold_ns));
            let line = line.with_color(INK).with_dasharray(DASHES).with_stroke_width(1.2);
            layout = layout.with_reference_line(line);
        }
        (plots, layout.with_legend_entries(legend))
    }

    /// A line through the middles, and at each of them a marker and a bar from low to high.
    fn line(&self, axis: &Axis, place: usize, look: &Look, points: &[Point]) -> [Plot; 2] {
        let y = |ns| self.y(ns);
        let middles: Vec<_> =
            points.iter().map(|point| (axis.x(point.state_bytes, place), y(point.middle_ns))).collect();
        let bars = points.iter().map(|point| {
            let (low, middle, high) = (y(point.low_ns), y(point.middle_ns), y(point.high_ns));
            (middle - low, high - middle)
        });
        let line = LinePlot::new()
            .with_data(middles.iter().copied())
            .with_y_err_asymmetric(bars)
            .with_color(look.color)
            .with_stroke_width(1.5)
            .with_line_style(look.line.clone());
        let markers = ScatterPlot::new()
            .with_data(middles)
            .with_color(look.color)
            .with_size(5.0)
            .with_marker(look.marker);
        [Plot::Line(line), Plot::Scatter(markers)]
    }

    fn dots(&self, axis: &Axis, marks: &Marks) -> Plot {
        let at = |&(place, state_bytes, ns): &(usize, u64, u64)| {
            (axis.x(state_bytes, place) * RUNS_ASIDE, self.y(ns))
        };
        let dots = ScatterPlot::new()
            .with_data(marks.runs.iter().map(at).collect::<Vec<_>>())
            .with_color(marks.color)
            .with_size(marks.size)
            .with_marker(marks.marker)
            .with_marker_opacity(marks.opacity)
            .with_marker_stroke_width(1.5);
        Plot::Scatter(dots)
    }

    fn layout(&self, axis: &Axis) -> Layout {
        let (low, high) = self.range();
        let (left, right) = axis.range(&self.states_bytes);
        let smallest = axis.smallest;
        Layout::new((left, right), (low, high))
            .with_log_scale()
            .with_x_axis_min(left)
            .with_x_axis_max(right)
            .with_y_axis_min(low)
            .with_y_axis_max(high)
            .with_width(820.0)
            .with_height(500.0)
            .with_title(&self.title)
            .with_x_label("state of each server")
            .with_y_label(self.y_label)
            .with_x_tick_format(TickFormat::Custom(Arc::new(move |x| size(x * smallest as f64))))
            .with_y_tick_format(TickFormat::Custom(Arc::new(number)))
    }

    fn axis(&self) -> Axis {
        let smallest = self.states_bytes.iter().copied().min().unwrap_or(1).max(1);
        Axis { smallest, neighbours: self.series.len() }
    }

    fn y(&self, ns: u64) -> f64 {
        ns.max(LOWEST_NS) as f64 / self.unit_ns
    }

    /// From half of the lowest to twice the highest figure.
    fn range(&self) -> (f64, f64) {
        let bars = self.series.iter().flat_map(|series| &series.points);
        let bars = bars.flat_map(|point| [point.low_ns, point.high_ns]);
        let figures = || bars.clone().chain(self.threshold_ns).map(|ns| self.y(ns));
        let (low, high) = (figures().fold(f64::MAX, f64::min), figures().fold(0.0, f64::max));
        if high > 0.0 { (low / 2.0, high * 2.0) } else { (0.1, 10.0) }
    }
}

impl Marks {
    fn shape(&self) -> LegendShape {
        if let MarkerShape::Circle = self.marker {
            LegendShape::CircleSize(self.size)
        } else {
            LegendShape::Marker(self.marker)
        }
    }
}

/// Where a size is on the horizontal axis: as a multiple of the smallest one, so that ticks at 1, 2, 5 and 10 of these are
/// sizes that were measured.
struct Axis {
    smallest: u64,
    neighbours: usize,
}

impl Axis {
    fn x(&self, state_bytes: u64, place: usize) -> f64 {
        let aside = place as f64 - (self.neighbours as f64 - 1.0) / 2.0;
        state_bytes as f64 / self.smallest as f64 * ASIDE.powf(aside)
    }

    fn range(&self, states_bytes: &[u64]) -> (f64, f64) {
        let largest = states_bytes.iter().copied().max().unwrap_or(self.smallest);
        (0.5, largest as f64 / self.smallest as f64 * 2.0)
    }
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
    fn a_size_that_was_measured_has_a_tick_and_its_neighbours_stand_around_it() {
        // The paper's sizes as multiples of its smallest: ticks are at 1, 2, 5, 10 and so on of these.
        let axis = Axis { smallest: 4_000_000, neighbours: 3 };
        let at = [4, 20, 40, 2_000].map(|mb| axis.x(mb * 1_000_000, 1));
        assert_eq!(at, [1.0, 5.0, 10.0, 500.0]);
        assert!(axis.x(4_000_000, 0) < 1.0 && axis.x(4_000_000, 2) > 1.0);
    }
}
