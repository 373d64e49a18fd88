//! One worker's loop: take a frame, decide, send its copies, count. It owns a buffer, its ports' storm limits and its books.

use super::Shared;
use super::exits::Exits;
use super::out::Out;
use super::rules::Hold;
use super::wait::Waiting;
use crate::bridge::{Books, StormLimit};
use crate::io::port::{BUFFER_LEN, Port, Received};
use crate::table::Cache;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use zerogap_proto::{DropReason, PortId};

/// Frames taken from one port before the next is looked at.
const BATCH: usize = 32;

pub(super) struct Worker {
    shared: Arc<Shared>,
    number: usize,
    core: Option<usize>,
    mine: Vec<Mine>,
    buffer: Box<[u8]>,
    exits: Exits,
    hold: Hold,
    cache: Cache,
    /// For frames that a flow changes.
    scratch: Vec<u8>,
}

/// A port that this worker reads.
pub(super) struct Mine {
    pub(super) id: PortId,
    port: Arc<dyn Port>,
    pub(super) storm: StormLimit,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, number: usize) -> io::Result<Self> {
        let cores = &shared.options.cores;
        let core = (!cores.is_empty()).then(|| cores[number % cores.len()]);
        let storm = StormLimit::new(shared.options.storm_limit);
        let mine = shared.ports_of(number).into_iter().map(|id| {
            let port = Arc::clone(&shared.ports[usize::from(id.0)]);
            Mine { id, port, storm: storm.clone() }
        });
        let mine = mine.collect();
        let buffer = vec![0; BUFFER_LEN].into_boxed_slice();
        let hold = shared.rules.hold(number);
        let (cache, exits, scratch) = (Cache::default(), Exits::default(), Vec::new());
        Ok(Self { shared, number, core, mine, buffer, exits, hold, cache, scratch })
    }

    /// Works until the switch ends, or no port is left.
    pub(super) fn run(mut self) {
        self.pin();
        let shared = Arc::clone(&self.shared);
        let books = &shared.books[self.number];
        let Ok(mut waiting) = Waiting::new(shared.options.wait, self.mine.iter().map(|mine| &*mine.port))
        else {
            return;
        };
        while !shared.ending.load(Ordering::Relaxed) && !self.mine.is_empty() {
            let mut had_frames = false;
            let mut gone = None;
            for nth in 0..self.mine.len() {
                for _ in 0..waiting.batch(BATCH) {
                    match self.mine[nth].port.receive(&mut self.buffer) {
                        Ok(Some(received)) => self.handle(books, nth, received),
                        Ok(None) => break,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
                        Err(_) => {
                            gone = Some(nth);
                            break;
                        }
                    }
                    had_frames = true;
                }
            }
            if let Some(nth) = gone {
                let gone = self.mine.remove(nth);
                shared.bridge.macs().forget(gone.id);
            } else if had_frames {
                waiting.busy();
            } else {
                waiting.idle(self.mine.iter().map(|mine| &*mine.port));
            }
        }
    }

    /// A core that cannot be had is no reason not to work.
    fn pin(&self) {
        if let Some(core) = self.core {
            let mut set = CpuSet::new();
            let _ = set.set(core).and_then(|()| sched_setaffinity(Pid::from_raw(0), &set));
        }
    }

    /// One frame, from the books' first line to its last.
    #[inline]
    fn handle(&mut self, books: &Books, nth: usize, received: Received) {
        let Received { len, offload } = received;
        let mine = &mut self.mine[nth];
        let (shared, frame) = (&*self.shared, &self.buffer[..len]);
        books.came_in(mine.id, len);
        let tables = self.hold.take(&shared.rules);
        let (exits, refused) = (&mut self.exits, DropReason::Denied);
        let story = shared.captures[usize::from(mine.id.0)].is_some().then(String::new);
        let mut out = Out { shared, books, exits, mine, copies: 0, taken: false, refused, flow: None, story };
        if tables.flows().len() == 0 {
            out.normal(frame, offload);
        } else {
            out.by_flow(tables, &mut self.cache, &mut self.scratch, self.number, frame, offload);
        }
        if out.story.is_some() {
            out.record_arrival(frame);
        }
        let (copies, taken, refused) = (out.copies, out.taken, out.refused);
        self.hold.release(&shared.rules);
        match copies {
            0 if taken => books.taken(mine.id),
            0 => books.dropped(mine.id, refused),
            copies => books.forwarded(mine.id, copies),
        }
    }
}
