//! A part of a campaign: `2/3` is the second of three. Read from the command line, written into each part's file.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// One of several parts, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    of: u32,
    index: u32,
}

/// Why a text is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a shard; write I/N with I from 1 to N, such as 1/3")]
pub struct ShardError(String);

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { of: 1, index: 1 };

    /// The `index`-th of so many.
    ///
    /// # Errors
    /// There is no such one.
    pub fn new(index: u32, of: u32) -> Result<Self, ShardError> {
        if (1..=of).contains(&index) {
            Ok(Self { of, index })
        } else {
            Err(ShardError(format!("{index}/{of}")))
        }
    }

    /// How many parts there are.
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Which of `count` things are in this part: blocks that differ by one at most.
    pub(super) fn block(self, count: usize) -> Range<usize> {
        let from = |index: u32| {
            usize::try_from(count as u128 * u128::from(index) / u128::from(self.of)).unwrap_or(count)
        };
        from(self.index - 1)..from(self.index)
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;
    fn from_str(text: &str) -> Result<Self, ShardError> {
        let numbers = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        let bad = || ShardError(text.to_owned());
        let (index, of) = numbers.ok_or_else(bad)?;
        Self::new(index, of).map_err(|_| bad())
    }
}

impl TryFrom<String> for Shard {
    type Error = ShardError;
    fn try_from(text: String) -> Result<Self, ShardError> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_reads_as_it_shows_and_is_one_of_those_that_there_are() {
        for text in ["1/1", "1/3", "3/3", "100/4000000000"] {
            assert_eq!(text.parse::<Shard>().unwrap().to_string(), text);
        }
        for text in ["0/3", "4/3", "1/0", "1", "a/b", "-1/3", "1/3/5", ""] {
            assert!(text.parse::<Shard>().unwrap_err().to_string().contains("I/N"), "{text}");
        }
    }

    #[test]
    fn blocks_are_even_and_follow_each_other() {
        let blocks = |count, of| (1..=of).map(move |i| Shard::new(i, of).unwrap().block(count));
        assert_eq!(blocks(10, 3).collect::<Vec<_>>(), [0..3, 3..6, 6..10]);
        assert_eq!(blocks(2, 4).collect::<Vec<_>>(), [0..0, 0..1, 1..1, 1..2], "some have nothing to do");
        assert_eq!(Shard::WHOLE.block(7), 0..7);
    }
}
