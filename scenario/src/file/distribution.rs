//! Distributions of lengths of time, as the testbed file writes them. The draws themselves are made in `draw.rs`.

use super::values::Values;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zerogap_proto::Duration;

/// A distribution of lengths of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Distribution {
    /// Always the same.
    Constant {
        /// The one value.
        value: Span,
    },
    /// Everything between two values alike.
    Uniform {
        /// The smallest value.
        from: Span,
        /// The largest value.
        to: Span,
    },
    /// Normal, truncated below at 0: a negative draw is drawn again. Give either the variance or the standard deviation.
    Normal {
        /// The mean, before truncation.
        mean: Span,
        /// The variance in ms² (NS-3's second parameter).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        variance_ms2: Option<f64>,
        /// The standard deviation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        std_dev: Option<Span>,
    },
    /// Log-normal: never negative, with a long tail.
    LogNormal {
        /// The median.
        median: Span,
        /// Standard deviation of the natural logarithm, 0 to 10.
        sigma: f64,
    },
    /// Measured values, drawn by the inverse of their distribution function, which is taken to be linear between
    /// neighbours: nothing below the smallest or above the largest is ever drawn. Give either a file or the values.
    Empirical {
        /// A file of them, its path relative to this one: one a line, with a unit or in whole nanoseconds; `#` begins a comment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        file: Option<String>,
        /// The values in any order, with a unit or in whole nanoseconds. Loading puts those of the file here.
        #[serde(default, skip_serializing_if = "Values::is_empty")]
        values: Values,
    },
}

const NS2_PER_MS2: f64 = 1e12;

impl Distribution {
    /// Its mean; of a normal distribution the mean before truncation.
    pub fn mean(&self) -> Duration {
        match self {
            Self::Constant { value } => value.0,
            Self::Uniform { from, to } => from.0.half() + to.0.half(),
            Self::Normal { mean, .. } => mean.0,
            Self::LogNormal { median, sigma } => {
                Duration::from_nanos((median.0.as_nanos() as f64 * (sigma * sigma / 2.0).exp()) as u64)
            }
            Self::Empirical { values, .. } => values.mean(),
        }
    }

    /// The standard deviation of a normal distribution in nanoseconds, before truncation; 0 for the others.
    pub fn std_dev_ns(&self) -> f64 {
        match self {
            Self::Normal { std_dev: Some(std_dev), .. } => std_dev.0.as_nanos() as f64,
            Self::Normal { variance_ms2, .. } => (variance_ms2.unwrap_or(0.0) * NS2_PER_MS2).sqrt(),
            Self::Constant { .. }
            | Self::Uniform { .. }
            | Self::LogNormal { .. }
            | Self::Empirical { .. } => 0.0,
        }
    }

    /// Measured values.
    pub fn of_values(values: impl IntoIterator<Item = Duration>) -> Self {
        Self::Empirical { file: None, values: Values::new(values) }
    }
}
