//! The real-time scheduling class, which `nix` does not wrap.

#![allow(unsafe_code, reason = "wraps sched_setscheduler")]

use nix::errno::Errno;

/// Puts this process into SCHED_FIFO at the lowest priority. Never for anything that can compute for a millisecond.
///
/// # Errors
/// `EPERM`.
pub fn try_fifo() -> Result<(), Errno> {
    let lowest = libc::sched_param { sched_priority: 1 };
    // SAFETY: the parameter outlives the call; 0 means this process.
    Errno::result(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const lowest) }).map(drop)
}
