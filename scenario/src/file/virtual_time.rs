//! Distributions, and what they describe: how long things take in virtual time. Beside them the placement on cores, which
//! is the real world's counterpart. The draws themselves are made in `draw.rs`.

use crate::size::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use zerogap_proto::Duration;

/// A distribution of lengths of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
}

/// How long a job takes: a base, and as much again for every MB (10^6 bytes) of state. Each is drawn once a job.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobTime {
    /// Independent of the state's size.
    pub base: Distribution,
    /// For each MB of state.
    pub per_mb: Distribution,
}

/// What takes how long in virtual time. A transfer takes what its links' rates allow.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sim {
    /// The freeze in which a server's snapshot is cut.
    pub snapshot: JobTime,
    /// The full copy of a frozen server's memory (redundancy migration).
    pub copy: JobTime,
    /// The scan of a restored state.
    pub restore: JobTime,
    /// A server's work on one replayed request; live requests take `service.service_time`.
    pub replay: Distribution,
    /// From a frame's arrival at a process to its handling.
    pub host_latency: Distribution,
    /// From one process to another for a control message.
    pub control_delay: Distribution,
}

/// Which cores the processes of a real run use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Placement {
    /// The core of all that a request passes: client, switch worker, serving processes.
    pub request_core: Core,
    /// The core of bulk work: snapshots, transfers, scans.
    pub bulk_core: Core,
    /// Whether bulk work gives way through its autogroup; `nice` alone has no effect between sessions.
    pub autogroup: bool,
}

/// A core: `auto` or its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Core {
    /// Whichever suits.
    #[default]
    Auto,
    /// This one, counted from 0 as Linux does.
    Number(u16),
}

const NS2_PER_MS2: f64 = 1e12;

impl Distribution {
    /// Its mean; of a normal distribution the mean before truncation.
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Constant { value } => value.0,
            Self::Uniform { from, to } => from.0.half() + to.0.half(),
            Self::Normal { mean, .. } => mean.0,
            Self::LogNormal { median, sigma } => {
                Duration::from_nanos((median.0.as_nanos() as f64 * (sigma * sigma / 2.0).exp()) as u64)
            }
        }
    }

    /// The standard deviation of a normal distribution in nanoseconds, before truncation; 0 for the others.
    pub fn std_dev_ns(&self) -> f64 {
        match *self {
            Self::Normal { std_dev: Some(std_dev), .. } => std_dev.0.as_nanos() as f64,
            Self::Normal { variance_ms2, .. } => (variance_ms2.unwrap_or(0.0) * NS2_PER_MS2).sqrt(),
            Self::Constant { .. } | Self::Uniform { .. } | Self::LogNormal { .. } => 0.0,
        }
    }
}

const fn normal(mean: Span, std_dev: Span) -> Distribution {
    Distribution::Normal { mean, variance_ms2: None, std_dev: Some(std_dev) }
}

impl Default for Sim {
    fn default() -> Self {
        Self {
            // fork() with 4 KB pages, measured on 2 vCPUs: 18 ms for 1 GB, 37 ms for 2 GB.
            snapshot: JobTime {
                base: normal(Span::us(100), Span::us(20)),
                per_mb: normal(Span::us(18), Span::us(2)),
            },
            // A copy into fresh memory at 1 GB/s: an assumption, not a measurement.
            copy: JobTime {
                base: normal(Span::us(500), Span::us(100)),
                per_mb: normal(Span::ms(1), Span::us(100)),
            },
            // One core that hashes 1 GB/s: an assumption, not a measurement.
            restore: JobTime {
                base: normal(Span::us(500), Span::us(100)),
                per_mb: normal(Span::ms(1), Span::us(100)),
            },
            // The paper, section IV: mean 18 µs, "variance 40 µs", read as 40 µs² = 0.00004 ms².
            replay: Distribution::Normal { mean: Span::us(18), variance_ms2: Some(0.000_04), std_dev: None },
            // One-way p50 of 4.6 µs for a forwarder with client, switch and server on one core.
            host_latency: Distribution::LogNormal { median: Span::ns(4_600), sigma: 0.5 },
            // Waking a process on another core: 25 to 40 µs.
            control_delay: Distribution::Uniform { from: Span::us(25), to: Span::us(40) },
        }
    }
}

impl Default for Placement {
    fn default() -> Self {
        Self { request_core: Core::Auto, bulk_core: Core::Auto, autogroup: true }
    }
}

impl Serialize for Core {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Number(number) => serializer.serialize_u16(number),
        }
    }
}

impl<'de> Deserialize<'de> for Core {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CoreVisitor)
    }
}

struct CoreVisitor;

impl Visitor<'_> for CoreVisitor {
    type Value = Core;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`auto` or the number of a core")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Core, E> {
        if text == "auto" { Ok(Core::Auto) } else { Err(E::invalid_value(de::Unexpected::Str(text), &self)) }
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Core, E> {
        let core = u16::try_from(number).map(Core::Number);
        core.map_err(|_| E::invalid_value(de::Unexpected::Unsigned(number), &self))
    }
}

impl JsonSchema for Core {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Core".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "const": "auto" }, { "type": "integer", "minimum": 0, "maximum": u16::MAX }] })
    }
}
