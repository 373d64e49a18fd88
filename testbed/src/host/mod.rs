//! Hosts: what a server or AGV lives in. A host is a network, mount and PID namespace with a small init and one or two
//! TAPs, whose other ends are ports of the switch. Whatever ends the testbed ends its hosts and all that was in them.

mod configure;
mod init;
mod netlink;
mod spec;
mod start;
mod tap;
mod wire;

pub(crate) use configure::loopback_up;
pub(crate) use tap::open as open_tap;

pub use init::init_main;
pub use spec::{HostKind, HostSpec, Interface, Neighbour, Nic, SpecError, check_all};
pub use start::{Host, Step};
pub use wire::{Ending, Report};
