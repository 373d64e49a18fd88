//! The ioctls of `/dev/net/tun`: making or attaching to a TAP with a virtio-net header, and what it may leave to the reader.
//! Source: the kernel's Documentation/networking/tuntap.rst and `linux/if_tun.h`.

#![allow(unsafe_code, reason = "wraps three ioctls of the TUN driver")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt as _;

/// Opens the TUN driver, non-blocking and close-on-exec.
pub(in crate::io) fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")
}

/// Makes the TAP `name`, or attaches to it if it exists and is free: one frame a read with a virtio-net header in front.
/// Its real name comes back. The name has at most 15 bytes.
pub(in crate::io) fn attach_with_header(file: &File, name: &str) -> io::Result<String> {
    // SAFETY: `ifreq` is plain data, for which zeros are valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name[..libc::IFNAMSIZ - 1].iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as i16;
    // SAFETY: the request is a valid `ifreq`, which the kernel reads and writes during the call only.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) })?;
    let name = request.ifr_name.iter().map(|byte| byte.cast_unsigned()).take_while(|byte| *byte != 0);
    Ok(String::from_utf8_lossy(&name.collect::<Vec<u8>>()).into_owned())
}

/// Sets the length of the header in front of each frame.
pub(in crate::io) fn set_header_len(file: &File, len: usize) -> io::Result<()> {
    let len = len as libc::c_int;
    // SAFETY: the kernel reads one int during the call.
    check(unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const len) })
}

/// Sets what the sender may leave to whoever reads the TAP: `TUN_F_` bits.
pub(in crate::io) fn set_offload(fd: BorrowedFd<'_>, bits: u32) -> io::Result<()> {
    // SAFETY: the argument is a number, not a pointer.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(bits)) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
