//! Mean and 95 % confidence interval, median, minimum and maximum of a figure over repetitions. In whole nanoseconds and computed
//! exactly up to one square root, so that the order in which runs were made cannot show.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// Both tails together hold the other 5 %.
const UPPER: f64 = 0.975;

/// A figure over the repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// How many.
    pub count: u64,
    /// The arithmetic mean.
    pub mean: i64,
    /// Half the width of the mean's 95 % confidence interval by Student's t with `count` − 1 degrees of freedom: the mean of the
    /// model lies between `mean` − `ci95` and `mean` + `ci95`. Null for one repetition, which carries none.
    pub ci95: Option<u64>,
    /// The middle one; between the two in the middle if their number is even.
    pub median: i64,
    /// The lowest.
    pub min: i64,
    /// The highest.
    pub max: i64,
}

impl Summary {
    /// The summary of these; `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = i64>) -> Option<Self> {
        let mut sorted: Vec<i64> = figures.into_iter().collect();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        let sum: i128 = sorted.iter().copied().map(i128::from).sum();
        let mean = sum as f64 / sorted.len() as f64;
        Some(Self {
            count: sorted.len() as u64,
            mean: mean.round() as i64,
            ci95: half_width(&sorted, min).map(|half| half.round() as u64),
            median: low.midpoint(high),
            min,
            max,
        })
    }

    /// The same of figures that are never negative.
    pub fn of_ns(figures: impl IntoIterator<Item = u64>) -> Option<Self> {
        Self::of(figures.into_iter().map(|ns| i64::try_from(ns).unwrap_or(i64::MAX)))
    }
}

/// The variance is that of the distances from the lowest: the same, in smaller numbers.
fn half_width(figures: &[i64], lowest: i64) -> Option<f64> {
    let count = figures.len() as i128;
    let t = StudentsT::new(0.0, 1.0, (count - 1) as f64).ok()?.inverse_cdf(UPPER);
    let above = || figures.iter().map(|&x| i128::from(x) - i128::from(lowest));
    let (sum, squares): (i128, i128) = (above().sum(), above().map(|x| x * x).sum());
    let variance = (count * squares - sum * sum) as f64 / (count * (count - 1)) as f64;
    Some(t * (variance / count as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn student_s_t_is_that_of_the_tables() {
        // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, column 0.975.
        let tables = [(1, 12.706), (2, 4.303), (4, 2.776), (9, 2.262), (29, 2.045), (99, 1.984)];
        for (freedom, wanted) in tables {
            let t = StudentsT::new(0.0, 1.0, f64::from(freedom)).unwrap().inverse_cdf(UPPER);
            assert!((t - wanted).abs() < 0.000_5, "{freedom}: {t}");
        }
    }

    #[test]
    fn a_known_sample_has_its_known_interval() {
        // Mean 5, sample variance 32/7, n = 8: 2.365 × sqrt(32/7/8) = 1.7876 (in thousandths, to be seen in whole numbers).
        let summary = Summary::of([2, 4, 4, 4, 5, 5, 7, 9].map(|x| x * 1_000)).unwrap();
        let wanted =
            Summary { count: 8, mean: 5_000, ci95: Some(1_787), median: 4_500, min: 2_000, max: 9_000 };
        assert!(summary.ci95.unwrap().abs_diff(1_787) <= 1, "{summary:?}");
        assert_eq!(Summary { ci95: wanted.ci95, ..summary }, wanted);
    }

    #[test]
    fn one_figure_has_no_interval_equal_ones_have_an_empty_one_and_none_say_nothing() {
        assert_eq!(Summary::of([7]).map(|s| (s.mean, s.ci95, s.median)), Some((7, None, 7)));
        assert_eq!(Summary::of([7; 9]).map(|s| (s.mean, s.ci95)), Some((7, Some(0))));
        assert_eq!(Summary::of([]), None);
        assert_eq!(Summary::of([-4, 2]).map(|s| (s.mean, s.median, s.min)), Some((-1, -1, -4)));
    }

    #[test]
    fn minutes_in_nanoseconds_do_not_overflow() {
        let figures = vec![i64::MAX / 1_000; 10_000];
        assert_eq!(Summary::of(figures).map(|s| s.ci95), Some(Some(0)));
    }

    proptest! {
        #[test]
        fn the_order_of_the_runs_does_not_show(
            mut figures in proptest::collection::vec(-60_000_000_000_i64..60_000_000_000, 1..50),
            by in 0..50_usize,
        ) {
            let before = Summary::of(figures.iter().copied());
            let by = by % figures.len();
            figures.rotate_left(by);
            prop_assert_eq!(before, Summary::of(figures));
        }
    }
}
