//! Errors of opening a port that say what to do about them.

use std::io::{Error, ErrorKind, Result};

/// The longest interface name (IFNAMSIZ − 1); the kernel's ioctls would cut longer ones silently.
const NAME_MAX: usize = 15;

/// Refuses a name that is too long for an interface.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.len() <= NAME_MAX {
        return Ok(());
    }
    let message = format!("the interface name {name:?} is longer than {NAME_MAX} characters");
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// Why a TAP could not be opened.
pub(super) fn tap_error(name: &str, error: &Error) -> Error {
    let hint = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => "this needs root or CAP_NET_ADMIN, and rights to /dev/net/tun",
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => {
            "there is no /dev/net/tun: load the module tun, or give the container that device"
        }
        Some(libc::EBUSY) => "another process has it open: end that process or choose another name",
        Some(libc::EINVAL) => {
            "there is an interface of that name that is not a TAP with one queue; attach to it by packet socket"
        }
        _ => "",
    };
    explained(format!("cannot open the TAP {name}"), error, hint)
}

/// Why a packet socket on an interface could not be opened.
pub(super) fn packet_error(name: &str, error: &Error) -> Error {
    let hint = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES) => "this needs root or CAP_NET_RAW",
        Some(libc::EAFNOSUPPORT) => "the kernel has no packet sockets: load the module af_packet",
        Some(libc::ENOPROTOOPT) => "the kernel is too old: Linux 4.20 is needed",
        _ => "",
    };
    explained(format!("cannot open a packet socket on {name}"), error, hint)
}

/// Why an interface's counters could not be read.
pub(super) fn statistics_error(name: &str, error: &Error) -> Error {
    let hint = match error.raw_os_error() {
        Some(libc::ENODEV) => "there is no such interface in the network namespace where the port was opened",
        _ => "",
    };
    explained(format!("cannot read the counters of {name}"), error, hint)
}

fn explained(what: String, error: &Error, hint: &str) -> Error {
    let separator = if hint.is_empty() { "" } else { ": " };
    Error::new(error.kind(), format!("{what} ({error}){separator}{hint}"))
}
