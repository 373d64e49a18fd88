//! What a controller wants sent, in order, until its driver takes it. Bounded: when it is full, what comes is dropped and
//! counted. Nothing is lost for good by that, for a controller repeats whatever shows no effect.

use std::collections::VecDeque;
use zerogap_proto::{Control, Event, NodeId, Output};

/// Outputs between two drains.
const CAPACITY: usize = 256;

#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Output>,
    dropped: u64,
}

impl Outbox {
    /// Sends a control message.
    pub(crate) fn send(&mut self, to: NodeId, message: Control) {
        self.push(Output::Control { to, message });
    }

    /// Writes the journal.
    pub(crate) fn event(&mut self, event: Event) {
        self.push(Output::Event(event));
    }

    /// The next one, first in first out.
    pub(crate) fn pop(&mut self) -> Option<Output> {
        self.queue.pop_front()
    }

    /// How many were dropped because the box was full.
    pub(crate) const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn push(&mut self, output: Output) {
        if self.queue.len() < CAPACITY {
            self.queue.push_back(output);
        } else {
            self.dropped += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_box_drops_what_comes_and_counts_it() {
        let mut outbox = Outbox::default();
        (0..CAPACITY as u32 + 3).for_each(|n| outbox.send(NodeId(1), Control::Barrier(n)));
        assert_eq!(outbox.dropped(), 3);
        let kept: Vec<_> = std::iter::from_fn(|| outbox.pop()).collect();
        assert_eq!(kept.len(), CAPACITY);
        assert!(matches!(kept[0], Output::Control { message: Control::Barrier(0), .. }), "order is kept");
    }
}
