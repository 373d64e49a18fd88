//! Being asked to end, by an interrupt from the terminal, a hang-up or a termination: a flag for a process that has something to put
//! away first.

#![allow(unsafe_code, reason = "installs a signal's handler")]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_signal(_: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

/// From now on this process is not ended by these signals but asked; look with [`asked_to_end`]. Started programs are ended as before.
///
/// # Errors
/// The kernel's.
pub fn heed() -> io::Result<()> {
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler does nothing but store into an atomic.
        unsafe { sigaction(signal, &action) }?;
    }
    Ok(())
}

/// Whether it has been asked to end.
pub fn asked_to_end() -> bool {
    ASKED.load(Ordering::Relaxed)
}
