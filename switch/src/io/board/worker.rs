//! One worker's loop: take a frame, decide, send its copies, count. It owns a buffer, its ports' storm limits and its books.

use super::exits::Exits;
use super::wait::Waiting;
use super::{Shared, clock};
use crate::bridge::{Books, StormLimit, Verdict};
use crate::io::port::{BUFFER_LEN, Port, Received};
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
}

/// A port that this worker reads.
struct Mine {
    id: PortId,
    port: Arc<dyn Port>,
    storm: StormLimit,
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
        Ok(Self { shared, number, core, mine, buffer, exits: Exits::default() })
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

    #[inline]
    fn handle(&mut self, books: &Books, nth: usize, received: Received) {
        let Received { len, offload } = received;
        let mine = &mut self.mine[nth];
        let (shared, frame, now) = (&*self.shared, &self.buffer[..len], clock::roughly());
        books.came_in(mine.id, len);
        match shared.bridge.decide(frame, mine.id, now.as_nanos().div_euclid(1_000_000_000) as u32) {
            Verdict::To(exit) => {
                books.forwarded(mine.id, 1);
                self.exits.send(&shared.ports, books, exit, frame, offload);
            }
            Verdict::Flood if shared.ports.len() < 2 => books.dropped(mine.id, DropReason::NoRoute),
            Verdict::Flood if !mine.storm.admits(now) => books.dropped(mine.id, DropReason::Storm),
            Verdict::Flood => {
                books.forwarded(mine.id, shared.ports.len() as u64 - 1);
                for exit in (0..shared.ports.len() as u16).map(PortId).filter(|exit| *exit != mine.id) {
                    self.exits.send(&shared.ports, books, exit, frame, offload);
                }
            }
            Verdict::Drop(reason) => books.dropped(mine.id, reason),
        }
    }
}
