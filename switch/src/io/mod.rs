//! The part of the switch that touches the kernel: ports and captures of what passes them.

mod capture;
mod explain;
mod kernel;
mod offload_tap;
mod packet;
mod plain_tap;
mod port;
mod statistics;
mod tap;

pub use capture::{Capture, Recorder, Summary};
pub use offload_tap::OffloadTap;
pub use packet::PacketPort;
pub use plain_tap::PlainTap;
pub use port::{BUFFER_LEN, Lost, Port, Received};
pub use tap::TapPort;
