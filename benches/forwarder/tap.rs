//! A TAP in another network namespace: created through /dev/net/tun by a thread that is in that namespace, set up by
//! `ip`, gone when its descriptor is closed.

#![allow(unsafe_code, reason = "wraps the ioctls TUNSETIFF and TUNSETOFFLOAD")]

use anyhow::{Context as _, Result, bail, ensure};
use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::thread;

/// Creates the TAP `NAME@NETNS`, up, with that MTU; one Ethernet frame a read or write, with `offload` behind a
/// virtio-net header of 10 bytes.
///
/// # Errors
/// That the text is not NAME@NETNS, or the kernel's.
pub(crate) fn create(place: &str, offload: bool, mtu: u32) -> Result<File> {
    let Some((name, netns)) = place.split_once('@') else { bail!("{place:?} is not NAME@NETNS") };
    let visit = || {
        let namespace = File::open(format!("/run/netns/{netns}")).context("no such namespace")?;
        setns(namespace, CloneFlags::CLONE_NEWNET).context("cannot enter the namespace")?;
        open(name, offload)
    };
    let visited = thread::scope(|scope| scope.spawn(visit).join());
    let tap = visited.unwrap_or_else(|_| bail!("opening it panicked")).with_context(|| place.to_owned())?;
    let mtu = mtu.to_string();
    let up = Command::new("ip").args(["-n", netns, "link", "set", name, "mtu", &mtu, "up"]).status()?;
    ensure!(up.success(), "ip cannot set {place} up");
    Ok(tap)
}

fn open(name: &str, offload: bool) -> Result<File> {
    ensure!(name.len() < libc::IFNAMSIZ, "the name is longer than {} characters", libc::IFNAMSIZ - 1);
    let tap =
        File::options().read(true).write(true).open("/dev/net/tun").context("cannot open /dev/net/tun")?;
    let mut flags = libc::IFF_TAP | libc::IFF_NO_PI;
    if offload {
        flags |= libc::IFF_VNET_HDR;
    }
    // SAFETY: all zeros is a valid ifreq: integers, arrays of them, and null pointers.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = flags as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives through the call.
    checked(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })
        .context("TUNSETIFF")?;
    if offload {
        let features = libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6;
        // SAFETY: TUNSETOFFLOAD takes its argument by value.
        checked(unsafe { libc::ioctl(tap.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(features)) })
            .context("TUNSETOFFLOAD")?;
    }
    Ok(tap)
}

fn checked(returned: libc::c_int) -> io::Result<()> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
