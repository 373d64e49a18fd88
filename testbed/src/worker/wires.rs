//! The wires as a worker sees them: its own set, and what the other worker says of the same links. Both race benignly: at worst
//! a request is charged one bulk segment too many or too few, 12 µs at 1 Gbit/s.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zerogap_proto::{Duration, Instant};
use zerogap_scenario::Wires;
use zerogap_scenario::topology::End;
use zerogap_switch::link::{Class, Fate};

/// What the workers tell each other about every link.
#[derive(Debug)]
pub struct LinkClocks(Vec<LinkClock>);

#[derive(Debug, Default)]
struct LinkClock {
    /// Until when bulk is busy, in ns of the run's clock.
    bulk_free_ns: AtomicU64,
    /// Time that requests have taken from the link so far.
    requests_took_ns: AtomicU64,
}

impl LinkClocks {
    /// Idle links.
    pub fn new(links: usize) -> Arc<Self> {
        Arc::new(Self((0..links).map(|_| LinkClock::default()).collect()))
    }
}

/// One worker's wires.
#[derive(Debug)]
pub struct SharedWires {
    wires: Wires,
    clocks: Arc<LinkClocks>,
    class: Class,
    /// What this worker has charged its links for the other's requests.
    charged_ns: Vec<u64>,
}

impl SharedWires {
    /// Wires for a worker that carries frames of one class.
    pub fn new(wires: Wires, clocks: Arc<LinkClocks>, class: Class) -> Self {
        let charged_ns = vec![0; wires.links()];
        Self { wires, clocks, class, charged_ns }
    }

    /// Sends a frame in at one end; see [`Wires::send`].
    pub fn send(&mut self, now: Instant, from: End, len: usize) -> Option<(End, Fate)> {
        let (index, link) = self.wires.link_from(from)?;
        let clock = &self.clocks.0[index];
        match self.class {
            Class::Request => {
                let bulk_free = Instant::from_nanos(clock.bulk_free_ns.load(Ordering::Relaxed));
                link.share(bulk_free, Duration::ZERO);
                let took = Duration::of_bytes(len as u64, link.config().rate_bps);
                clock.requests_took_ns.fetch_add(took.as_nanos(), Ordering::Relaxed);
            }
            Class::Bulk => {
                let took_ns = clock.requests_took_ns.load(Ordering::Relaxed);
                let fresh = took_ns - self.charged_ns[index];
                self.charged_ns[index] = took_ns;
                if link.bulk_free_at() > now {
                    link.share(Instant::ZERO, Duration::from_nanos(fresh));
                }
            }
        }
        let sent = self.wires.send(now, from, len, self.class);
        if let (Class::Bulk, Some((index, link))) = (self.class, self.wires.link_from(from)) {
            self.clocks.0[index].bulk_free_ns.store(link.bulk_free_at().as_nanos(), Ordering::Relaxed);
        }
        sent
    }

    /// The wires themselves.
    pub fn wires(&mut self) -> &mut Wires {
        &mut self.wires
    }
}
