//! An ordinary user's way to namespaces and TAPs: a user namespace in which this process is root. `main` asks for it
//! before any thread starts; root needs none.

use crate::sys::fork::{probe, thread_count};
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};
use std::fmt;
use std::fs;
use std::io;

/// What [`enter`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entered {
    /// Nothing: this process may make namespaces as it is.
    NotNeeded,
    /// It is root in a user namespace of its own now.
    UserNamespace {
        /// Who it is outside.
        uid: u32,
        /// Its group outside.
        gid: u32,
    },
}

/// Why this process can make no namespaces.
#[derive(Debug)]
pub enum Refused {
    /// It was asked for after threads had been started.
    Threads,
    /// User namespaces are switched off, or not allowed to this user.
    Forbidden(Errno),
    /// There are too many already, or the limit is zero.
    Limit(Errno),
    /// It could be made, but the user could not be mapped into it.
    Mapping(io::Error),
    /// It could be made, but gives no rights in it (AppArmor's restriction of unprivileged user namespaces).
    Powerless(Errno),
}

const HOST_NAMESPACES: CloneFlags =
    CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWNS).union(CloneFlags::CLONE_NEWPID);

/// Makes sure that this process may make hosts. What it is allowed is found out by doing it in a child.
///
/// # Errors
/// Why not: then only simulation is possible.
pub fn enter() -> Result<Entered, Refused> {
    if thread_count().map_err(Refused::Mapping)? != 1 {
        return Err(Refused::Threads);
    }
    if probe(|| unshare(HOST_NAMESPACES)).is_ok() {
        return Ok(Entered::NotNeeded);
    }
    enter_new()
}

fn enter_new() -> Result<Entered, Refused> {
    let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|errno| {
        if errno == Errno::EINVAL {
            Refused::Threads
        } else if [Errno::ENOSPC, Errno::EUSERS].contains(&errno) {
            Refused::Limit(errno)
        } else {
            Refused::Forbidden(errno)
        }
    })?;
    // Without setgroups denied, an ordinary user may map no group.
    let maps = [("setgroups", "deny".to_string()), ("uid_map", map(uid)), ("gid_map", map(gid))];
    for (file, content) in maps {
        fs::write(format!("/proc/self/{file}"), content).map_err(Refused::Mapping)?;
    }
    probe(|| unshare(HOST_NAMESPACES)).map_err(Refused::Powerless)?;
    Ok(Entered::UserNamespace { uid, gid })
}

fn map(outside: u32) -> String {
    format!("0 {outside} 1")
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Threads => f.write_str("a user namespace must be made before any thread is started"),
            Self::Forbidden(errno) => write!(
                f,
                "user namespaces are not allowed here ({errno}): run as root, or set kernel.unprivileged_userns_clone=1"
            ),
            Self::Limit(errno) => {
                write!(f, "no more user namespaces ({errno}): raise user.max_user_namespaces, or run as root")
            }
            Self::Mapping(error) => {
                write!(f, "this user cannot be mapped into a user namespace ({error}): run as root")
            }
            Self::Powerless(errno) => write!(
                f,
                "a user namespace gives no rights here ({errno}): run as root, or set \
                 kernel.apparmor_restrict_unprivileged_userns=0"
            ),
        }
    }
}

impl std::error::Error for Refused {}
