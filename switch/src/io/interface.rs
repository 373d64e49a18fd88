//! Setting up an interface in the calling thread's network namespace: its MTU, its queue, and up.

#![allow(unsafe_code, reason = "the requests for interfaces are ioctls that nix does not wrap")]

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::io;
use std::os::fd::AsRawFd as _;

/// Frames that wait for the switch at the most: a burst of a gigabit's 5 ms at the smallest size.
const QUEUE_LEN: i32 = 5_000;

/// Sets the MTU if one is given, gives it a long queue, and takes it up.
///
/// # Errors
/// The kernel's, with what was tried.
pub fn take_up(name: &str, mtu: Option<u16>) -> io::Result<()> {
    let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    let ask = |request: libc::Ioctl, value: libc::__c_anonymous_ifr_ifru, what: &str| {
        let mut ifreq = libc::ifreq { ifr_name: named(name)?, ifr_ifru: value };
        // SAFETY: the structure is as the request wants it, and outlives the call.
        Errno::result(unsafe { libc::ioctl(socket.as_raw_fd(), request, &raw mut ifreq) }).map_err(
            |errno| {
                io::Error::new(io::Error::from(errno).kind(), format!("cannot {what} of {name}: {errno}"))
            },
        )?;
        Ok::<libc::ifreq, io::Error>(ifreq)
    };
    if let Some(mtu) = mtu {
        ask(libc::SIOCSIFMTU, libc::__c_anonymous_ifr_ifru { ifru_mtu: mtu.into() }, "set the MTU")?;
    }
    // Some kinds of interfaces have no such queue.
    let _ =
        ask(libc::SIOCSIFTXQLEN, libc::__c_anonymous_ifr_ifru { ifru_metric: QUEUE_LEN }, "set the queue");
    let now = ask(libc::SIOCGIFFLAGS, libc::__c_anonymous_ifr_ifru { ifru_flags: 0 }, "read the flags")?;
    // SAFETY: the request before has filled in the flags.
    let flags = unsafe { now.ifr_ifru.ifru_flags } | libc::IFF_UP as libc::c_short;
    ask(libc::SIOCSIFFLAGS, libc::__c_anonymous_ifr_ifru { ifru_flags: flags }, "set the flags")?;
    Ok(())
}

fn named(name: &str) -> io::Result<[libc::c_char; libc::IFNAMSIZ]> {
    let mut field = [0; libc::IFNAMSIZ];
    if name.is_empty() || name.len() >= field.len() {
        let message =
            format!("an interface's name has 1 to {} characters, {name:?} has not", field.len() - 1);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    field.iter_mut().zip(name.bytes()).for_each(|(to, from)| *to = from as libc::c_char);
    Ok(field)
}
