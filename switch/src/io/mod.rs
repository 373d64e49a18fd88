//! The part of the switch that touches the kernel: ports.

mod port;
mod tap;

pub use port::{BUFFER_LEN, Lost, Port, Received};
pub use tap::TapPort;
