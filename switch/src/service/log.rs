//! The request log: the ordered requests of one service since the oldest offset that anyone still needs, each with its
//! ballot. It is bounded; who holds it up and what follows from that is decided in `retention`.

use super::admission::ClientKey;
use super::ballot::Ballot;
use std::collections::VecDeque;
use zerogap_proto::{Frame, Offset, Sequence};

/// One admitted request.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Who asked.
    pub client: ClientKey,
    /// The client's number for it.
    pub sequence: Sequence,
    /// The frame as the client sent it.
    pub frame: Frame,
    /// What the readers answered to it.
    pub ballot: Ballot,
}

/// The log. Offsets are given in order of arrival, without gaps.
#[derive(Debug)]
pub struct Log {
    base: Offset,
    entries: VecDeque<Entry>,
    capacity: usize,
    peak: usize,
}

impl Log {
    /// An empty log for at most `capacity` entries.
    pub fn new(capacity: usize) -> Self {
        Self { base: Offset(0), entries: VecDeque::new(), capacity, peak: 0 }
    }

    /// The oldest offset that is kept.
    pub fn base(&self) -> Offset {
        self.base
    }

    /// The offset that the next request gets.
    pub fn head(&self) -> Offset {
        Offset(self.base.0 + self.entries.len() as u64)
    }

    /// Whether [`Log::append`] would be refused.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.capacity
    }

    /// The most entries that it has held.
    pub fn peak(&self) -> usize {
        self.peak
    }

    /// Adds a request at the head; `None` if the log is full, and then no offset is given.
    pub fn append(&mut self, entry: Entry) -> Option<Offset> {
        let offset = self.head();
        (!self.is_full()).then(|| {
            self.entries.push_back(entry);
            self.peak = self.peak.max(self.entries.len());
            offset
        })
    }

    /// The entry at an offset, if it is kept.
    pub fn get(&self, offset: Offset) -> Option<&Entry> {
        self.entries.get(self.index(offset)?)
    }

    /// The entry at an offset, if it is kept.
    pub fn get_mut(&mut self, offset: Offset) -> Option<&mut Entry> {
        let index = self.index(offset)?;
        self.entries.get_mut(index)
    }

    /// Forgets everything before `until`.
    pub fn trim(&mut self, until: Offset) {
        while self.base < until && self.entries.pop_front().is_some() {
            self.base = self.base.next();
        }
    }

    fn index(&self, offset: Offset) -> Option<usize> {
        usize::try_from(offset.0.checked_sub(self.base.0)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::super::admission::tests::client;
    use super::*;

    fn entry(sequence: u64) -> Entry {
        Entry {
            client: client(1),
            sequence: Sequence(sequence),
            frame: Frame::new(&[]),
            ballot: Ballot::default(),
        }
    }

    #[test]
    fn offsets_have_no_gaps_and_a_full_log_gives_none() {
        let mut log = Log::new(2);
        assert_eq!(log.append(entry(7)), Some(Offset(0)));
        assert_eq!(log.append(entry(8)), Some(Offset(1)));
        assert_eq!(log.append(entry(9)), None);
        log.trim(Offset(1));
        assert_eq!(log.append(entry(9)), Some(Offset(2)));
        assert_eq!((log.base(), log.head()), (Offset(1), Offset(3)));
        assert!(log.get(Offset(0)).is_none());
        assert_eq!(log.get(Offset(2)).map(|e| e.sequence), Some(Sequence(9)));
        assert!(log.get(Offset(3)).is_none());
    }

    #[test]
    fn trimming_stops_at_the_head() {
        let mut log = Log::new(4);
        log.append(entry(1));
        log.trim(Offset(9));
        assert_eq!((log.base(), log.head()), (Offset(1), Offset(1)));
    }
}
