//! The edge server: a toy app with a real state (an occupancy grid of the factory floor), the server node that applies
//! the request log to it in order, and the format in which its state travels to another server.
//!
//! Everything here is pure but [`region`], which maps the memory of a real server. A [`Server`] keeps three promises: what
//! it has applied is a gap-free prefix of the log; its answers depend on that prefix alone; and its digest covers all that
//! can influence an answer.

pub mod angle;
pub mod answers;
pub mod app;
pub mod config;
pub mod digest;
pub mod grid;
pub mod memory;
pub mod outbox;
pub mod pages;
pub mod pull;
pub mod region;
pub mod replica;
pub mod rounds;
pub mod server;
pub mod snapshot;
pub mod sparse;
pub mod steer;
pub mod sums;
pub mod transfer;

pub use app::{App, Belief, Scan};
pub use config::{ConfigError, ServerConfig};
pub use digest::{digest_of_pages, digest_of_zeros};
pub use grid::Floor;
pub use memory::{CHUNK_LEN, Memory, PAGE_LEN, Prior};
pub use pages::PageSet;
pub use pull::PullOrder;
pub use region::Region;
pub use rounds::Precopy;
pub use server::{Counters, Server};
pub use snapshot::{Cut, Header};
pub use sparse::SparseMemory;
