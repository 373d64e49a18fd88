//! How many requests a reader behind the head may have in flight. A whole window at once would fill a slow link's queue, and the
//! client's answers wait in the same queue; so a replay begins with a few, has one more for each answer that comes as quickly as
//! answers should, and half as many after one that does not. A server that works one by one is busy with a few.

/// At the beginning, and at the least: enough for a server to have the next one at hand.
const FIRST: usize = 4;

/// A reader's pace while it is not live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace(usize);

impl Default for Pace {
    fn default() -> Self {
        Self(FIRST)
    }
}

impl Pace {
    /// How many may be in flight.
    pub(super) const fn window(self) -> usize {
        self.0
    }

    /// An answer has come, in the time in which answers should come or not.
    pub(super) fn note(&mut self, in_time: bool) {
        self.0 = if in_time { self.0.saturating_add(1) } else { (self.0 / 2).max(FIRST) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_answers_double_it_a_round_and_a_slow_one_halves_it() {
        let mut pace = Pace::default();
        (0..4).for_each(|_| pace.note(true));
        assert_eq!(pace.window(), 8);
        (0..8).for_each(|_| pace.note(true));
        assert_eq!(pace.window(), 16);
        pace.note(false);
        assert_eq!(pace.window(), 8);
        (0..9).for_each(|_| pace.note(false));
        assert_eq!(pace.window(), 4);
    }
}
