//! The switch: learning, the service at its anchor, access points, the link model. Pure, except for [`io`], the only part
//! that touches the kernel. Both drivers run the very same [`Switch`].

pub mod anchor;
pub mod bridge;
pub mod capture;
pub mod counters;
pub mod icmp;
pub mod io;
pub mod learning;
pub mod link;
pub mod offload;
pub mod radio;
pub mod service;
mod switch;
pub mod table;

pub use counters::Counters;
pub use link::{Link, LinkConfig};
pub use radio::{Radio, RadioConfig};
pub use service::{Selection, Service, ServiceConfig};
pub use switch::{Anchoring, PortKind, Switch, SwitchConfig};
