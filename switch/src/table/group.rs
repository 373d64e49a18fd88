//! Groups: several ways to send a frame, and which of them are taken. `all` copies it into every bucket, `indirect` has
//! one, `select` spreads flows by weight, `fast_failover` takes the first whose watched port is up (OpenFlow 1.5, 5.10.1).

use super::action::{Action, ActionError, check_alone};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use thiserror::Error;
use zerogap_proto::PortId;

/// Buckets of one group.
const BUCKETS_MAX: usize = 64;

/// A group's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct GroupId(pub u32);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSpec<P = PortId> {
    /// Its number.
    pub id: GroupId,
    /// Which buckets are taken.
    #[serde(rename = "type")]
    pub kind: GroupKind,
    /// The ways, in order.
    pub buckets: Vec<Bucket<P>>,
}

/// Which buckets of a group are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupKind {
    /// Every one, with a copy each.
    All,
    /// The only one.
    Indirect,
    /// One by the flow's hash, in proportion to the weights; a dead one's flows move to the live, the others' stay.
    Select,
    /// The first live one.
    FastFailover,
}

/// One way of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bucket<P = PortId> {
    /// Its share of the flows, for `select`.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: u16,
    /// The port on which its life depends, for `select` and `fast_failover`; without one it is always live.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watch_port: Option<P>,
    /// What is done with the frame.
    pub actions: Vec<Action<P>>,
}

/// Why a group cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum GroupError {
    /// More buckets than are allowed.
    #[error("{0} buckets are more than {BUCKETS_MAX}")]
    TooMany(usize),
    /// Not exactly one bucket.
    #[error("an indirect group has one bucket, not {0}")]
    NotOne(usize),
    /// Nothing to choose from.
    #[error("the weights of a select group are all 0")]
    NoWeight,
    /// A bucket that would never fail.
    #[error("buckets[{0}] of a fast_failover group needs a watch_port")]
    NoWatch(usize),
    /// What is wrong with a bucket's actions.
    #[error("buckets[{bucket}].actions: {error}")]
    Actions {
        /// Its index.
        bucket: usize,
        /// What is wrong.
        error: ActionError,
    },
}

const fn one() -> u16 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands references")]
const fn is_one(weight: &u16) -> bool {
    *weight == 1
}

impl GroupSpec {
    /// Whether it makes sense whatever else there is.
    ///
    /// # Errors
    /// The first mistake.
    pub(super) fn check(&self) -> Result<(), GroupError> {
        let count = self.buckets.len();
        if count > BUCKETS_MAX {
            return Err(GroupError::TooMany(count));
        }
        for (bucket, Bucket { actions, .. }) in self.buckets.iter().enumerate() {
            let nested = actions.iter().any(|action| matches!(action, Action::Group(_)));
            let alone = if nested { Err(ActionError::NestedGroup) } else { check_alone(actions) };
            alone.map_err(|error| GroupError::Actions { bucket, error })?;
        }
        match self.kind {
            GroupKind::All => Ok(()),
            GroupKind::Indirect if count == 1 => Ok(()),
            GroupKind::Indirect => Err(GroupError::NotOne(count)),
            GroupKind::Select if self.buckets.iter().any(|bucket| bucket.weight > 0) => Ok(()),
            GroupKind::Select => Err(GroupError::NoWeight),
            GroupKind::FastFailover => {
                let unwatched = self.buckets.iter().position(|bucket| bucket.watch_port.is_none());
                unwatched.map_or(Ok(()), |index| Err(GroupError::NoWatch(index)))
            }
        }
    }

    /// The indices of the buckets that a frame takes, `hash` being its flow's. Empty if none is live.
    fn taken(&self, hash: u64, is_up: impl Fn(PortId) -> bool) -> Range<usize> {
        let live = |bucket: &Bucket| bucket.watch_port.is_none_or(&is_up);
        let one = match self.kind {
            GroupKind::All | GroupKind::Indirect => return 0..self.buckets.len(),
            GroupKind::FastFailover => self.buckets.iter().position(live),
            GroupKind::Select => {
                let first = weighted(&self.buckets, hash, |_| true);
                let chosen = first.filter(|index| live(&self.buckets[*index]));
                // Other bits decide: those of the first choice are alike in all flows of the dead bucket.
                let again = hash.rotate_left(32);
                chosen.or_else(|| weighted(&self.buckets, again, live))
            }
        };
        one.map_or(0..0, |index| index..index + 1)
    }
}

/// The index of one of the allowed buckets, in proportion to their weights.
fn weighted(buckets: &[Bucket], hash: u64, allowed: impl Fn(&Bucket) -> bool) -> Option<usize> {
    let mut candidates = buckets.iter().enumerate().filter(|(_, bucket)| allowed(bucket));
    let total: u64 = candidates.clone().map(|(_, bucket)| u64::from(bucket.weight)).sum();
    // Scaled by the upper half of a product: no division, and the hash's high bits decide.
    let mut at = ((u128::from(hash) * u128::from(total)) >> 64) as u64;
    let found = candidates.find(|(_, bucket)| match at.checked_sub(bucket.weight.into()) {
        None => true,
        Some(rest) => {
            at = rest;
            false
        }
    });
    found.map(|(index, _)| index)
}

/// A group at work. Sharing it between tables keeps what it has counted; one that replaces another begins at zero.
#[derive(Debug)]
pub struct Group {
    spec: GroupSpec,
    counters: Box<[Counter]>,
}

/// What a bucket has been handed. Shared by all workers, which seldom meet at one bucket.
#[derive(Debug, Default)]
struct Counter {
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// What a bucket has been handed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BucketCount {
    /// Frames.
    pub packets: u64,
    /// Their bytes, Ethernet headers included.
    pub bytes: u64,
}

impl Group {
    /// A group that has counted nothing yet.
    pub(super) fn new(spec: GroupSpec) -> Self {
        let counters = spec.buckets.iter().map(|_| Counter::default()).collect();
        Self { spec, counters }
    }

    /// What it was made from.
    pub const fn spec(&self) -> &GroupSpec {
        &self.spec
    }

    /// What each of its buckets has been handed, in their order.
    pub fn counts(&self) -> impl ExactSizeIterator<Item = BucketCount> {
        let count = |Counter { packets, bytes }: &Counter| (packets.load(Relaxed), bytes.load(Relaxed));
        self.counters.iter().map(count).map(|(packets, bytes)| BucketCount { packets, bytes })
    }

    /// The buckets that a frame of `len` bytes takes, each of which has counted it; `hash` is its flow's. Empty if none is live.
    pub(super) fn take(&self, hash: u64, len: usize, is_up: impl Fn(PortId) -> bool) -> &[Bucket] {
        let taken = self.spec.taken(hash, is_up);
        for Counter { packets, bytes } in &self.counters[taken.clone()] {
            packets.fetch_add(1, Relaxed);
            bytes.fetch_add(len as u64, Relaxed);
        }
        &self.spec.buckets[taken]
    }
}

impl<P> GroupSpec<P> {
    /// The same group, its ports called otherwise.
    pub(super) fn map_ports<Q, E>(self, map: &mut impl FnMut(P) -> Result<Q, E>) -> Result<GroupSpec<Q>, E> {
        let buckets = self.buckets.into_iter().map(|bucket| {
            let watch_port = bucket.watch_port.map(&mut *map).transpose()?;
            let actions = bucket.actions.into_iter().map(|action| action.map_ports(map));
            Ok(Bucket { weight: bucket.weight, watch_port, actions: actions.collect::<Result<_, E>>()? })
        });
        let buckets = buckets.collect::<Result<_, E>>()?;
        Ok(GroupSpec { id: self.id, kind: self.kind, buckets })
    }
}
