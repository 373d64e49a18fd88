//! The part of the switch that touches the kernel: ports, where they are, and the workers between them.

mod board;
mod interface;
mod netns;
mod port;
mod tap;

pub use board::{Board, BoardOptions, Wait};
pub use interface::take_up;
pub use netns::in_namespace;
pub use port::{BUFFER_LEN, Lost, Port, Received};
pub use tap::TapPort;
