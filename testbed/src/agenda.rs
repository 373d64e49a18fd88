//! When each of many wants to be woken. With hundreds of them nobody looks at all to find the first.

use std::collections::{BTreeMap, BTreeSet};
use zerogap_proto::Instant;

/// Deadlines, by whoever has them.
#[derive(Debug)]
pub(crate) struct Agenda<K> {
    due: BTreeSet<(Instant, K)>,
    /// As they stand in `due`.
    of: BTreeMap<K, Instant>,
}

impl<K: Copy + Ord> Agenda<K> {
    /// From now on this one is to be woken at this time, or not at all.
    pub(crate) fn set(&mut self, who: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.of.insert(who, at),
            None => self.of.remove(&who),
        };
        if before == at {
            return;
        }
        before.into_iter().for_each(|before| {
            self.due.remove(&(before, who));
        });
        self.due.extend(at.map(|at| (at, who)));
    }

    /// Who wants to be woken first, and when.
    pub(crate) fn first(&self) -> Option<(Instant, K)> {
        self.due.first().copied()
    }

    /// All whose time has come by now, the first one first.
    pub(crate) fn due(&self, now: Instant) -> Vec<K> {
        self.due.iter().take_while(|(at, _)| *at <= now).map(|(_, who)| *who).collect()
    }
}

impl<K: Ord> Default for Agenda<K> {
    fn default() -> Self {
        Self { due: BTreeSet::new(), of: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_whoever_is_due_first_as_each_said_last() {
        let ns = Instant::from_nanos;
        let mut agenda = Agenda::default();
        assert_eq!(agenda.first(), None);
        agenda.set('c', Some(ns(30)));
        agenda.set('a', Some(ns(20)));
        agenda.set('b', Some(ns(20)));
        assert_eq!(agenda.first(), Some((ns(20), 'a')));
        assert_eq!(agenda.due(ns(29)), ['a', 'b']);
        agenda.set('a', Some(ns(40)));
        assert_eq!(agenda.first(), Some((ns(20), 'b')));
        agenda.set('b', None);
        assert_eq!(agenda.first(), Some((ns(30), 'c')));
        assert_eq!(agenda.due(ns(29)), []);
    }
}
