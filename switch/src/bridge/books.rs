//! Who counts what: every frame that comes in by a port has exactly one fate, and every copy that is meant for a port leaves or
//! is refused. Each worker writes books of its own without locks; whoever asks adds them up while the work goes on.

use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use zerogap_proto::{DropReason, PortId};

const REASONS: usize = DropReason::ALL.len();

/// One worker's books. Written by this worker only; read by anybody.
#[derive(Debug)]
pub struct Books {
    pages: Box<[Page]>,
}

/// What one port has seen, summed over workers.
///
/// `frames_in = forwarded + taken + Σ dropped`, and over all ports of a switch `Σ copies = Σ (frames_out + Σ refused)`, as soon as
/// no frame is under way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PortAccount {
    /// Frames that came in.
    pub frames_in: u64,
    /// Their bytes, Ethernet header included.
    pub bytes_in: u64,
    /// Of these: passed on, once or more.
    pub forwarded: u64,
    /// Of these: ended in the switch on purpose, in a service's log or ballots, answered, or with the controller.
    pub taken: u64,
    /// Of these: went no further.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Copies that were made of the forwarded ones, for whichever port, and frames that services made for this one.
    pub copies: u64,
    /// Frames that were sent out.
    pub frames_out: u64,
    /// Their bytes.
    pub bytes_out: u64,
    /// Copies meant for this port that did not leave.
    pub refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Page {
    frames_in: Count,
    bytes_in: Count,
    forwarded: Count,
    taken: Count,
    copies: Count,
    frames_out: Count,
    bytes_out: Count,
    dropped: [Count; REASONS],
    refused: [Count; REASONS],
}

/// A number with one writer: no locked instruction is needed.
#[derive(Debug, Default)]
struct Count(AtomicU64);

impl Books {
    /// Empty books for so many ports.
    pub fn new(ports: usize) -> Self {
        Self { pages: (0..ports).map(|_| Page::default()).collect() }
    }

    /// A frame came in.
    #[inline]
    pub fn came_in(&self, port: PortId, len: usize) {
        let page = self.page(port);
        page.frames_in.add(1);
        page.bytes_in.add(len as u64);
    }

    /// The frame that came in by `port` was passed on in so many copies.
    #[inline]
    pub fn forwarded(&self, port: PortId, copies: u64) {
        let page = self.page(port);
        page.forwarded.add(1);
        page.copies.add(copies);
    }

    /// The frame that came in by `port` ended here on purpose.
    pub fn taken(&self, port: PortId) {
        self.page(port).taken.add(1);
    }

    /// A service made a frame that is meant for `port`.
    pub fn made(&self, port: PortId) {
        self.page(port).copies.add(1);
    }

    /// The frame that came in by `port` goes no further.
    pub fn dropped(&self, port: PortId, reason: DropReason) {
        self.page(port).dropped[reason as usize].add(1);
    }

    /// A copy left by `port`.
    #[inline]
    pub fn sent(&self, port: PortId, len: usize) {
        let page = self.page(port);
        page.frames_out.add(1);
        page.bytes_out.add(len as u64);
    }

    /// A copy that was meant for `port` did not leave.
    pub fn refused(&self, port: PortId, reason: DropReason) {
        self.page(port).refused[reason as usize].add(1);
    }

    #[inline]
    fn page(&self, port: PortId) -> &Page {
        &self.pages[usize::from(port.0)]
    }
}

/// The accounts of all ports, in their order, of all workers' books.
pub fn settle<'a>(books: impl IntoIterator<Item = &'a Books>) -> Vec<PortAccount> {
    let mut accounts: Vec<PortAccount> = Vec::new();
    for book in books {
        accounts.resize_with(accounts.len().max(book.pages.len()), PortAccount::default);
        accounts.iter_mut().zip(&book.pages).for_each(|(account, page)| page.add_to(account));
    }
    accounts
}

impl PortAccount {
    /// Whether every frame that came in is accounted for.
    pub fn is_balanced(&self) -> bool {
        self.frames_in == self.forwarded + self.taken + self.dropped.values().sum::<u64>()
    }

    /// Copies that did not leave.
    pub fn refused_in_all(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// Whether every copy that was made has left or been refused somewhere.
pub fn copies_balance(accounts: &[PortAccount]) -> bool {
    let made: u64 = accounts.iter().map(|account| account.copies).sum();
    made == accounts.iter().map(|account| account.frames_out + account.refused_in_all()).sum::<u64>()
}

impl Page {
    fn add_to(&self, account: &mut PortAccount) {
        account.frames_in += self.frames_in.get();
        account.bytes_in += self.bytes_in.get();
        account.forwarded += self.forwarded.get();
        account.taken += self.taken.get();
        account.copies += self.copies.get();
        account.frames_out += self.frames_out.get();
        account.bytes_out += self.bytes_out.get();
        for (reason, (dropped, refused)) in DropReason::ALL.iter().zip(self.dropped.iter().zip(&self.refused))
        {
            for (counts, count) in [(&mut account.dropped, dropped), (&mut account.refused, refused)] {
                if count.get() > 0 {
                    *counts.entry(reason.name()).or_default() += count.get();
                }
            }
        }
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            frames_in: Count::default(),
            bytes_in: Count::default(),
            forwarded: Count::default(),
            taken: Count::default(),
            copies: Count::default(),
            frames_out: Count::default(),
            bytes_out: Count::default(),
            dropped: std::array::from_fn(|_| Count::default()),
            refused: std::array::from_fn(|_| Count::default()),
        }
    }
}

impl Count {
    #[inline]
    fn add(&self, more: u64) {
        self.0.store(self.0.load(Relaxed) + more, Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_numbered_as_they_are_listed() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index, "{}", reason.name());
        }
    }

    #[test]
    fn the_books_of_several_workers_make_one_account() {
        let (a, b) = (Books::new(2), Books::new(2));
        a.came_in(PortId(0), 100);
        a.forwarded(PortId(0), 1);
        a.sent(PortId(1), 100);
        b.came_in(PortId(1), 60);
        b.forwarded(PortId(1), 1);
        b.refused(PortId(0), DropReason::LinkDown);
        b.came_in(PortId(1), 60);
        b.dropped(PortId(1), DropReason::Hairpin);
        a.came_in(PortId(0), 60);
        a.taken(PortId(0));
        b.made(PortId(0));
        b.sent(PortId(0), 60);
        let accounts = settle([&a, &b]);
        assert!(accounts.iter().all(PortAccount::is_balanced) && copies_balance(&accounts));
        assert_eq!((accounts[1].frames_in, accounts[1].frames_out, accounts[1].bytes_in), (2, 1, 120));
        assert_eq!(accounts[1].dropped, BTreeMap::from([("hairpin", 1)]));
        assert_eq!(accounts[0].refused, BTreeMap::from([("link-down", 1)]));
        b.came_in(PortId(1), 60);
        assert!(!settle([&a, &b])[1].is_balanced(), "a frame without a fate shows");
    }
}
