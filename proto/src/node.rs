//! The contract between a state machine and its driver.
//!
//! A driver gives a node one [`Input`] at a time, then calls [`Node::poll`] until it returns `None`, then asks for the
//! [`Node::deadline`] and comes back with [`Input::Wake`] when it has passed. A node has no clock, thread, socket or
//! randomness: the same inputs at the same instants give the same outputs.

use crate::address::Endpoint;
use crate::control::Control;
use crate::event::Event;
use crate::frame::Frame;
use crate::id::{MigrationId, NodeId, PortId};
use crate::job::{Job, JobResult};
use crate::record::Record;
use crate::time::Instant;

/// A pure state machine.
pub trait Node {
    /// The one way to change it.
    fn handle(&mut self, now: Instant, input: Input<'_>);
    /// What it wants done, in order; `None` when there is nothing more until the next [`Node::handle`].
    fn poll(&mut self) -> Option<Output>;
    /// When to come back, and why. May lie in the past: then at once.
    fn deadline(&self) -> Option<(Instant, Timer)>;
}

/// What can happen to a node.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The run begins. Given once, before anything else.
    Start,
    /// A frame came in by a port (switches, radio).
    Frame {
        /// The port.
        port: PortId,
        /// The frame.
        frame: Frame,
    },
    /// A datagram came in (hosts).
    Datagram {
        /// Who sent it.
        from: Endpoint,
        /// What it carries.
        payload: &'a [u8],
    },
    /// A control message came in.
    Control {
        /// Who sent it.
        from: NodeId,
        /// The message.
        message: Control,
    },
    /// The deadline has passed.
    Wake(Timer),
    /// A job has ended.
    JobDone {
        /// The migration that the job was for.
        migration: MigrationId,
        /// How it ended.
        result: JobResult,
    },
}

/// What a node wants done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a frame out by a port.
    Frame {
        /// The port.
        port: PortId,
        /// The frame.
        frame: Frame,
    },
    /// Send a datagram from the node's own socket.
    Datagram {
        /// To whom.
        to: Endpoint,
        /// What it carries.
        payload: Vec<u8>,
    },
    /// Send a control message.
    Control {
        /// To whom.
        to: NodeId,
        /// The message.
        message: Control,
    },
    /// Start a job.
    Start(Job),
    /// End the job of this migration, whatever it is; no result is wanted.
    CancelJob(MigrationId),
    /// Write the journal.
    Event(Event),
    /// Keep a measurement.
    Record(Record),
}

/// Why a node wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A preferred answer is missing.
    Failover,
    /// An answer of a reader is missing: send again.
    Resend,
    /// A migration's or review's time is up.
    Deadline,
    /// Forget what has not been heard of for long.
    Age,
    /// The next request is due.
    Request,
    /// A request has waited long enough for its answer to be given up or called late.
    GiveUp,
    /// The emulated service time of an answer is over.
    Answer,
    /// The next chunk of memory is to be rechecked.
    Scrub,
    /// A decision has been thought about long enough.
    Decision,
    /// Time to look around: ask for what may have been missed.
    Refresh,
}

/// The earlier of two deadlines.
pub fn earlier(a: Option<(Instant, Timer)>, b: Option<(Instant, Timer)>) -> Option<(Instant, Timer)> {
    match (a, b) {
        (Some(x), Some(y)) => Some(if y.0 < x.0 { y } else { x }),
        (x, y) => x.or(y),
    }
}
