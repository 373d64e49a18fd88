//! The event queue: a total order by (time, sequence). What is scheduled for the same instant happens in the order in which
//! it was scheduled, and time never goes back.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use zerogap_proto::Instant;

/// What is to happen, in order.
#[derive(Debug)]
pub struct Queue<T> {
    heap: BinaryHeap<Reverse<Item<T>>>,
    sequence: u64,
    now: Instant,
}

#[derive(Debug)]
struct Item<T> {
    at: Instant,
    sequence: u64,
    what: T,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0, now: Instant::ZERO }
    }
}

impl<T> Queue<T> {
    /// The time of what happened last.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Schedules something; in the past means at once.
    pub fn push(&mut self, at: Instant, what: T) {
        let item = Item { at: at.max(self.now), sequence: self.sequence, what };
        self.sequence += 1;
        self.heap.push(Reverse(item));
    }

    /// The next thing to happen; the clock moves to it.
    pub fn pop(&mut self) -> Option<T> {
        let Reverse(item) = self.heap.pop()?;
        self.now = item.at;
        Some(item.what)
    }
}

impl<T> Item<T> {
    fn key(&self) -> (Instant, u64) {
        (self.at, self.sequence)
    }
}

impl<T> PartialEq for Item<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}
impl<T> Eq for Item<T> {}
impl<T> PartialOrd for Item<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Item<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
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
