//! Draws from the testbed file's distributions. Each purpose has a stream of its own, so that one more draw for one purpose
//! changes nothing for another: the same seed and purpose give the same draws, in both worlds.

use crate::file::{Distribution, JobTime, Testbed};
use rand_distr::{Distribution as _, LogNormal, Normal, StandardUniform};
use rand_pcg::Pcg64;
use rand_pcg::rand_core::SeedableRng;
use zerogap_proto::Duration;

/// Intervals in a client's schedule; it uses them in turn, again and again.
const INTERVALS: usize = 4_096;
/// Intervals in the schedule of each further client of a fleet.
const INTERVALS_OF_MANY: usize = 256;

/// A stream of draws.
#[derive(Clone, Debug)]
pub struct Sampler {
    rng: Pcg64,
}

/// The stream of draws for one purpose, such as `client.interval` or `link.edge-a1`.
pub fn stream(seed: u64, purpose: &str) -> Sampler {
    // FNV-1a over both; seed_from_u64 spreads it over the generator's whole state.
    let bytes = seed.to_le_bytes().into_iter().chain(purpose.bytes());
    let key = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Sampler { rng: Pcg64::seed_from_u64(key) }
}

/// The times between the AGV's requests.
pub fn intervals(testbed: &Testbed) -> Vec<Duration> {
    let mut sampler = stream(testbed.seed, "client.interval");
    (0..INTERVALS).map(|_| sampler.draw(&testbed.client.interval)).collect()
}

/// The times between the requests of a further AGV of a fleet: its own, and fewer, for there may be thousands like it.
pub fn some_intervals(testbed: &Testbed, client: &str) -> Vec<Duration> {
    let mut sampler = stream(testbed.seed, &format!("client.interval.{client}"));
    (0..INTERVALS_OF_MANY).map(|_| sampler.draw(&testbed.client.interval)).collect()
}

impl Sampler {
    /// A length of time. A normal distribution is truncated below at 0: a negative draw is drawn again, which for a mean
    /// of at least 0 is at most every second one.
    pub fn draw(&mut self, distribution: &Distribution) -> Duration {
        match distribution {
            Distribution::Constant { value } => value.0,
            Distribution::Uniform { from, to } => {
                let (from, to) = (from.0.as_nanos(), to.0.as_nanos());
                from_ns(from as f64 + self.dice() * to.saturating_sub(from) as f64)
            }
            Distribution::Normal { mean, .. } => {
                let mean_ns = mean.0.as_nanos() as f64;
                let Ok(normal) = Normal::new(mean_ns, distribution.std_dev_ns()) else { return mean.0 };
                loop {
                    let drawn = normal.sample(&mut self.rng);
                    if drawn >= 0.0 {
                        return from_ns(drawn);
                    }
                }
            }
            Distribution::LogNormal { median, sigma } => {
                let median_ns = median.0.as_nanos() as f64;
                let Ok(factor) = LogNormal::new(0.0, *sigma) else { return median.0 };
                from_ns(median_ns * factor.sample(&mut self.rng))
            }
            Distribution::Empirical { values, .. } => values.quantile(self.dice()),
        }
    }

    /// How long a job on `bytes` of state takes.
    pub fn job(&mut self, times: &JobTime, bytes: u64) -> Duration {
        let per_mb_ns = self.draw(&times.per_mb).as_nanos() as f64;
        self.draw(&times.base) + from_ns(per_mb_ns * bytes as f64 / 1e6)
    }

    /// An evenly distributed number in [0, 1).
    pub fn dice(&mut self) -> f64 {
        StandardUniform.sample(&mut self.rng)
    }
}

/// Rounded to the nanosecond; stops at the ends of what can be counted.
fn from_ns(ns: f64) -> Duration {
    Duration::from_nanos(ns.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Span;

    fn four(purpose: &str, distribution: Distribution) -> Vec<u64> {
        let mut sampler = stream(1, purpose);
        (0..4).map(|_| sampler.draw(&distribution).as_nanos()).collect()
    }

    fn normal(mean: Span, std_dev: Span) -> Distribution {
        Distribution::Normal { mean, variance_ms2: None, std_dev: Some(std_dev) }
    }

    #[test]
    fn draws_are_pinned_so_that_a_seed_means_the_same_for_ever() {
        let intervals: Vec<u64> = intervals(&Testbed::default()).iter().map(|d| d.as_nanos()).collect();
        assert_eq!(intervals.len(), 4_096);
        assert_eq!(intervals[..4], [10_247_564, 10_302_056, 10_038_993, 9_996_739]);
        let uniform = Distribution::Uniform { from: Span::us(25), to: Span::us(40) };
        assert_eq!(four("uniform", uniform), [29_891, 36_149, 30_494, 39_293]);
        let long_tail = Distribution::LogNormal { median: Span::ns(4_600), sigma: 0.5 };
        assert_eq!(four("log-normal", long_tail), [2_478, 9_623, 4_619, 4_382]);
    }

    #[test]
    fn each_purpose_and_each_seed_has_a_stream_of_its_own() {
        let a: Vec<f64> = (0..8)
            .map({
                let mut s = stream(1, "a");
                move |_| s.dice()
            })
            .collect();
        let b: Vec<f64> = (0..8)
            .map({
                let mut s = stream(1, "b");
                move |_| s.dice()
            })
            .collect();
        let other_seed: Vec<f64> = (0..8)
            .map({
                let mut s = stream(2, "a");
                move |_| s.dice()
            })
            .collect();
        assert!(a.iter().all(|x| !b.contains(x) && !other_seed.contains(x)));
    }

    #[test]
    fn the_demo_sends_every_ten_milliseconds_with_the_papers_variance() {
        let ms: Vec<f64> = intervals(&Testbed::default()).iter().map(|d| d.as_nanos() as f64 / 1e6).collect();
        let mean = ms.iter().sum::<f64>() / ms.len() as f64;
        let variance = ms.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / ms.len() as f64;
        assert!((mean - 10.0).abs() < 0.03, "mean {mean} ms");
        assert!((variance - 0.2).abs() < 0.02, "variance {variance} ms²");
    }

    #[test]
    fn a_wide_normal_is_truncated_at_zero_and_not_heaped_up_there() {
        let mut sampler = stream(1, "wide");
        let drawn: Vec<u64> =
            (0..2_000).map(|_| sampler.draw(&normal(Span::ns(0), Span::ms(1))).as_nanos()).collect();
        assert!(drawn.iter().filter(|&&ns| ns == 0).count() < 3);
        let mean = drawn.iter().sum::<u64>() as f64 / 2e3;
        // Half-normal: σ √(2/π).
        assert!((mean / 797_885.0 - 1.0).abs() < 0.05, "mean {mean} ns");
    }

    #[test]
    fn measured_values_are_drawn_as_often_as_they_were_measured_and_nothing_beyond_them() {
        let measured = [1_000, 2_000, 2_000, 2_000, 9_000].map(Duration::from_nanos);
        let measured = Distribution::of_values(measured);
        assert_eq!(four("empirical", measured.clone()), [2_000, 7_249, 2_000, 2_000]);
        let mut sampler = stream(1, "empirical");
        let drawn: Vec<u64> = (0..4_000).map(|_| sampler.draw(&measured).as_nanos()).collect();
        assert!(drawn.iter().all(|ns| (1_000..=9_000).contains(ns)));
        let share = drawn.iter().filter(|ns| **ns == 2_000).count() as f64 / 4e3;
        assert!((share - 0.5).abs() < 0.03, "two of the four steps between neighbours: {share}");
        let mean = drawn.iter().sum::<u64>() as f64 / 4e3;
        assert!((mean / measured.mean().as_nanos() as f64 - 1.0).abs() < 0.03, "mean {mean} ns");
    }

    #[test]
    fn a_job_grows_with_the_state() {
        let constant = |value| Distribution::Constant { value };
        let times = JobTime { base: constant(Span::us(100)), per_mb: constant(Span::us(20)) };
        let mut sampler = stream(1, "job");
        assert_eq!(sampler.job(&times, 0), Duration::from_micros(100));
        assert_eq!(sampler.job(&times, 40_000_000), Duration::from_micros(900));
        assert_eq!(sampler.job(&times, 500_000), Duration::from_micros(110));
    }
}
