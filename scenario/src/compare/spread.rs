//! Median, minimum and maximum of a few figures: what a handful of runs carries. There is no mean and no deviation, because
//! delays are not normally distributed.

use serde::Serialize;

/// The median of some figures and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spread {
    /// How many figures.
    pub count: u64,
    /// The middle one; between the two in the middle if their number is even.
    pub median: u64,
    /// The lowest.
    pub min: u64,
    /// The highest.
    pub max: u64,
}

impl Spread {
    /// The spread of these; `None` of nothing.
    pub fn of(figures: impl IntoIterator<Item = u64>) -> Option<Self> {
        let mut sorted: Vec<u64> = figures.into_iter().collect();
        sorted.sort_unstable();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(sorted.len() - 1) / 2], sorted[sorted.len() / 2]);
        Some(Self { count: sorted.len() as u64, median: low.midpoint(high), min, max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_between_the_two_in_the_middle() {
        let spread = |figures: &[u64]| Spread::of(figures.iter().copied()).map(|s| (s.min, s.median, s.max));
        assert_eq!(spread(&[9, 1, 5]), Some((1, 5, 9)));
        assert_eq!(spread(&[9, 1, 5, 6]), Some((1, 5, 9)));
        assert_eq!(spread(&[4, 8]), Some((4, 6, 8)));
        assert_eq!(spread(&[7]), Some((7, 7, 7)));
        assert_eq!(spread(&[]), None);
    }
}
