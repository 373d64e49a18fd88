//! A process that must not outlive the work of one of its children: it ends when that child ends otherwise than in order. By a
//! signal's handler, because it may be waiting just then for something that only the child would have done.

#![allow(unsafe_code, reason = "wraps sigaction, waitid and what a signal's handler may do")]

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::unistd::Pid;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

/// The exit code of a process that ended because its child did.
pub const CHILD_LOST: i32 = 70;

/// The child, or 0.
static WATCHED: AtomicI32 = AtomicI32::new(0);

/// From now on the end of this child, unless it exits with 0, is the end of this process, with [`CHILD_LOST`].
///
/// # Errors
/// The kernel does not take the handler.
pub fn end_with(child: Pid) -> io::Result<()> {
    let flags = SaFlags::SA_RESTART | SaFlags::SA_NOCLDSTOP;
    let action = SigAction::new(SigHandler::Handler(on_child_end), flags, SigSet::empty());
    // SAFETY: the handler makes only async-signal-safe calls and leaves errno as it was.
    unsafe { sigaction(Signal::SIGCHLD, &action) }?;
    WATCHED.store(child.as_raw(), Ordering::SeqCst);
    // It may have ended before anybody looked.
    end_if_it_has_failed();
    Ok(())
}

/// The child's end is no longer this process's.
pub fn release() {
    WATCHED.store(0, Ordering::SeqCst);
}

extern "C" fn on_child_end(_: libc::c_int) {
    end_if_it_has_failed();
}

fn end_if_it_has_failed() {
    let child = WATCHED.load(Ordering::SeqCst);
    let Ok(id) = libc::id_t::try_from(child) else { return };
    if id == 0 {
        return;
    }
    // SAFETY: waitid and _exit are async-signal-safe; the structure is the call's own, all zeros are a valid one, and the fields
    // read are those of a child's end. errno is this thread's.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let mut info: libc::siginfo_t = std::mem::zeroed();
        // It stays to be reaped by whoever owns it.
        let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
        let found = libc::waitid(libc::P_PID, id, &raw mut info, options) == 0 && info.si_pid() == child;
        let in_order = info.si_code == libc::CLD_EXITED && info.si_status() == 0;
        if found && !in_order {
            libc::_exit(CHILD_LOST);
        }
        *errno = before;
    }
}
