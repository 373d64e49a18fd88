//! Starting this same program again as another process, optionally in new namespaces: clone3 and exec at once. Between
//! the two only async-signal-safe calls are made, so the caller may have threads.

#![allow(unsafe_code, reason = "wraps clone3 and what must happen between it and exec")]

use crate::sys::fd::CONTROL_FD;
use crate::sys::pidfd::PidFd;
use nix::sched::CloneFlags;
use nix::unistd::Pid;
use std::ffi::{CString, NulError, OsStr};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::ptr;

/// The exit code of a child that could not be executed.
pub const EXEC_FAILED: i32 = 127;
/// The program's name for itself, by which its processes are found in `/proc`.
pub const PROGRAM: &str = "zerogap";

const SELF_EXE: &std::ffi::CStr = c"/proc/self/exe";
/// The most descriptors that a child is given.
pub const FDS_MAX: usize = 16;
/// Descriptors are moved out of the way to here and above before they are put in their places.
const ASIDE: RawFd = CONTROL_FD + FDS_MAX as RawFd;

/// What to start.
#[derive(Debug)]
pub struct Spawn<'a> {
    /// The arguments after the program's name.
    pub args: &'a [&'a str],
    /// New namespaces for it.
    pub namespaces: CloneFlags,
    /// Its descriptors from 3 on. It gets no others but the standard three.
    pub fds: &'a [BorrowedFd<'a>],
    /// Whether it is killed when the *thread* that starts it ends.
    pub dies_with_thread: bool,
}

/// `struct clone_args`, version 0 (Linux 5.3).
#[repr(C)]
#[derive(Default)]
struct CloneArgs {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
}

impl Spawn<'_> {
    /// Starts it.
    ///
    /// # Errors
    /// `EPERM` (namespaces are not allowed), `ENOSPC` (too many of them), `EAGAIN`, `ENOMEM`. That it could not be
    /// executed shows in its exit code, [`EXEC_FAILED`].
    pub fn start(&self) -> io::Result<(Pid, PidFd)> {
        let args = [PROGRAM].iter().chain(self.args).map(|arg| CString::new(*arg));
        let args = args.collect::<Result<Vec<_>, NulError>>()?;
        let env = std::env::vars_os().map(|(k, v)| c_string(&[&k, OsStr::new("="), &v]));
        let env = env.collect::<Result<Vec<_>, NulError>>()?;
        let (argv, envp) = (pointers(&args), pointers(&env));
        let fds: Vec<RawFd> = self.fds.iter().map(AsRawFd::as_raw_fd).collect();
        if fds.len() > FDS_MAX {
            return Err(io::Error::other("too many descriptors for one process"));
        }
        let mut pidfd: RawFd = -1;
        // CLONE_CLEAR_SIGHAND: the child must not run the parent's handlers with the child's half-made state.
        let flags = self.namespaces.bits() as u64 | libc::CLONE_PIDFD as u64 | CLEAR_SIGHAND;
        let clone_args = CloneArgs {
            flags,
            pidfd: &raw mut pidfd as u64,
            exit_signal: libc::SIGCHLD as u64,
            ..CloneArgs::default()
        };
        // SAFETY: no memory is shared and no stack given, so this is a fork; the arguments outlive the call.
        let pid = unsafe {
            libc::syscall(libc::SYS_clone3, &raw const clone_args, std::mem::size_of::<CloneArgs>())
        };
        match pid {
            0 => self.become_child(&fds, &argv, &envp),
            1.. => {
                // SAFETY: the kernel has just made this descriptor (close-on-exec) for us.
                let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
                Ok((Pid::from_raw(pid as libc::pid_t), PidFd::from_owned(pidfd)))
            }
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Runs in the child. Allocates nothing, takes no lock.
    fn become_child(&self, fds: &[RawFd], argv: &[*const libc::c_char], envp: &[*const libc::c_char]) -> ! {
        // SAFETY: every call is async-signal-safe and gets numbers or pointers that outlive it; argv and envp end with
        // a null pointer.
        unsafe {
            if self.dies_with_thread {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            }
            // A mask survives exec; the programs started here expect an empty one.
            let mut none: libc::sigset_t = std::mem::zeroed();
            libc::sigemptyset(&raw mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const none, ptr::null_mut());
            if put_in_place(fds) {
                libc::execve(SELF_EXE.as_ptr(), argv.as_ptr(), envp.as_ptr());
            }
            libc::_exit(EXEC_FAILED)
        }
    }
}

/// Makes `fds` the descriptors from [`CONTROL_FD`] on and closes all after them.
///
/// # Safety
/// For a forked child only: it closes what the process's values own.
unsafe fn put_in_place(fds: &[RawFd]) -> bool {
    // Numbers only, all results are checked. First every one is moved above the places, because one may stand in
    // another's place; the copies are close-on-exec and end with the exec.
    let mut aside = [-1; FDS_MAX];
    for (place, &fd) in aside.iter_mut().zip(fds) {
        // SAFETY: see above.
        *place = unsafe { libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, ASIDE) };
    }
    for (place, &fd) in (CONTROL_FD..).zip(&aside[..fds.len()]) {
        // SAFETY: see above. A copy that failed is -1 and refused here.
        if unsafe { libc::dup2(fd, place) } < 0 {
            return false;
        }
    }
    let first = CONTROL_FD + fds.len() as RawFd;
    // SAFETY: see above.
    unsafe { libc::close_range(first as libc::c_uint, libc::c_uint::MAX, 0) == 0 }
}

/// `CLONE_CLEAR_SIGHAND` (Linux 5.5). It lies above 32 bits, so it is no `c_int`.
const CLEAR_SIGHAND: u64 = 0x1_0000_0000;

fn c_string(parts: &[&OsStr]) -> Result<CString, NulError> {
    CString::new(parts.iter().flat_map(|part| part.as_bytes()).copied().collect::<Vec<u8>>())
}

fn pointers(strings: &[CString]) -> Vec<*const libc::c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([ptr::null()]).collect()
}
