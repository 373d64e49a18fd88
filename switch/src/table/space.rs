//! Tuple-space search (Srinivasan, Suri, Varghese: Packet classification using tuple space search, SIGCOMM 1999), as Open
//! vSwitch's classifier does it: flows with the same mask share a hash map, and the maps are tried in the order of the best
//! flow in each, so that the search ends when no later map can hold a better one than was found.

use super::key::Key;
use super::pattern::{Pattern, WORDS, Words, hash, masked};
use std::collections::BTreeMap;

/// The look-up structure of one table. What it finds is the index of a flow.
#[derive(Clone, Debug, Default)]
pub(super) struct Space(Vec<Tuple>);

/// All flows with one mask: a hash map with open addressing, at most half full.
#[derive(Clone, Debug)]
struct Tuple {
    mask: Words,
    /// The lowest index in it.
    best: u32,
    /// A power of two of them.
    entries: Box<[Entry]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    value: Words,
    index: u32,
}

/// Not the index of a flow.
const NONE: u32 = u32::MAX;
const EMPTY: Entry = Entry { value: [0; WORDS], index: NONE };

impl Space {
    /// The structure for flows with these patterns, the one to take first being the first.
    pub(super) fn of<'a>(patterns: impl Iterator<Item = &'a Pattern>) -> Self {
        let mut by_mask: BTreeMap<Words, Vec<(u32, Words)>> = BTreeMap::new();
        for (index, pattern) in (0..).zip(patterns) {
            by_mask.entry(pattern.mask).or_default().push((index, pattern.value));
        }
        let mut tuples: Vec<_> = by_mask.iter().map(|(mask, flows)| Tuple::of(*mask, flows)).collect();
        tuples.sort_unstable_by_key(|tuple| tuple.best);
        Self(tuples)
    }

    /// The lowest index of a flow that matches.
    pub(super) fn find(&self, key: &Key) -> Option<u32> {
        let mut found = NONE;
        for tuple in &self.0 {
            if tuple.best > found {
                break;
            }
            found = found.min(tuple.find(key));
        }
        (found != NONE).then_some(found)
    }
}

impl Tuple {
    /// Of flows with the same value only the first can ever be taken.
    fn of(mask: Words, flows: &[(u32, Words)]) -> Self {
        let mut tuple = Self {
            mask,
            best: flows.first().map_or(NONE, |(index, _)| *index),
            entries: vec![EMPTY; (flows.len() * 2).next_power_of_two()].into(),
        };
        for &(index, value) in flows {
            let entry = &mut tuple.entries[tuple.place_of(&value)];
            if entry.index == NONE {
                *entry = Entry { value, index };
            }
        }
        tuple
    }

    /// Where this value is, or would be.
    fn place_of(&self, value: &Words) -> usize {
        let last = self.entries.len() - 1;
        let mut at = hash(value) as usize & last;
        while self.entries[at].index != NONE && self.entries[at].value != *value {
            at = (at + 1) & last;
        }
        at
    }

    fn find(&self, key: &Key) -> u32 {
        self.entries[self.place_of(&masked(&key.0, &self.mask))].index
    }
}
