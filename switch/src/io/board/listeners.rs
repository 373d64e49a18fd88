//! Whoever listens for frames that flows hand to the controller. Each has a queue of its own; one that does not keep up misses
//! frames, and nobody waits for it.

use super::clock;
use super::out::Out;
use crate::table::FlowId;
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use zerogap_proto::{DropReason, Instant, PortId};

/// Frames that wait for one listener.
const QUEUE_MAX: usize = 1_024;
/// Bytes of a frame that are handed on: headers, and what tells messages apart.
const BYTES_MAX: usize = 256;

/// A frame that a flow has handed to the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handed {
    /// When.
    pub time: Instant,
    /// The port that it came in by.
    pub port: PortId,
    /// The flow that handed it on.
    pub flow: FlowId,
    /// The flow's cookie.
    pub cookie: u64,
    /// Its length in bytes.
    pub len: usize,
    /// Its beginning.
    pub bytes: Vec<u8>,
}

/// All who listen.
#[derive(Debug, Default)]
pub(super) struct Listeners {
    count: AtomicUsize,
    senders: Mutex<Vec<Sender<Arc<Handed>>>>,
}

impl Listeners {
    /// Another one, until the receiver is dropped.
    pub(super) fn add(&self) -> Receiver<Arc<Handed>> {
        let (sender, receiver) = bounded(QUEUE_MAX);
        let mut senders = self.senders.lock();
        senders.push(sender);
        self.count.store(senders.len(), Ordering::Relaxed);
        receiver
    }

    /// Hands a frame to all, if there is anybody; an error if nobody has taken it.
    fn hand(&self, handed: impl FnOnce() -> Handed) -> Result<(), DropReason> {
        if self.count.load(Ordering::Relaxed) == 0 {
            return Err(DropReason::NobodyListens);
        }
        let handed = Arc::new(handed());
        let mut taken = Err(DropReason::NobodyListens);
        let mut senders = self.senders.lock();
        senders.retain(|sender| match sender.try_send(Arc::clone(&handed)) {
            Ok(()) => {
                taken = Ok(());
                true
            }
            Err(TrySendError::Full(_)) => {
                taken = taken.or(Err(DropReason::QueueFull));
                true
            }
            Err(TrySendError::Disconnected(_)) => false,
        });
        self.count.store(senders.len(), Ordering::Relaxed);
        taken
    }
}

impl Out<'_> {
    /// Hands a frame to whoever listens.
    pub(super) fn controller(&mut self, frame: &[u8]) {
        let Some(flow) = self.flow else { return };
        let handed = || Handed {
            time: clock::exactly(),
            port: self.mine.id,
            flow: flow.id(),
            cookie: flow.spec().cookie,
            len: frame.len(),
            bytes: frame[..frame.len().min(BYTES_MAX)].to_vec(),
        };
        match self.shared.listeners.hand(handed) {
            Ok(()) => {
                self.taken = true;
                self.tell("to the controller");
            }
            Err(reason) => self.refused = reason,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handed() -> Handed {
        Handed {
            time: Instant::ZERO,
            port: PortId(0),
            flow: FlowId(1),
            cookie: 0,
            len: 60,
            bytes: vec![0; 60],
        }
    }

    #[test]
    fn each_listener_gets_every_frame_and_one_that_is_slow_misses_some_alone() {
        let listeners = Listeners::default();
        assert_eq!(listeners.hand(handed), Err(DropReason::NobodyListens));
        let (slow, quick) = (listeners.add(), listeners.add());
        for _ in 0..QUEUE_MAX {
            assert_eq!(listeners.hand(handed), Ok(()));
            assert!(quick.try_recv().is_ok());
        }
        assert_eq!(listeners.hand(handed), Ok(()), "one of them has room");
        drop(quick);
        assert_eq!(listeners.hand(handed), Err(DropReason::QueueFull));
        assert_eq!(slow.try_iter().count(), QUEUE_MAX);
        drop(slow);
        assert_eq!(listeners.hand(handed), Err(DropReason::NobodyListens));
        assert_eq!(listeners.hand(|| unreachable!("nobody would see it")), Err(DropReason::NobodyListens));
    }
}
