//! How long the rest of a comparison takes: every run as long as its like did so far.

use super::plan::{CellId, Contender};
use crate::size::Size;
use zerogap_proto::Duration;

/// What runs took so far.
#[derive(Clone, Debug)]
pub struct Remaining {
    took: Vec<(Size, Contender, Duration)>,
    expected: Duration,
}

impl Remaining {
    /// Before the first run; `expected` is what one takes by configuration.
    pub const fn new(expected: Duration) -> Self {
        Self { took: Vec::new(), expected }
    }

    /// A run took so long.
    pub fn took(&mut self, cell: &CellId, duration: Duration) {
        self.took.push((cell.state, cell.contender, duration));
    }

    /// How long these will take: each the mean of the same contender's at the same size; without one, the mean of all at
    /// that size; without one, what is expected.
    pub fn of(&self, cells: &[CellId]) -> Duration {
        cells.iter().fold(Duration::ZERO, |sum, cell| sum + self.one(cell))
    }

    fn one(&self, cell: &CellId) -> Duration {
        let like = self.mean(|size, contender| (size, contender) == (cell.state, cell.contender));
        like.or_else(|| self.mean(|size, _| size == cell.state)).unwrap_or(self.expected)
    }

    fn mean(&self, wanted: impl Fn(Size, Contender) -> bool) -> Option<Duration> {
        let of: Vec<u64> =
            self.took.iter().filter(|(s, c, _)| wanted(*s, *c)).map(|(_, _, d)| d.as_nanos()).collect();
        (!of.is_empty()).then(|| Duration::from_nanos(of.iter().sum::<u64>() / of.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::id;
    use zerogap_proto::Scheme;

    #[test]
    fn a_run_is_expected_to_take_what_its_like_took() {
        let (hot, stop) = (Contender::Scheme(Scheme::HotStandby), Contender::Scheme(Scheme::StopAndCopy));
        let mut remaining = Remaining::new(Duration::from_secs(9));
        assert_eq!(remaining.of(&[id(hot, 1), id(stop, 1)]), Duration::from_secs(18), "by configuration");
        remaining.took(&id(hot, 1), Duration::from_secs(20));
        assert_eq!(remaining.of(&[id(stop, 1)]), Duration::from_secs(20), "others at this size");
        remaining.took(&id(stop, 1), Duration::from_secs(10));
        remaining.took(&id(stop, 2), Duration::from_secs(12));
        assert_eq!(remaining.of(&[id(stop, 3)]), Duration::from_secs(11), "the same scheme at this size");
        let other = CellId { state: Size(9), ..id(hot, 2) };
        assert_eq!(remaining.of(&[other]), Duration::from_secs(9));
        assert_eq!(remaining.of(&[]), Duration::ZERO);
    }
}
