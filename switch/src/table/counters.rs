//! What one worker counted of every flow: packets, bytes, when it was last used. Outside the immutable tables; only its
//! worker writes it, anybody may read it at any time, and nobody waits.

use super::flow::Flow;
use super::tables::FLOWS_MAX;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use zerogap_proto::Instant;

/// The counters of one worker, a slot for each flow.
#[derive(Debug)]
pub struct FlowCounters {
    slots: Box<[Slot]>,
}

/// Who counts here, and what was counted. The owner doubles as the version of a sequence lock.
#[derive(Debug, Default)]
struct Slot {
    /// The flow's number plus one; 0 while the slot changes hands.
    owner: AtomicU64,
    packets: AtomicU64,
    bytes: AtomicU64,
    used_ns: AtomicU64,
}

/// What was counted of one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Frames.
    pub packets: u64,
    /// Their bytes, Ethernet headers included.
    pub bytes: u64,
    /// When the last one came.
    pub used: Option<Instant>,
}

impl Default for FlowCounters {
    fn default() -> Self {
        Self { slots: (0..FLOWS_MAX).map(|_| Slot::default()).collect() }
    }
}

impl FlowCounters {
    /// Counts one frame of a flow. Only one thread may do this.
    pub fn count(&self, flow: &Flow, now: Instant, bytes: usize) {
        let Some(slot) = self.slots.get(flow.slot as usize) else { return };
        let owner = flow.id.0 + 1;
        if slot.owner.load(Ordering::Relaxed) != owner {
            slot.owner.store(0, Ordering::Relaxed);
            fence(Ordering::Release);
            slot.packets.store(0, Ordering::Relaxed);
            slot.bytes.store(0, Ordering::Relaxed);
            slot.owner.store(owner, Ordering::Release);
        }
        // The only writer needs no atomic addition.
        let add = |counter: &AtomicU64, amount: u64| {
            counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
        };
        add(&slot.packets, 1);
        add(&slot.bytes, bytes as u64);
        slot.used_ns.store(now.as_nanos(), Ordering::Relaxed);
    }

    /// What this worker counted of a flow.
    pub fn of(&self, flow: &Flow) -> Count {
        let owner = flow.id.0 + 1;
        let Some(slot) = self.slots.get(flow.slot as usize) else { return Count::default() };
        let is_its = |order| slot.owner.load(order) == owner;
        if !is_its(Ordering::Acquire) {
            return Count::default();
        }
        let packets = slot.packets.load(Ordering::Relaxed);
        let bytes = slot.bytes.load(Ordering::Relaxed);
        let used_ns = slot.used_ns.load(Ordering::Relaxed);
        fence(Ordering::Acquire);
        // Between the owner's change and its first frame nothing is counted yet.
        if packets == 0 || !is_its(Ordering::Relaxed) {
            return Count::default();
        }
        Count { packets, bytes, used: Some(Instant::from_nanos(used_ns)) }
    }
}

impl Count {
    /// What all workers counted of a flow.
    pub fn total(workers: &[Arc<FlowCounters>], flow: &Flow) -> Self {
        workers.iter().map(|worker| worker.of(flow)).fold(Self::default(), |sum, count| Self {
            packets: sum.packets + count.packets,
            bytes: sum.bytes + count.bytes,
            used: sum.used.max(count.used),
        })
    }
}
