//! A server as a migration's source, as far as the driver goes: which pages are due, and a child that sends them as they are at
//! this instant. What is kept between the rounds of a pre-copy is here: the connections, and what has been written.

use crate::process::child::{Child, Manner, Said};
use crate::process::lines::Lines;
use crate::process::send::{Shipment, send};
use std::io;
use zerogap_proto::{Endpoint, Image, JobFailure, MigrationId, Round};
use zerogap_server_app::region::Tracking;
use zerogap_server_app::transfer::End;
use zerogap_server_app::{Memory as _, PageSet, Region};

/// A pre-copy between its rounds, or about to finish.
#[derive(Debug)]
pub(super) struct Source {
    lines: Lines,
    /// Rounds that were begun.
    rounds: u32,
    /// Pages that are due in the next round, as far as was looked.
    due: PageSet,
}

impl Source {
    /// Before anything has been sent: all pages are due.
    pub(super) fn new(
        migration: MigrationId,
        targets: &[Endpoint],
        memory: &Region,
    ) -> Result<Self, JobFailure> {
        let lines = Lines::to(migration, targets).map_err(|_| JobFailure::Unreachable)?;
        Ok(Self { lines, rounds: 0, due: PageSet::all(memory.pages()) })
    }

    /// For which migration.
    pub(super) const fn migration(&self) -> MigrationId {
        self.lines.migration()
    }

    /// Sends what is due, as it is now, and from now on follows what is written.
    pub(super) fn round(&mut self, memory: &mut Region, manner: Manner) -> Result<Child, JobFailure> {
        if self.rounds == 0 {
            match memory.follow() {
                Tracking::Kernel => {}
                Tracking::WritePath => {
                    eprintln!(
                        "zerogap: this kernel does not tell which pages were written: writing them does"
                    );
                }
            }
        } else {
            self.look(memory)?;
        }
        self.rounds += 1;
        let pages = std::mem::replace(&mut self.due, PageSet::none(memory.pages()));
        let shipment = Shipment { pages: &pages, end: End::Round(self.rounds), first: self.rounds == 1 };
        let lines = &self.lines;
        let memory = &*memory;
        Child::fork(manner, &lines.fds(), |teller| send(memory, shipment, lines, teller)).map_err(no_image)
    }

    /// A round is done: what is due now.
    pub(super) fn round_done(&mut self, round: Round, memory: &mut Region) -> Result<Round, JobFailure> {
        self.look(memory)?;
        Ok(Round { dirty_pages: self.due.len() as u64, ..round })
    }

    /// Sends what is due, the memory being frozen, and the header. Nothing is left to follow.
    pub(super) fn finish(
        mut self,
        header: &[u8],
        lazy: bool,
        memory: &mut Region,
        manner: Manner,
    ) -> Result<Child, JobFailure> {
        if self.rounds > 0 {
            self.look(memory)?;
            memory.unfollow();
        }
        let end = if lazy { End::Usable(header) } else { End::Complete(header) };
        let shipment = Shipment { pages: &self.due, end, first: self.rounds == 0 };
        let (lines, memory) = (&self.lines, &*memory);
        Child::fork(manner, &lines.fds(), |teller| send(memory, shipment, lines, teller)).map_err(no_image)
    }

    fn look(&mut self, memory: &mut Region) -> Result<(), JobFailure> {
        let written = memory.take_written().map_err(|_| JobFailure::Paging)?;
        self.due.insert_all(&written);
        Ok(())
    }
}

/// Sends an image of all of the memory with this header.
pub(super) fn snapshot(
    migration: MigrationId,
    header: &[u8],
    targets: &[Endpoint],
    image: Image,
    memory: &mut Region,
    manner: Manner,
) -> Result<Child, JobFailure> {
    let lines = Lines::to(migration, targets).map_err(|_| JobFailure::Unreachable)?;
    let pages = PageSet::all(memory.pages());
    let shipment = Shipment { pages: &pages, end: End::Complete(header), first: true };
    let lines = &lines;
    let child = Child::fork(manner, &lines.fds(), |teller| match image {
        Image::CopyOnWrite => send(memory, shipment, lines, teller),
        Image::FullCopy => {
            let copy = memory.full_copy().map_err(|_| JobFailure::Memory)?;
            // The server shall not have to copy pages that only this child still shares with it.
            memory.give_back();
            teller.say(Said::Taken);
            send(&copy, shipment, lines, teller)
        }
    });
    child.map_err(no_image)
}

fn no_image(_: io::Error) -> JobFailure {
    JobFailure::Snapshot
}
