//! The part of the switch that touches the kernel: ports, where they are, captures of what passes them, and the workers
//! between them.

mod board;
mod capture;
mod explain;
mod interface;
mod kernel;
mod netns;
mod offload_tap;
mod packet;
mod plain_tap;
mod port;
mod statistics;
mod tap;
mod trunk;

pub use board::{ApplyError, Board, BoardOptions, Handed, Wait};
pub use capture::{Capture, Recorder, Summary};
pub use interface::take_up;
pub use netns::in_namespace;
pub use offload_tap::OffloadTap;
pub use packet::PacketPort;
pub use plain_tap::PlainTap;
pub use port::{BUFFER_LEN, Lost, Port, Received};
pub use tap::TapPort;
pub use trunk::Trunk;
