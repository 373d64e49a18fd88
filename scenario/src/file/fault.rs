//! Faults: what the testbed file lets go wrong on purpose, and when. The drivers carry them out; nothing in the product
//! knows that they were planned.

use super::words;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zerogap_proto::Phase;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// A server's process is killed.
    Kill {
        /// When.
        at: At,
        /// Name of the server.
        node: String,
    },
    /// A server's process is stopped and goes on later, as after a stall.
    Stop {
        /// When.
        at: At,
        /// Name of the server.
        node: String,
        /// How long it stands still.
        r#for: Span,
    },
    /// A bit of a server's memory flips and its digest does not notice.
    FlipBit {
        /// When.
        at: At,
        /// Name of the server.
        node: String,
        /// Which byte of the state, modulo its size.
        byte: u64,
        /// Which bit of it, 0 to 7.
        bit: u8,
        /// Not then, but between the next transfer's end and the scan.
        #[serde(default)]
        at_restore: bool,
    },
    /// Both controllers forget all they know and start again.
    RestartControllers {
        /// When.
        at: At,
    },
    /// A link carries nothing for a while.
    LinkDown {
        /// When.
        at: At,
        /// Name of the wire: a server, an access point, or a trunk such as `s1-s2`; the AGV's name for the radio.
        link: String,
        /// How long it is down.
        r#for: Span,
    },
}

/// When a fault happens: `{time: 3 s}` or `{phase: Review, migration: 1, delay: 0 ms}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "AtForm", into = "AtForm")]
#[schemars(with = "AtForm")]
pub enum At {
    /// At a time after the start of the run.
    Time(Span),
    /// When a migration enters a phase, or some time later.
    Phase {
        /// Which phase.
        phase: Phase,
        /// Of which migration, counted from 1.
        migration: u32,
        /// How long after it was entered.
        delay: Span,
    },
}

impl Fault {
    /// When it happens.
    pub const fn at(&self) -> At {
        match *self {
            Self::Kill { at, .. }
            | Self::Stop { at, .. }
            | Self::FlipBit { at, .. }
            | Self::RestartControllers { at }
            | Self::LinkDown { at, .. } => at,
        }
    }
}

/// When a fault happens: either `time`, or `phase` with `migration` and `delay`.
#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "At")]
struct AtForm {
    /// Time after the start of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<Span>,
    /// The phase that is entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "words::phase")]
    phase: Option<Phase>,
    /// Of which migration, counted from 1; 1 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    migration: Option<u32>,
    /// How long after the phase was entered; 0 if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    delay: Option<Span>,
}

impl TryFrom<AtForm> for At {
    type Error = &'static str;
    fn try_from(form: AtForm) -> Result<Self, Self::Error> {
        match form {
            AtForm { time: Some(time), phase: None, migration: None, delay: None } => Ok(Self::Time(time)),
            AtForm { time: None, phase: Some(phase), migration, delay } => {
                let (migration, delay) = (migration.unwrap_or(1), delay.unwrap_or_default());
                Ok(Self::Phase { phase, migration, delay })
            }
            AtForm { .. } => Err("it is not clear when this happens; \
                write either {time: 3 s} or {phase: Review, migration: 1, delay: 0 ms}"),
        }
    }
}

impl From<At> for AtForm {
    fn from(at: At) -> Self {
        match at {
            At::Time(time) => Self { time: Some(time), ..Self::default() },
            At::Phase { phase, migration, delay } => {
                Self { time: None, phase: Some(phase), migration: Some(migration), delay: Some(delay) }
            }
        }
    }
}
