//! Latency figures: count, extremes and percentiles of a set of samples. Count, minimum and maximum are exact; percentiles
//! come from an HdrHistogram with three significant digits, the same that `rtt.hlog` holds. A percentile with fewer than
//! ten samples above it is not given: it would claim more than was measured.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use zerogap_proto::Duration;

const SIGNIFICANT_DIGITS: u8 = 3;
/// A percentile needs this many samples above it.
const SAMPLES_ABOVE_MIN: u64 = 10;

/// The figures of a set of latencies in nanoseconds; null where there is nothing to say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// How many samples.
    pub count: u64,
    /// The lowest.
    pub min: Option<u64>,
    /// The median.
    pub p50: Option<u64>,
    /// The 90th percentile.
    pub p90: Option<u64>,
    /// The 99th percentile.
    pub p99: Option<u64>,
    /// The 99.9th percentile.
    pub p99_9: Option<u64>,
    /// The highest.
    pub max: Option<u64>,
}

/// A histogram of these latencies in nanoseconds, just as large as they need.
pub(super) fn histogram(latencies_ns: &[u64]) -> Histogram<u64> {
    let highest = latencies_ns.iter().copied().max().unwrap_or_default().max(2);
    let mut histogram =
        Histogram::new_with_bounds(1, highest, SIGNIFICANT_DIGITS).expect("the bounds are 1 and at least 2");
    latencies_ns.iter().for_each(|&latency_ns| histogram.saturating_record(latency_ns));
    histogram
}

/// A set of latencies.
#[derive(Debug)]
pub(super) struct Samples {
    histogram: Histogram<u64>,
    extremes_ns: Option<(u64, u64)>,
}

impl Default for Samples {
    /// None yet; it grows as they come.
    fn default() -> Self {
        let histogram = Histogram::new(SIGNIFICANT_DIGITS).expect("there are that many digits");
        Self { histogram, extremes_ns: None }
    }
}

impl Extend<Duration> for Samples {
    fn extend<I: IntoIterator<Item = Duration>>(&mut self, latencies: I) {
        for latency_ns in latencies.into_iter().map(Duration::as_nanos) {
            // It grows as far as there is memory for it.
            if self.histogram.record(latency_ns).is_err() {
                self.histogram.saturating_record(latency_ns);
            }
            let (min, max) = self.extremes_ns.unwrap_or((latency_ns, latency_ns));
            self.extremes_ns = Some((min.min(latency_ns), max.max(latency_ns)));
        }
    }
}

impl FromIterator<Duration> for Samples {
    fn from_iter<I: IntoIterator<Item = Duration>>(latencies: I) -> Self {
        let all: Vec<u64> = latencies.into_iter().map(Duration::as_nanos).collect();
        let extremes_ns = all.iter().copied().min().zip(all.iter().copied().max());
        Self { histogram: histogram(&all), extremes_ns }
    }
}

impl Samples {
    /// The highest, exactly.
    pub(super) fn max_ns(&self) -> Option<u64> {
        self.extremes_ns.map(|(_, max)| max)
    }

    /// The median, however few samples there are.
    pub(super) fn median_ns(&self) -> Option<u64> {
        self.quantile_ns(500)
    }

    /// What may be shown of them.
    pub(super) fn figures(&self) -> Figures {
        let shown =
            |permille| self.quantile_ns(permille).filter(|_| self.count_above(permille) >= SAMPLES_ABOVE_MIN);
        Figures {
            count: self.histogram.len(),
            min: self.extremes_ns.map(|(min, _)| min),
            p50: shown(500),
            p90: shown(900),
            p99: shown(990),
            p99_9: shown(999),
            max: self.max_ns(),
        }
    }

    /// How many samples lie beyond the rank of this percentile.
    fn count_above(&self, permille: u64) -> u64 {
        let count = self.histogram.len();
        count - (count * permille).div_ceil(1_000)
    }

    /// A bucket's edge may lie beyond the outermost sample; no sample does.
    fn quantile_ns(&self, permille: u64) -> Option<u64> {
        let (min, max) = self.extremes_ns?;
        Some(self.histogram.value_at_quantile(permille as f64 / 1_000.0).clamp(min, max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn samples(values: impl IntoIterator<Item = u64>) -> Samples {
        values.into_iter().map(Duration::from_nanos).collect()
    }

    #[test]
    fn a_percentile_with_fewer_than_ten_samples_above_it_is_not_given() {
        let shown = |count: u64| {
            let f = samples(1..=count).figures();
            [f.p50, f.p90, f.p99, f.p99_9].map(|p| p.is_some())
        };
        assert_eq!(shown(19), [false; 4]);
        assert_eq!(shown(20), [true, false, false, false]);
        assert_eq!(shown(99), [true, false, false, false]);
        assert_eq!(shown(100), [true, true, false, false]);
        assert_eq!(shown(999), [true, true, false, false]);
        assert_eq!(shown(1_000), [true, true, true, false]);
        assert_eq!(shown(9_999), [true, true, true, false]);
        assert_eq!(shown(10_000), [true; 4]);
    }

    #[test]
    fn small_sets_have_exact_figures() {
        let f = samples(1..=1_000).figures();
        assert_eq!((f.count, f.min, f.max), (1_000, Some(1), Some(1_000)));
        assert_eq!((f.p50, f.p90, f.p99), (Some(500), Some(900), Some(990)));
        assert_eq!(samples([]).figures(), Figures::default());
        assert_eq!(samples([7]).median_ns(), Some(7), "for comparing, one sample has a median");
    }

    #[test]
    fn extremes_are_the_samples_own_and_not_a_bucket_s() {
        let f = samples([1_234_567, 7_654_321]).figures();
        assert_eq!((f.min, f.max), (Some(1_234_567), Some(7_654_321)));
        assert_eq!(samples([0, u64::MAX]).figures().max, Some(u64::MAX));
    }

    #[test]
    fn samples_that_come_one_by_one_give_the_same_figures() {
        let latencies = (1..2_000_u64).map(|n| Duration::from_nanos(n * n * 1_000));
        let mut grown = Samples::default();
        latencies.clone().for_each(|latency| grown.extend([latency]));
        assert_eq!(grown.figures(), latencies.collect::<Samples>().figures());
        assert_eq!(Samples::default().figures(), Figures::default());
    }

    proptest! {
        #[test]
        fn percentiles_rise_and_stay_within_the_samples_and_three_digits(
            mut values in proptest::collection::vec(0..10_000_000_000u64, 100..400),
        ) {
            let f = samples(values.iter().copied()).figures();
            values.sort_unstable();
            let (p50, p90) = (f.p50.unwrap(), f.p90.unwrap());
            prop_assert!(f.min.unwrap() <= p50 && p50 <= p90 && p90 <= f.max.unwrap());
            let exact = values[(values.len() * 9).div_ceil(10) - 1];
            prop_assert!(p90.abs_diff(exact) <= exact / 1_000 + 1, "{p90} is not {exact}");
        }
    }
}
