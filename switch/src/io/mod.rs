//! The part of the switch that touches the kernel: ports.

mod tap;

pub use tap::TapPort;
