//! Meters: token buckets in packets or bits a second that drop what is too much. One atomic word is the whole state (the
//! generic cell rate algorithm, ITU-T I.371, which is a token bucket told by time), so all workers share it without a lock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;
use zerogap_proto::Instant;

/// Parts of a nanosecond that time is counted in, so that fast rates are not rounded off.
const TICKS_PER_NS: u64 = 16;
const TICKS_PER_S: u128 = TICKS_PER_NS as u128 * 1_000_000_000;
/// The longest frame without a tag, in bits: a smaller burst would let nothing pass.
const FRAME_BITS: u64 = 1_514 * 8;

/// A meter's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MeterId(pub u32);

impl fmt::Display for MeterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A meter: either packets or bits are limited. A frame that stands for several segments counts as those.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterSpec {
    /// Its number.
    pub id: MeterId,
    /// Packets a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_pps: Option<u64>,
    /// Packets at once; a tenth of a second's (and at least one) if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_packets: Option<u64>,
    /// Bits a second, from the Ethernet header on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_bps: Option<u64>,
    /// Bits at once; a tenth of a second's (and at least the longest frame's) if left out. A frame longer than this never passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_bits: Option<u64>,
}

/// Why a meter cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum MeterError {
    /// Neither or both rates, or the burst of the other.
    #[error("give either rate_pps (and burst_packets) or rate_bps (and burst_bits)")]
    Unclear,
    /// A rate of nothing; the action for that is `drop`.
    #[error("a rate is at least 1; to let nothing pass, use drop")]
    Zero,
    /// A burst that lets no frame pass.
    #[error("a burst of {burst} is less than one frame, which is {least}")]
    Burst {
        /// What was given.
        burst: u64,
        /// What it must be.
        least: u64,
    },
}

/// What a meter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Packets,
    Bits,
}

/// A meter at work. Sharing it between tables keeps its state when the tables change.
#[derive(Debug)]
pub struct Meter {
    spec: MeterSpec,
    unit: Unit,
    rate: u64,
    burst: u64,
    /// When the bucket will be full again, in ticks.
    full_at: AtomicU64,
    passed: AtomicU64,
    dropped: AtomicU64,
}

impl Meter {
    /// A meter with a full bucket.
    ///
    /// # Errors
    /// It is not clear what is limited, or nothing would ever pass.
    pub fn new(spec: MeterSpec) -> Result<Self, MeterError> {
        let (unit, rate, burst, least) = match spec {
            MeterSpec { rate_pps: Some(rate), rate_bps: None, burst_packets, burst_bits: None, .. } => {
                (Unit::Packets, rate, burst_packets, 1)
            }
            MeterSpec { rate_bps: Some(rate), rate_pps: None, burst_bits, burst_packets: None, .. } => {
                (Unit::Bits, rate, burst_bits, FRAME_BITS)
            }
            MeterSpec { .. } => return Err(MeterError::Unclear),
        };
        if rate == 0 {
            return Err(MeterError::Zero);
        }
        let burst = burst.unwrap_or((rate / 10).max(least));
        if burst < least {
            return Err(MeterError::Burst { burst, least });
        }
        let [full_at, passed, dropped] = [const { AtomicU64::new(0) }; 3];
        Ok(Self { spec, unit, rate, burst, full_at, passed, dropped })
    }

    /// What it was made from.
    pub const fn spec(&self) -> &MeterSpec {
        &self.spec
    }

    /// Frames that it let pass, and frames that it dropped.
    pub fn counts(&self) -> (u64, u64) {
        (self.passed.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    /// Whether `packets` packets of `bytes` bytes together may pass now; if so their tokens are gone. Never more than
    /// rate × time + burst pass in any length of time.
    pub fn take(&self, now: Instant, packets: u64, bytes: u64) -> bool {
        let amount = match self.unit {
            Unit::Packets => packets,
            Unit::Bits => bytes.saturating_mul(8),
        };
        let rate = u128::from(self.rate);
        let cost = u64::try_from((u128::from(amount) * TICKS_PER_S).div_ceil(rate));
        let now = now.as_nanos().saturating_mul(TICKS_PER_NS);
        let spend = |full_at: u64| {
            // Costs are rounded up, so less is in the bucket than it says; the comparison itself is exact.
            let missing = u128::from(full_at.saturating_sub(now)) * rate;
            let is_there = missing <= u128::from(self.burst.checked_sub(amount)?) * TICKS_PER_S;
            if is_there { full_at.max(now).checked_add(cost.ok()?) } else { None }
        };
        let passes = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend).is_ok();
        let counter = if passes { &self.passed } else { &self.dropped };
        counter.fetch_add(1, Ordering::Relaxed);
        passes
    }
}
