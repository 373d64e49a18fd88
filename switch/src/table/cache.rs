//! A worker's own memory of what it looked up last: an array of keys and what was found for them, valid for one generation
//! of the tables. Bounded; a key has two places, and the newer one takes that of the older.

use super::flow::Flow;
use super::key::Key;
use super::pattern::{WORDS, Words, hash};
use super::tables::Tables;

/// Keys that are remembered: about 600 KB.
const KEYS: usize = 8_192;
/// In the place of an index: no flow matches.
const NONE: u32 = u32::MAX;

/// The cache of one worker.
#[derive(Clone, Debug)]
pub struct Cache {
    /// A power of two of them; newest first.
    sets: Box<[[Entry; 2]]>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    key: Words,
    /// One more than the tables', so that 0 is never valid.
    generation: u64,
    index: u32,
}

const EMPTY: Entry = Entry { key: [0; WORDS], generation: 0, index: NONE };

impl Default for Cache {
    fn default() -> Self {
        Self { sets: vec![[EMPTY; 2]; KEYS / 2].into() }
    }
}

impl Cache {
    /// The same as `tables.find(key)`, faster if this key was asked for before. Must be asked with the tables of one switch only.
    pub fn find<'t>(&mut self, tables: &'t Tables, key: &Key) -> Option<&'t Flow> {
        let generation = tables.generation() + 1;
        let at = hash(&key.0) as usize & (self.sets.len() - 1);
        let [newer, older] = &mut self.sets[at];
        let is_it = |entry: &Entry| entry.key == key.0 && entry.generation == generation;
        let index = if is_it(newer) {
            newer.index
        } else if is_it(older) {
            older.index
        } else {
            *older = *newer;
            let index = tables.space.find(key).unwrap_or(NONE);
            *newer = Entry { key: key.0, generation, index };
            index
        };
        tables.at(index)
    }
}
