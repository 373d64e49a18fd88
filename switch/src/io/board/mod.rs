//! A switch at work: ports, and workers that each read some of them and write to any. One reader a port, so every flow keeps its
//! order; on the way of a frame there is no lock, no channel and no allocation.

mod clock;
mod exits;
mod kick;
mod wait;
mod worker;

pub use wait::Wait;

use super::port::{Lost, Port};
use crate::bridge::{Books, Bridge, PortAccount, settle};
use std::io;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use worker::Worker;
use zerogap_proto::PortId;

/// How long a worker that was told to end is given before it is told again.
const KICK_EVERY: Duration = Duration::from_millis(5);

/// How a switch works.
#[derive(Clone, Debug)]
pub struct BoardOptions {
    /// Workers; at most one a port. More ports than workers share them.
    pub workers: usize,
    /// How a worker waits for frames.
    pub wait: Wait,
    /// Cores for the workers, in turn; none: any.
    pub cores: Vec<usize>,
    /// Frames to everybody that a port may send a second; 0 is no limit.
    pub storm_limit: u32,
    /// Seconds after which an address that is not heard is forgotten.
    pub age_max_s: u32,
}

/// A switch at work. Dropping it ends its workers.
pub struct Board {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What all workers share.
struct Shared {
    ports: Vec<Arc<dyn Port>>,
    bridge: Bridge,
    /// One worker's each.
    books: Vec<Books>,
    options: BoardOptions,
    /// No worker begins another frame.
    ending: AtomicBool,
}

impl Board {
    /// Starts to switch between these ports; their ids are their places in the list.
    ///
    /// # Errors
    /// There are more ports than ids, or the kernel's: a thread, a signal's handler, a core.
    #[expect(clippy::disallowed_methods, reason = "here the switch gets its threads")]
    pub fn start(ports: Vec<Arc<dyn Port>>, options: BoardOptions) -> io::Result<Self> {
        if ports.len() > usize::from(u16::MAX) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a switch has at most 65,535 ports"));
        }
        kick::prepare()?;
        let count = options.workers.clamp(1, ports.len().max(1));
        let shared = Arc::new(Shared {
            books: (0..count).map(|_| Books::new(ports.len())).collect(),
            bridge: Bridge::new(options.age_max_s),
            ports,
            options,
            ending: AtomicBool::new(false),
        });
        let mut board = Self { shared, workers: Vec::new() };
        for number in 0..count {
            let worker = Worker::new(Arc::clone(&board.shared), number)?;
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            board.workers.push(thread.spawn(move || worker.run())?);
        }
        Ok(board)
    }

    /// What each port has seen so far.
    pub fn accounts(&self) -> Vec<PortAccount> {
        settle(&self.shared.books)
    }

    /// What the kernel has lost at each port; `None` where it does not tell any more.
    pub fn lost(&self) -> Vec<Option<Lost>> {
        self.shared.ports.iter().map(|port| port.lost().ok()).collect()
    }

    /// The ports.
    pub fn ports(&self) -> &[Arc<dyn Port>] {
        &self.shared.ports
    }

    /// What it has learned.
    pub fn bridge(&self) -> &Bridge {
        &self.shared.bridge
    }

    /// Ends all workers between two frames; the accounts are final then. Frames that come later stay in the kernel.
    #[expect(
        clippy::disallowed_methods,
        reason = "a kick between two looks at a flag is not worth a channel"
    )]
    pub fn stop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            while !worker.is_finished() {
                // A worker may be about to wait: the kick is repeated until it has been felt.
                kick::kick(worker.as_pthread_t());
                thread::sleep(KICK_EVERY);
            }
            let _ = worker.join();
        }
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// The ports that a worker reads.
    fn ports_of(&self, worker: usize) -> Vec<PortId> {
        (worker..self.ports.len()).step_by(self.books.len()).map(|port| PortId(port as u16)).collect()
    }
}
