//! How long things take in virtual time. Beside it the placement on cores, which is the real world's counterpart. The draws themselves
//! are made in `draw.rs`; `zerogap calibrate` measures what a machine takes.

use super::Distribution;
use crate::size::Span;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// How long a job takes: a base, and as much again for every MB (10^6 bytes) of state. Each is drawn once a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobTime {
    /// Independent of the state's size.
    pub base: Distribution,
    /// For each MB of state.
    pub per_mb: Distribution,
}

/// What takes how long in virtual time. A transfer takes what its links' rates allow, and what the machine itself takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Sim {
    /// The standstill of a server that forks a child with an image of its memory: at a snapshot, and before anything is sent.
    pub snapshot: JobTime,
    /// The standstill between two rounds: finding what was written, and the image of the next.
    pub round: JobTime,
    /// The full copy of a frozen server's memory (redundancy migration).
    pub copy: JobTime,
    /// A transfer: what it takes beside its links' time, and what the machine takes for each MB if the links allow more.
    pub transfer: JobTime,
    /// Pages that are pulled: how long a wanted one waits beside its own way and that of the pages around it, and what the machine
    /// takes for each MB if the links allow more.
    pub pull: JobTime,
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

const fn normal(mean: Span, std_dev: Span) -> Distribution {
    Distribution::Normal { mean, variance_ms2: None, std_dev: Some(std_dev) }
}

impl Default for Sim {
    fn default() -> Self {
        Self {
            // What stands here without a source was measured with `zerogap calibrate` on 2 virtual cores of an x86-64 server.
            // fork() of memory in pages of 2 MB.
            snapshot: JobTime {
                base: normal(Span::us(700), Span::us(70)),
                per_mb: normal(Span::us(2), Span::ns(200)),
            },
            // The same of memory whose writing is followed, which is in pages of 4 KB, and the look at what was written.
            round: JobTime {
                base: normal(Span::us(610), Span::us(160)),
                per_mb: normal(Span::ns(8_700), Span::ns(2_300)),
            },
            // Into fresh memory.
            copy: JobTime {
                base: normal(Span::ns(0), Span::ns(0)),
                per_mb: normal(Span::us(1_640), Span::us(250)),
            },
            transfer: JobTime {
                base: Distribution::LogNormal { median: Span::us(2_700), sigma: 0.3 },
                per_mb: normal(Span::us(1_800), Span::us(50)),
            },
            pull: JobTime {
                base: normal(Span::us(730), Span::us(70)),
                per_mb: normal(Span::us(8_700), Span::us(500)),
            },
            restore: JobTime {
                base: normal(Span::us(730), Span::us(150)),
                per_mb: normal(Span::us(156), Span::us(30)),
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
