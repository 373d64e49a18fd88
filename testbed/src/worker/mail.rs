//! Mail between threads: bounded channels, each with an eventfd so that a thread that waits in `ppoll` for frames hears of it.
//! Nobody ever blocks on a full mailbox: the message is counted as lost and the receiver is told to ask again.

use anyhow::{Context as _, Result};
use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use nix::sys::eventfd::{EfdFlags, EventFd};
use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use zerogap_proto::{Control, Event, Instant, NodeId};

/// Messages that may wait in a mailbox.
const MAIL_MAX: usize = 16_384;

/// A message to a thread.
#[derive(Clone, Debug)]
pub enum Mail {
    /// A control message for a node of the thread.
    Control {
        /// Who sent it.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// The message.
        message: Control,
    },
    /// Something for the journal.
    Event {
        /// When.
        at: Instant,
        /// Who reports it.
        who: NodeId,
        /// What.
        event: Event,
    },
    /// Take a wire down or up.
    Wire {
        /// Its name.
        name: String,
        /// Up or down.
        up: bool,
    },
    /// Forget all and start anew (controllers).
    Restart,
    /// End the thread.
    Stop,
}

/// The receiving end.
#[derive(Debug)]
pub struct Mailbox {
    receiver: Receiver<Mail>,
    shared: Arc<Shared>,
}

/// A sending end.
#[derive(Clone, Debug)]
pub struct MailSender {
    sender: Sender<Mail>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    bell: EventFd,
    /// Set while the bell has been rung and not been heard, so that a burst rings once.
    rung: AtomicBool,
    resync: AtomicBool,
    lost: AtomicU64,
}

/// A mailbox and its sending end.
///
/// # Errors
/// No descriptor is left.
pub fn mailbox() -> Result<(MailSender, Mailbox)> {
    let (sender, receiver) = bounded(MAIL_MAX);
    let bell = EventFd::from_value_and_flags(0, EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC);
    let bell = bell.context("cannot make an eventfd for a thread's mailbox")?;
    let (rung, resync, lost) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let shared = Arc::new(Shared { bell, rung, resync, lost });
    Ok((MailSender { sender, shared: Arc::clone(&shared) }, Mailbox { receiver, shared }))
}

impl MailSender {
    /// Sends without ever waiting.
    pub fn send(&self, mail: Mail) {
        match self.sender.try_send(mail) {
            Ok(()) => {
                if !self.shared.rung.swap(true, Ordering::AcqRel) {
                    // A full eventfd counter still wakes its reader.
                    let _ = self.shared.bell.write(1);
                }
            }
            Err(TrySendError::Full(_)) => {
                self.shared.lost.fetch_add(1, Ordering::Relaxed);
                self.shared.resync.store(true, Ordering::Release);
            }
            // The thread has ended: the run is over.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}

impl Mailbox {
    /// The next message, if there is one.
    pub fn take(&self) -> Option<Mail> {
        if let Ok(mail) = self.receiver.try_recv() {
            return Some(mail);
        }
        // Silence the bell first and look once more: whoever sends after this rings it again.
        if self.shared.rung.swap(false, Ordering::AcqRel) {
            let _ = self.shared.bell.read();
        }
        self.receiver.try_recv().ok()
    }

    /// Whether messages have been lost since the last time this was asked.
    pub fn take_resync(&self) -> bool {
        self.shared.resync.swap(false, Ordering::AcqRel)
    }

    /// Messages lost so far.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl AsFd for Mailbox {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.bell.as_fd()
    }
}

/// Which thread has which node.
#[derive(Clone, Debug)]
pub struct Post {
    routes: BTreeMap<NodeId, MailSender>,
    journal: MailSender,
}

impl Post {
    /// A post office that knows the threads of some nodes; all others, and the journal, are with `journal`.
    pub fn new(routes: BTreeMap<NodeId, MailSender>, journal: MailSender) -> Self {
        Self { routes, journal }
    }

    /// Delivers a control message. What an anchor reports is shown to the journal's thread as well.
    pub fn control(&self, from: NodeId, to: NodeId, message: Control) {
        if matches!(message, Control::ServiceStatus(_)) && self.routes.contains_key(&to) {
            self.journal.send(Mail::Control { from, to, message: message.clone() });
        }
        self.routes.get(&to).unwrap_or(&self.journal).send(Mail::Control { from, to, message });
    }

    /// Writes the journal.
    pub fn event(&self, at: Instant, who: NodeId, event: Event) {
        self.journal.send(Mail::Event { at, who, event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    fn rings(mailbox: &Mailbox) -> bool {
        let mut fds = [PollFd::new(mailbox.as_fd(), PollFlags::POLLIN)];
        poll(&mut fds, PollTimeout::ZERO).unwrap() == 1
    }

    #[test]
    fn the_bell_rings_while_there_is_mail_and_is_silent_afterwards() {
        let (sender, mailbox) = mailbox().unwrap();
        assert!(!rings(&mailbox));
        sender.send(Mail::Restart);
        sender.send(Mail::Stop);
        assert!(rings(&mailbox));
        assert!(matches!(mailbox.take(), Some(Mail::Restart)));
        assert!(matches!(mailbox.take(), Some(Mail::Stop)));
        assert!(mailbox.take().is_none());
        assert!(!rings(&mailbox));
        sender.send(Mail::Stop);
        assert!(rings(&mailbox), "it rings again");
    }

    #[test]
    fn a_full_mailbox_loses_counts_and_asks_for_a_resync() {
        let (sender, mailbox) = mailbox().unwrap();
        for _ in 0..=MAIL_MAX {
            sender.send(Mail::Restart);
        }
        assert_eq!(mailbox.lost(), 1);
        assert!(mailbox.take_resync());
        assert!(!mailbox.take_resync(), "once");
    }
}
