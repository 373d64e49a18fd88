//! The copies of a service that may wait: those for its other servers, until the worker has let go of the service and the preferred
//! server had a chance to run. They are written in the order in which they were put, whoever puts them, so every server gets its
//! requests in the order of the log.

use crate::anchor::Cause;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::thread::yield_now;
use zerogap_proto::PortId;

/// A frame of a service's own.
pub(super) struct Copy {
    pub(super) exit: PortId,
    pub(super) frame: Vec<u8>,
    /// Why it is sent.
    pub(super) cause: Cause,
    /// The port of the frame that led to it; `None` if it was time.
    pub(super) from: Option<PortId>,
}

/// A service's copies that wait. No more than what one frame or one deadline leads to for each thread: who puts some writes all
/// that wait before it does anything else.
#[derive(Default)]
pub(super) struct Later {
    waiting: Mutex<VecDeque<Copy>>,
    /// Held while a copy for a server is written.
    turn: Mutex<()>,
}

impl Later {
    /// Puts a copy behind the others. To be called under the service's lock, which gives the order.
    pub(super) fn put(&self, copy: Copy) {
        self.waiting.lock().push_back(copy);
    }

    /// Writes a copy at once, under the service's lock, if it overtakes none. Whether it has.
    pub(super) fn write_first(&self, write: impl FnOnce()) -> bool {
        let Some(_turn) = self.turn.try_lock() else { return false };
        let overtakes_none = self.waiting.lock().is_empty();
        if overtakes_none {
            write();
        }
        overtakes_none
    }

    /// Writes all that wait. To be called without the service's lock: before it begins, it lets whoever waits for this core have
    /// it, for the preferred server has been woken and another write may take as long as its answer.
    pub(super) fn write_waiting(&self, mut write: impl FnMut(&Copy)) {
        if self.waiting.lock().is_empty() {
            return;
        }
        yield_now();
        let _turn = self.turn.lock();
        while let Some(copy) = self.next() {
            write(&copy);
        }
    }

    fn next(&self) -> Option<Copy> {
        self.waiting.lock().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{NodeId, Offset};

    fn copy(offset: u64) -> Copy {
        let cause = Cause::Request { server: NodeId(0), offset: Offset(offset), again: false };
        Copy { exit: PortId(1), frame: offset.to_be_bytes().to_vec(), cause, from: None }
    }

    fn written(later: &Later) -> Vec<u8> {
        let mut written = Vec::new();
        later.write_waiting(|copy| written.extend(copy.frame.last()));
        written
    }

    #[test]
    fn a_copy_is_written_at_once_only_if_none_waits() {
        let later = Later::default();
        assert!(later.write_first(|| ()));
        later.put(copy(1));
        assert!(!later.write_first(|| panic!("1 was put before")));
        later.put(copy(2));
        assert_eq!(written(&later), [1, 2]);
        assert!(later.write_first(|| ()));
    }

    #[test]
    fn a_copy_is_not_written_at_once_while_another_is_being_written() {
        let later = Later::default();
        later.put(copy(1));
        later.write_waiting(|_| assert!(!later.write_first(|| panic!("1 may not be out yet"))));
    }

    #[test]
    fn whoever_comes_first_writes_the_copies_of_all() {
        let later = Later::default();
        let mut seen = Vec::new();
        later.put(copy(1));
        later.write_waiting(|copy| {
            seen.extend(copy.frame.last().copied());
            if seen.len() < 3 {
                later.put(self::copy(seen.len() as u64 + 1));
            }
        });
        assert_eq!((seen, written(&later)), (vec![1, 2, 3], vec![]));
    }
}
