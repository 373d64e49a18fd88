//! System calls in small modules: the only place of this crate with unsafe code. What `nix` already wraps is used from
//! there; here is what it lacks, and what several parts share.

pub mod child;
pub mod clock;
pub mod fd;
pub mod fork;
pub mod interrupt;
pub mod lock;
pub mod packet;
pub mod pidfd;
pub mod schedule;
pub mod spawn;
pub mod tcp;
pub mod watch;
