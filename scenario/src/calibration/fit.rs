//! A line through times by size: a base and so much more per MB, by least squares, with the spread around it.

use super::observe::Point;

/// From a median absolute deviation to the standard deviation of a normal distribution.
const SIGMA_PER_MAD: f64 = 1.4826;

/// A base, and so much more per MB.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Of nothing, in nanoseconds; never negative.
    pub base_ns: f64,
    /// Per MB, in nanoseconds.
    pub per_mb_ns: f64,
    /// Standard deviation of the points around the line, as a share of what the line says.
    pub spread: f64,
}

impl Line {
    /// What the line says.
    pub fn at(&self, mb: f64) -> f64 {
        self.base_ns + self.per_mb_ns * mb
    }

    /// Through these points; `None` of none. Points of one size say nothing of the base, which is then 0.
    ///
    /// It is drawn through the median of each size, so that a machine that stood still once does not bend it.
    pub(super) fn through(points: &[Point]) -> Option<Self> {
        let mut sorted = points.to_vec();
        sorted.sort_by(|a, b| a.mb.total_cmp(&b.mb));
        let sizes = sorted.chunk_by(|a, b| a.mb == b.mb);
        let middles =
            sizes.filter_map(|size| Some(Point { mb: size[0].mb, ns: median(size.iter().map(|p| p.ns))? }));
        let (base_ns, per_mb_ns) = least_squares(&middles.collect::<Vec<_>>())?;
        Self::around(base_ns, per_mb_ns, points)
    }

    /// With the spread of these points around it.
    pub(super) fn around(base_ns: f64, per_mb_ns: f64, points: &[Point]) -> Option<Self> {
        let line = Self { base_ns, per_mb_ns, spread: 0.0 };
        let deviations = points.iter().map(|point| line.deviation(point).abs());
        Some(Self { spread: SIGMA_PER_MAD * median(deviations)?, ..line })
    }

    fn deviation(&self, point: &Point) -> f64 {
        let expected = self.at(point.mb);
        if expected > 0.0 { point.ns / expected - 1.0 } else { 0.0 }
    }
}

/// Base and slope by least squares with weights of 1/MB: what takes longer also varies more, and the smallest sizes are those that tell the base.
fn least_squares(points: &[Point]) -> Option<(f64, f64)> {
    let sum = |term: fn(&Point) -> f64| points.iter().map(|p| term(p) / p.mb).sum::<f64>();
    let (weights, x, y) = (sum(|_| 1.0), sum(|p| p.mb), sum(|p| p.ns));
    let (xx, xy) = (sum(|p| p.mb * p.mb), sum(|p| p.mb * p.ns));
    if points.is_empty() || x <= 0.0 {
        return None;
    }
    let determinant = weights * xx - x * x;
    let slope = if determinant > 1e-9 * weights * xx { (weights * xy - x * y) / determinant } else { y / x };
    let base = (y - slope * x) / weights;
    // A job takes no time back: then the line goes through the origin; or it is no longer for being larger.
    Some(match (base > 0.0, slope > 0.0) {
        (true, true) => (base, slope),
        (false, _) => (0.0, xy / xx),
        (true, false) => (y / weights, 0.0),
    })
}

/// The middle one, or between the two in the middle.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().checked_sub(1)?;
    Some((sorted[last / 2] + sorted[last.div_ceil(2)]) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(of: &[(f64, f64)]) -> Vec<Point> {
        of.iter().map(|&(mb, ns)| Point { mb, ns }).collect()
    }

    fn rounded(line: Line) -> (i64, i64) {
        (line.base_ns.round() as i64, line.per_mb_ns.round() as i64)
    }

    #[test]
    fn a_line_is_found_again() {
        let line = Line::through(&points(&[(4.0, 900.0), (40.0, 4_500.0), (400.0, 40_500.0)])).unwrap();
        assert_eq!((rounded(line), line.spread < 1e-9), ((500, 100), true));
    }

    #[test]
    fn a_machine_that_stood_still_once_does_not_bend_it() {
        let mut measured = points(&[(4.0, 900.0), (4.0, 905.0), (40.0, 4_500.0), (40.0, 4_480.0)]);
        measured.extend(points(&[(400.0, 40_500.0), (400.0, 40_600.0), (400.0, 61_000.0)]));
        let line = Line::through(&measured).unwrap();
        assert!((line.at(400.0) / 40_600.0 - 1.0).abs() < 0.01, "{line:?}");
    }

    #[test]
    fn one_size_tells_no_base_and_no_base_is_negative() {
        assert_eq!(rounded(Line::through(&points(&[(40.0, 80.0), (40.0, 84.0)])).unwrap()), (0, 2));
        assert_eq!(rounded(Line::through(&points(&[(4.0, 7.0), (400.0, 800.0)])).unwrap()), (0, 2));
        assert_eq!(rounded(Line::through(&points(&[(4.0, 900.0), (400.0, 800.0)])).unwrap()), (899, 0));
        assert_eq!(Line::through(&[]), None);
    }

    proptest! {
        #[test]
        fn whatever_was_measured_a_line_never_says_less_than_nothing(
            measured in proptest::collection::vec((1.0..2_000.0, 0.0..1e10), 1..20),
        ) {
            let line = Line::through(&points(&measured)).unwrap();
            prop_assert!(line.base_ns >= 0.0 && line.per_mb_ns >= 0.0 && line.spread.is_finite(), "{:?}", line);
        }
    }
}
