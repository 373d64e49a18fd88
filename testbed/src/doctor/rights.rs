//! What this process is allowed: each thing is tried in a forked child, in the user namespace that a run would use.

use super::Check;
use crate::host::{loopback_up, open_tap};
use crate::place::set_autogroup;
use crate::sys::fork::probe;
use crate::sys::pidfd::PidFd;
use crate::sys::schedule::try_fifo;
use crate::userns;
use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::sys::utsname::uname;
use nix::unistd::{getpid, setsid};
use std::fs;
use std::io;

pub(super) fn checks() -> Vec<Check> {
    vec![linux(), user(), namespaces(), tun(), net_admin(), autogroup(), fifo()]
}

fn linux() -> Check {
    let release = uname().map_or_else(|_| "unknown".into(), |name| name.release().to_os_string());
    let release = release.to_string_lossy();
    // The youngest calls that hosts are made with: pidfds, close_range.
    let calls = probe(|| {
        PidFd::open(getpid()).map_err(|error| errno(&error))?;
        crate::sys::fd::close_all_from(3, &[3]).map_err(|error| errno(&error))
    });
    match calls {
        Ok(()) => Check::ok("linux", format!("kernel {release}")),
        Err(refused) => Check::fail(
            "linux",
            format!("kernel {release} lacks a system call ({refused})"),
            "use Linux 5.11 or newer, and a container that lets pidfd_open and close_range pass",
        ),
    }
}

fn user() -> Check {
    let is_limited = probe(|| unshare(HOST)).is_err();
    if !is_limited {
        return Check::ok("user", "may make namespaces as it is");
    }
    match in_child(|| Ok(())) {
        Ok(()) => Check::ok("user", "an ordinary user, who gets a user namespace"),
        Err(refused) => Check::fail(
            "user",
            format!("may make no namespaces, and no user namespace either ({refused})"),
            "run as root, or allow user namespaces: sysctl kernel.unprivileged_userns_clone=1 \
             kernel.apparmor_restrict_unprivileged_userns=0 user.max_user_namespaces=10000",
        ),
    }
}

fn namespaces() -> Check {
    let kinds = [
        ("network", CloneFlags::CLONE_NEWNET),
        ("PID", CloneFlags::CLONE_NEWPID),
        ("mount", CloneFlags::CLONE_NEWNS),
    ];
    let refused: Vec<String> = kinds
        .into_iter()
        .filter_map(|(name, kind)| {
            in_child(|| unshare(kind)).err().map(|refused| format!("{name} ({refused})"))
        })
        .collect();
    if refused.is_empty() {
        return Check::ok("namespaces", "network, PID and mount namespaces can be made");
    }
    let mend = "run as root; in a container add the capability SYS_ADMIN (docker: --privileged)";
    Check::fail("namespaces", format!("cannot be made: {}", refused.join(", ")), mend)
}

fn tun() -> Check {
    let made = in_child(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        open_tap("zgprobe").map(drop).map_err(|error| cause(&error))
    });
    match made {
        Ok(()) => Check::ok("tun", "a TAP can be created through /dev/net/tun"),
        Err(Errno::ENOENT | Errno::ENODEV | Errno::ENXIO) => Check::fail(
            "tun",
            "/dev/net/tun is not there",
            "modprobe tun; mkdir -p /dev/net; mknod /dev/net/tun c 10 200; in a container: --device /dev/net/tun",
        ),
        Err(Errno::EACCES) => Check::fail(
            "tun",
            "/dev/net/tun may not be opened by this user",
            "chmod 0666 /dev/net/tun (a TAP still needs rights over its namespace), or run as root",
        ),
        Err(refused) => Check::fail(
            "tun",
            format!("a TAP cannot be created ({refused})"),
            "run as root; in a container add NET_ADMIN and --device /dev/net/tun",
        ),
    }
}

fn net_admin() -> Check {
    let configured = in_child(|| {
        unshare(CloneFlags::CLONE_NEWNET)?;
        loopback_up().map_err(|error| cause(&error))?;
        fs::write("/proc/sys/net/ipv4/conf/all/arp_ignore", "1").map_err(|error| errno(&error))
    });
    match configured {
        Ok(()) => Check::ok("net-admin", "interfaces and kernel settings of a new namespace can be changed"),
        Err(Errno::EROFS) => Check::fail(
            "net-admin",
            "/proc/sys is read-only",
            "run outside this container, or start it with --privileged",
        ),
        Err(refused) => Check::fail(
            "net-admin",
            format!("a new namespace's network cannot be configured ({refused})"),
            "run as root; in a container add the capability NET_ADMIN",
        ),
    }
}

fn autogroup() -> Check {
    let enabled = fs::read_to_string("/proc/sys/kernel/sched_autogroup_enabled");
    let nice = probe(|| {
        setsid()?;
        set_autogroup(19).map_err(|error| errno(&error))
    });
    match (enabled.as_deref().map(str::trim), nice) {
        (Ok("1"), Ok(())) => Check::ok("autogroup", "bulk work can be made nice"),
        (Ok("1"), Err(refused)) => Check::warn(
            "autogroup",
            format!(
                "bulk work cannot be made nice ({refused}): it competes with requests where they share a core"
            ),
            "sysctl kernel.sched_autogroup_enabled=0, or two cores or more",
        ),
        (Ok(_) | Err(_), _) => Check::ok("autogroup", "off: plain niceness counts"),
    }
}

fn fifo() -> Check {
    match probe(try_fifo) {
        Ok(()) => Check::ok("sched-fifo", "allowed; nothing here uses it"),
        Err(refused) => Check::ok("sched-fifo", format!("not allowed ({refused}); nothing here needs it")),
    }
}

const HOST: CloneFlags =
    CloneFlags::CLONE_NEWNET.union(CloneFlags::CLONE_NEWNS).union(CloneFlags::CLONE_NEWPID);

/// Tries something with the rights that a run would have.
fn in_child(work: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
    probe(|| {
        userns::enter().map_err(|refused| match refused {
            userns::Refused::Threads => Errno::EINVAL,
            userns::Refused::Forbidden(no) | userns::Refused::Limit(no) | userns::Refused::Powerless(no) => {
                no
            }
            userns::Refused::Mapping(error) => errno(&error),
        })?;
        work()
    })
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32))
}

fn cause(error: &anyhow::Error) -> Errno {
    error.root_cause().downcast_ref().map_or(Errno::EIO, errno)
}
