//! A switch at work: ports, and workers that each read some of them and write to any. One reader a port, so every flow keeps its
//! order; on the way of a frame there is no lock, no channel and no allocation, unless it leads to a service.

mod alarm;
mod clock;
mod exits;
mod kick;
mod later;
mod listeners;
mod out;
mod record;
mod rules;
mod services;
mod upkeep;
mod wait;
mod worker;

pub use listeners::Handed;
pub use wait::Wait;

use super::capture::Recorder;
use super::port::{Lost, Port};
use crate::anchor::{AnchorConfig, ServiceAccount};
use crate::bridge::{Books, Bridge, PortAccount, settle};
use crate::table::{Action, Bundle, BundleError, Count, Flow, FlowCounters, Group, Tables};
use alarm::Alarm;
use crossbeam_channel::Receiver;
use listeners::Listeners;
use rules::Rules;
use services::Services;
use std::io;
use std::os::unix::thread::JoinHandleExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use worker::Worker;
use zerogap_proto::{PortId, ServiceId};

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
    /// The services that it is the anchor of.
    pub services: Vec<AnchorConfig>,
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
    workers: usize,
    /// One worker's each; the last are the alarm's.
    books: Vec<Books>,
    options: BoardOptions,
    /// By port.
    captures: Vec<Option<Recorder>>,
    rules: Rules,
    services: Services,
    alarm: Alarm,
    listeners: Listeners,
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
    #[error("{place}: there is no service {}; {there_are}", .service.0)]
    NoService {
        /// What leads there.
        place: String,
        /// The service.
        service: ServiceId,
        /// Which there are instead.
        there_are: String,
    },
}

impl Board {
    /// Starts to switch between these ports; their ids are their places in the list.
    ///
    /// # Errors
    /// There are more ports than ids, something leads to a service that is not there, a server's address is not known, or the
    /// kernel's: a thread, a signal's handler, a core.
    #[expect(clippy::disallowed_methods, reason = "here the switch gets its threads")]
    pub fn start(ports: Vec<Arc<dyn Port>>, tables: Tables, options: BoardOptions) -> io::Result<Self> {
        if ports.len() > usize::from(u16::MAX) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a switch has at most 65,535 ports"));
        }
        let services = Services::new(options.services.clone(), &ports)?;
        check_tables(&services, &tables)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        kick::prepare()?;
        let count = options.workers.clamp(1, ports.len().max(1));
        let mut captures = vec![None; ports.len()];
        for (port, recorder) in &options.captures {
            captures[usize::from(port.0)] = Some(recorder.clone());
        }
        let shared = Arc::new(Shared {
            captures,
            workers: count,
            books: (0..=count).map(|_| Books::new(ports.len())).collect(),
            services,
            alarm: Alarm::default(),
            listeners: Listeners::default(),
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
        board.beside("upkeep", upkeep::run)?;
        board.beside("alarm", alarm::run)?;
        Ok(board)
    }

    /// Starts a thread that does something else than handling frames.
    #[expect(clippy::disallowed_methods, reason = "here the switch gets its threads")]
    fn beside(&mut self, name: &str, run: fn(&Shared)) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new().name(name.to_owned());
        self.workers.push(thread.spawn(move || run(&shared))?);
        Ok(())
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
        check_bundle(&self.shared.services, bundle)?;
        let tables = self.shared.rules.change(clock::exactly(), bundle)?;
        while !self.shared.rules.is_passed(tables.generation()) {
            thread::yield_now();
        }
        Ok(())
    }

    /// How the services stand, by number.
    pub fn services(&self) -> Vec<ServiceAccount> {
        self.shared.services.accounts()
    }

    /// From now on, the frames that flows hand to the controller, until the receiver is dropped.
    pub fn listen(&self) -> Receiver<Arc<Handed>> {
        self.shared.listeners.add()
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
        self.shared.alarm.ring();
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
        (worker..self.ports.len()).step_by(self.workers).map(|port| PortId(port as u16)).collect()
    }
}

/// The first list of actions that leads to a service that is not there.
fn check_lists<'a>(
    services: &Services,
    lists: impl IntoIterator<Item = (String, &'a [Action])>,
) -> Result<(), ApplyError> {
    for (place, actions) in lists {
        let led_to = actions.iter().filter_map(Action::service);
        if let Some(service) = led_to.into_iter().find(|id| services.get(*id).is_none()) {
            let known: Vec<String> = services.ids().map(|id| id.0.to_string()).collect();
            let there_are = match &known[..] {
                [] => "there are none: the file of --config names them".to_owned(),
                known => format!("there are {}", known.join(", ")),
            };
            return Err(ApplyError::NoService { place, service, there_are });
        }
    }
    Ok(())
}

fn check_bundle(services: &Services, bundle: &Bundle) -> Result<(), ApplyError> {
    let lists = bundle.0.iter().enumerate().flat_map(|(nth, change)| {
        change.action_lists().into_iter().map(move |list| (format!("changes[{nth}]"), list))
    });
    check_lists(services, lists)
}

fn check_tables(services: &Services, tables: &Tables) -> Result<(), ApplyError> {
    let flows = tables.flows().map(|flow| (format!("flow {}", flow.id()), flow.actions()));
    let groups = tables.groups().map(Group::spec);
    let buckets = groups.flat_map(|group| group.buckets.iter().map(move |bucket| (group.id, bucket)));
    let buckets = buckets.map(|(id, bucket)| (format!("group {id}"), &bucket.actions[..]));
    check_lists(services, flows.chain(buckets))
}
