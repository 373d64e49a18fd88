//! The words that all parts of zerogap share: time, ids, frames, messages, control messages, nodes, events.
//!
//! Nothing here has a clock, a thread, a socket or randomness. The four parts (`switch`, `controller`, `server-app`,
//! `client-agv`) do not import each other; they meet in these words.

pub mod address;
pub mod agv;
pub mod control;
pub mod event;
pub mod frame;
pub mod id;
pub mod job;
pub mod message;
pub mod node;
pub mod plan;
pub mod record;
pub mod server;
pub mod service;
pub mod time;

pub use address::Endpoint;
pub use control::{Control, FlowMod, PacketIn};
pub use event::{DropCause, DropReason, Event};
pub use frame::Frame;
pub use id::{ClientId, Epoch, Incarnation, MigrationId, NodeId, Offset, PortId, Sequence, ServiceId};
pub use job::{Image, Job, JobFailure, JobResult, Progress, Pull, Round};
pub use message::{Kind, Message, Stamp};
pub use node::{Input, Node, Output, Timer};
pub use plan::{AbortReason, Goal, Outcome, Phase, PlanStatus, ReviewRule, ReviewTally, RoundsRule, Scheme};
pub use record::Record;
pub use server::{Rounds, ServerCommand, ServerStatus, Task};
pub use service::{Health, Refusal, ServiceCommand, ServiceOrder, ServiceStatus, Serving};
pub use time::{Duration, Instant};
