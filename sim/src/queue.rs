//! The event queue: a total order by (time, sequence). What is scheduled for the same instant happens in the order in which
//! it was scheduled, and time never goes back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use zerogap_proto::Instant;

/// What is to happen, in order.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Key>>,
    /// What the keys stand for. The heap moves keys, which are small; what happens is not.
    slots: Vec<Option<T>>,
    free: Vec<u32>,
    sequence: u64,
    now: Instant,
}

/// When something happens, its sequence, and where it is kept, from the high bits to the low ones of one number: a heap does little
/// but compare keys and move them. The sequence is unique, so the slot never decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key(u128);

const SEQUENCE_BITS: u32 = 40;
const SLOT_BITS: u32 = 24;

impl Key {
    fn new(at: Instant, sequence: u64, slot: u32) -> Self {
        assert!(
            sequence >> SEQUENCE_BITS == 0 && slot >> SLOT_BITS == 0,
            "2^40 events and 2^24 of them waiting at most"
        );
        Self(u128::from(at.as_nanos()) << 64 | u128::from(sequence << SLOT_BITS) | u128::from(slot))
    }

    const fn at(self) -> Instant {
        Instant::from_nanos((self.0 >> 64) as u64)
    }

    const fn slot(self) -> usize {
        (self.0 as u64 & ((1 << SLOT_BITS) - 1)) as usize
    }
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        let (heap, slots, free) = (BinaryHeap::new(), Vec::new(), Vec::new());
        Self { heap, slots, free, sequence: 0, now: Instant::ZERO }
    }
}

impl<T> Queue<T> {
    /// The time of what happened last.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// How much has happened so far.
    pub fn happened(&self) -> u64 {
        self.sequence - self.heap.len() as u64
    }

    /// Schedules something; in the past means at once.
    pub fn push(&mut self, at: Instant, what: T) {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(what);
                slot
            }
            None => {
                self.slots.push(Some(what));
                u32::try_from(self.slots.len() - 1).expect("fewer wait than a key has room for")
            }
        };
        self.heap.push(Reverse(Key::new(at.max(self.now), self.sequence, slot)));
        self.sequence += 1;
    }

    /// The next thing to happen; the clock moves to it.
    pub fn pop(&mut self) -> Option<T> {
        let Reverse(key) = self.heap.pop()?;
        self.now = key.at();
        self.free.push(key.slot() as u32);
        self.slots[key.slot()].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_is_by_time_and_then_by_scheduling() {
        let at = Instant::from_nanos;
        let mut queue = Queue::default();
        for (ns, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            queue.push(at(ns), name);
        }
        let mut seen = String::new();
        while let Some(name) = queue.pop() {
            seen.push(name);
            if name == 'c' {
                queue.push(at(0), 'e');
            }
        }
        assert_eq!(seen, "abcde", "what is scheduled in the past happens now, after what was there");
        assert_eq!(queue.now(), at(5));
    }
}
