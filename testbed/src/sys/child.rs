//! Small arrangements between a process and the foreign program that it starts and waits for.

#![allow(unsafe_code, reason = "a hook between fork and exec, and the change of a signal's action")]

use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal, signal};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// The program is killed when the thread that starts it ends.
pub fn die_with_parent(command: &mut Command) {
    let hook = || Ok(prctl::set_pdeathsig(Signal::SIGKILL)?);
    // SAFETY: one system call, async-signal-safe, and no allocation.
    unsafe { command.pre_exec(hook) };
}

/// From now on an interrupt from the terminal is for the started program alone. Call it after the start: ignored signals
/// are inherited.
pub fn ignore_interrupts() {
    // SAFETY: no handler is installed. It cannot fail for a signal that may be ignored.
    let _ = unsafe { signal(Signal::SIGINT, SigHandler::SigIgn) };
}
