//! Opening a TAP in another process's network namespace. The interface appears there, the descriptor stays here and is a
//! port of the switch.

use crate::sys::pidfd::PidFd;
use anyhow::{Context as _, Result, anyhow};
use nix::sched::{CloneFlags, setns};
use std::thread;
use tun_tap::{Iface, Mode};

/// Opens TAPs with these names in the network namespace of `process`, non-blocking, one Ethernet frame a read. The
/// caller's own namespace stays what it is: a thread of its own does the visit.
pub(super) fn open_in(process: &PidFd, names: &[&str]) -> Result<Vec<Iface>> {
    let visit = || {
        setns(process, CloneFlags::CLONE_NEWNET).context("cannot enter the host's network namespace")?;
        names.iter().map(|name| open(name)).collect()
    };
    thread::scope(|scope| scope.spawn(visit).join()).map_err(|_| anyhow!("opening the TAPs panicked"))?
}

/// Opens one TAP in the network namespace of the calling thread.
pub(crate) fn open(name: &str) -> Result<Iface> {
    let tap = Iface::without_packet_info(name, Mode::Tap).with_context(|| {
        format!("cannot create the TAP {name} through /dev/net/tun: `zerogap doctor` tells what is missing")
    })?;
    tap.set_non_blocking()?;
    Ok(tap)
}
