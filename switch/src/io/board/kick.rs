//! Getting a thread out of a system call that waits: a signal whose handler does nothing, so that the call ends with EINTR.

#![allow(unsafe_code, reason = "installs a signal's handler and signals a thread")]

use nix::sys::pthread::{Pthread, pthread_kill};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io;

const KICK: Signal = Signal::SIGUSR1;

extern "C" fn nothing(_: nix::libc::c_int) {}

/// From now on a kick ends a wait instead of the process.
pub(super) fn prepare() -> io::Result<()> {
    // Without SA_RESTART, or the call would go on.
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing.
    unsafe { sigaction(KICK, &action) }?;
    Ok(())
}

/// Kicks a thread that has not been joined.
pub(super) fn kick(thread: Pthread) {
    // It may have ended by itself; it stays valid until it is joined.
    let _ = pthread_kill(thread, KICK);
}
