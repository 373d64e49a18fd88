//! A switch at work: ports, and workers that each read some of them and write to any. One reader a port, so every flow keeps its
//! order; on the way of a frame there is no lock, no channel and no allocation.

mod clock;
mod exits;
mod kick;
mod out;
mod record;
mod rules;
mod upkeep;
mod wait;
mod worker;

pub use wait::Wait;

use super::capture::Recorder;
use super::port::{Lost, Port};
use crate::bridge::{Books, Bridge, PortAccount, settle};
use crate::table::{Action, Bundle, BundleError, Count, Flow, FlowCounters, Group, Tables};
use rules::Rules;
use std::io;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
    /// Ports whose frames are recorded, with what becomes of each.
    pub captures: Vec<(PortId, Recorder)>,
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
    /// By port.
    captures: Vec<Option<Recorder>>,
    rules: Rules,
    /// One worker's each.
    flow_counters: Vec<Arc<FlowCounters>>,
    /// The time in whole seconds, a twentieth of one late at most: what addresses' ages need.
    now_s: AtomicU32,
    /// Which ports are up, as the kernel last said.
    up: Vec<AtomicBool>,
    /// No worker begins another frame.
    ending: AtomicBool,
}

/// Why tables are not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The bundle changes nothing.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// There is nobody to hand frames to.
    #[error(
        "{0} hands frames to a service or a controller, which a switch by itself has not: `zerogap run` has them"
    )]
    Nobody(String),
}

impl Board {
    /// Starts to switch between these ports; their ids are their places in the list.
    ///
    /// # Errors
    /// There are more ports than ids, or the kernel's: a thread, a signal's handler, a core.
    #[expect(clippy::disallowed_methods, reason = "here the switch gets its threads")]
    pub fn start(ports: Vec<Arc<dyn Port>>, tables: Tables, options: BoardOptions) -> io::Result<Self> {
        if ports.len() > usize::from(u16::MAX) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a switch has at most 65,535 ports"));
        }
        check_tables(&tables).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        kick::prepare()?;
        let count = options.workers.clamp(1, ports.len().max(1));
        let mut captures = vec![None; ports.len()];
        for (port, recorder) in &options.captures {
            captures[usize::from(port.0)] = Some(recorder.clone());
        }
        let shared = Arc::new(Shared {
            captures,
            books: (0..count).map(|_| Books::new(ports.len())).collect(),
            bridge: Bridge::new(options.age_max_s),
            rules: Rules::new(tables, count),
            flow_counters: (0..count).map(|_| Arc::default()).collect(),
            now_s: AtomicU32::new(clock::seconds(clock::exactly())),
            up: ports.iter().map(|_| AtomicBool::new(true)).collect(),
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
        let upkeep = Arc::clone(&board.shared);
        let thread = thread::Builder::new().name("upkeep".to_owned());
        board.workers.push(thread.spawn(move || upkeep::run(&upkeep))?);
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

    /// Makes all changes of a bundle, or none; returns when no frame is handled by the old tables any more.
    ///
    /// # Errors
    /// The first change that cannot be made.
    pub fn apply(&self, bundle: &Bundle) -> Result<(), ApplyError> {
        check_bundle(bundle)?;
        let tables = self.shared.rules.change(clock::exactly(), bundle)?;
        while !self.shared.rules.is_passed(tables.generation()) {
            thread::yield_now();
        }
        Ok(())
    }

    /// The tables as they are.
    pub fn tables(&self) -> Arc<Tables> {
        self.shared.rules.tables()
    }

    /// What all workers have counted of a flow.
    pub fn count(&self, flow: &Flow) -> Count {
        Count::total(&self.shared.flow_counters, flow)
    }

    /// Which ports are up.
    pub fn up(&self) -> Vec<bool> {
        self.shared.up.iter().map(|up| up.load(Ordering::Relaxed)).collect()
    }

    /// The clock that flows' times are in.
    pub fn now() -> zerogap_proto::Instant {
        clock::exactly()
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

/// The first list of actions that leads to somebody who is not there.
fn nobody<'a, W>(lists: impl IntoIterator<Item = (W, &'a [Action])>) -> Option<W> {
    let leads_nowhere = |action: &Action| matches!(action, Action::Service(_) | Action::Controller);
    lists.into_iter().find(|(_, actions)| actions.iter().any(leads_nowhere)).map(|(place, _)| place)
}

fn check_bundle(bundle: &Bundle) -> Result<(), ApplyError> {
    let lists = bundle.0.iter().enumerate();
    let lists =
        lists.flat_map(|(nth, change)| change.action_lists().into_iter().map(move |list| (nth, list)));
    nobody(lists).map_or(Ok(()), |nth| Err(ApplyError::Nobody(format!("changes[{nth}]"))))
}

fn check_tables(tables: &Tables) -> Result<(), ApplyError> {
    let flows = tables.flows().map(|flow| (format!("flow {}", flow.id()), flow.actions()));
    let groups = tables.groups().map(Group::spec);
    let buckets = groups.flat_map(|group| group.buckets.iter().map(move |bucket| (group.id, bucket)));
    let buckets = buckets.map(|(id, bucket)| (format!("group {id}"), &bucket.actions[..]));
    nobody(flows.chain(buckets)).map_or(Ok(()), |place| Err(ApplyError::Nobody(place)))
}
