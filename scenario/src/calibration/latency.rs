//! The machine's part in a request's way: what its response RTT has beyond the modelled links and the service time. As the parts are
//! independent, means and variances subtract; what is left is divided between the two processes that a request and its answer reach,
//! as a log-normal distribution with that mean and variance.

use super::fit::median;

/// Processes that an RTT goes through: the server, and the client with the answer.
const ARRIVALS: f64 = 2.0;
/// The share that is looked at: beyond it are the moments at which the machine did something else.
const BODY: f64 = 0.98;
/// Samples that an estimate needs.
const SAMPLES_MIN: usize = 50;

/// A log-normal distribution of what a frame's arrival at a process costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Its median, in nanoseconds.
    pub median_ns: f64,
    /// Standard deviation of the logarithm.
    pub sigma: f64,
    /// Median of the measured RTTs, in nanoseconds.
    pub measured_ns: f64,
    /// Median of the RTTs without any such latency, in nanoseconds.
    pub modelled_ns: f64,
}

impl Latency {
    /// From RTTs that were measured and RTTs of the same in virtual time without it. `None` if they are too few, or if the machine
    /// is faster than the model.
    pub fn fit(measured_ns: &[u64], modelled_ns: &[u64]) -> Option<Self> {
        if measured_ns.len() < SAMPLES_MIN || modelled_ns.len() < SAMPLES_MIN {
            return None;
        }
        let (measured, modelled) = (body(measured_ns), body(modelled_ns));
        let (mean, variance) = moments(&measured);
        let (mean_modelled, variance_modelled) = moments(&modelled);
        let mean = (mean - mean_modelled) / ARRIVALS;
        let variance = (variance - variance_modelled).max(0.0) / ARRIVALS;
        if mean <= 0.0 {
            return None;
        }
        let sigma_squared = (1.0 + variance / (mean * mean)).ln();
        Some(Self {
            median_ns: mean / (sigma_squared / 2.0).exp(),
            sigma: sigma_squared.sqrt(),
            measured_ns: median(measured)?,
            modelled_ns: median(modelled)?,
        })
    }
}

/// All but the longest.
fn body(ns: &[u64]) -> Vec<f64> {
    let mut sorted = ns.to_vec();
    sorted.sort_unstable();
    sorted.truncate((sorted.len() as f64 * BODY) as usize);
    sorted.into_iter().map(|ns| ns as f64).collect()
}

fn moments(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::stream;
    use crate::file::Distribution;
    use crate::size::Span;

    #[test]
    fn a_latency_that_was_added_is_found_again() {
        let jitter = Distribution::Uniform { from: Span::us(1_400), to: Span::us(1_600) };
        let latency = Distribution::LogNormal { median: Span::us(250), sigma: 0.3 };
        let mut sampler = stream(1, "test");
        let modelled: Vec<u64> = (0..4_000).map(|_| sampler.draw(&jitter).as_nanos()).collect();
        let mut rtt = || [&jitter, &latency, &latency].map(|part| sampler.draw(part).as_nanos()).iter().sum();
        let measured: Vec<u64> = (0..4_000).map(|_| rtt()).collect();
        let found = Latency::fit(&measured, &modelled).unwrap();
        assert!((found.median_ns / 250e3 - 1.0).abs() < 0.03, "{found:?}");
        // The longest are left out, which takes a little of the spread.
        assert!((0.2..0.35).contains(&found.sigma), "{found:?}");
    }

    #[test]
    fn a_few_stalls_change_little_and_a_machine_faster_than_the_model_has_no_latency() {
        let modelled = vec![1_500_000; 100];
        let mut measured = vec![2_000_000; 100];
        measured[7] = 900_000_000;
        let found = Latency::fit(&measured, &modelled).unwrap();
        assert_eq!((found.median_ns.round(), found.sigma), (250_000.0, 0.0));
        assert_eq!(Latency::fit(&modelled, &measured), None);
        assert_eq!(Latency::fit(&measured[..9], &modelled), None, "too few");
    }
}
