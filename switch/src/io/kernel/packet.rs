//! Packet sockets with a virtio-net header in front of each frame and the VLAN tag beside it. Source: packet(7) and
//! `linux/if_packet.h`.

#![allow(unsafe_code, reason = "wraps socket, bind, setsockopt, getsockopt and recvmsg for AF_PACKET")]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::ptr::null_mut;

/// What came beside a frame.
pub(in crate::io) struct Beside {
    /// The length of header and frame together, even if it did not fit.
    pub len: usize,
    /// The VLAN tag that the kernel took out of the frame: TPID and TCI.
    pub vlan: Option<(u16, u16)>,
}

/// Room for one control message with `tpacket_auxdata`, aligned as the kernel wants it.
#[repr(C, align(8))]
struct Control([u8; 64]);

/// Opens a raw, non-blocking packet socket that hears nothing yet.
pub(in crate::io) fn open() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    check(fd)?;
    // SAFETY: the descriptor is new and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// From now on it hears all frames of the interface with this index, and sends there.
pub(in crate::io) fn bind(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    // SAFETY: `sockaddr_ll` is plain data, for which zeros are valid.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index.cast_signed();
    let len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is valid for its length during the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) })
}

/// Sees frames for any address on the interface with this index, until the socket is closed.
pub(in crate::io) fn set_promiscuous(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let request = libc::packet_mreq {
        mr_ifindex: index.cast_signed(),
        mr_type: libc::PACKET_MR_PROMISC as u16,
        mr_alen: 0,
        mr_address: [0; 8],
    };
    set(fd, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &request)
}

/// Sets an option of packet sockets.
pub(in crate::io) fn set_packet_option(fd: BorrowedFd<'_>, option: i32, value: i32) -> io::Result<()> {
    set(fd, libc::SOL_PACKET, option, &value)
}

/// Sets how many bytes of frames may wait, beyond the system's limit where that is allowed.
pub(in crate::io) fn set_buffers(fd: BorrowedFd<'_>, bytes: i32) -> io::Result<()> {
    for (forced, plain) in [(libc::SO_RCVBUFFORCE, libc::SO_RCVBUF), (libc::SO_SNDBUFFORCE, libc::SO_SNDBUF)]
    {
        set(fd, libc::SOL_SOCKET, forced, &bytes).or_else(|_| set(fd, libc::SOL_SOCKET, plain, &bytes))?;
    }
    Ok(())
}

/// How many frames the socket had no room for since this was last asked.
pub(in crate::io) fn take_drops(fd: BorrowedFd<'_>) -> io::Result<u32> {
    let mut statistics = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    let mut len = size_of_val(&statistics) as libc::socklen_t;
    let (level, option) = (libc::SOL_PACKET, libc::PACKET_STATISTICS);
    // SAFETY: the kernel writes at most `len` bytes of plain data into `statistics`.
    let result = unsafe {
        libc::getsockopt(fd.as_raw_fd(), level, option, (&raw mut statistics).cast(), &raw mut len)
    };
    check(result)?;
    Ok(statistics.tp_drops)
}

/// Receives one header and the frame behind it.
pub(in crate::io) fn receive(fd: BorrowedFd<'_>, header: &mut [u8], frame: &mut [u8]) -> io::Result<Beside> {
    let mut parts =
        [header, frame].map(|part| libc::iovec { iov_base: part.as_mut_ptr().cast(), iov_len: part.len() });
    let mut control = Control([0; 64]);
    // SAFETY: `msghdr` is plain data, for which zeros are valid.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_iov = parts.as_mut_ptr();
    message.msg_iovlen = parts.len() as _;
    message.msg_name = null_mut();
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    // SAFETY: all that `message` points to is borrowed mutably for the call and as long as it says.
    let len = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, libc::MSG_TRUNC) };
    let Ok(len) = usize::try_from(len) else { return Err(io::Error::last_os_error()) };
    Ok(Beside { len, vlan: vlan_beside(&message) })
}

fn vlan_beside(message: &libc::msghdr) -> Option<(u16, u16)> {
    // SAFETY: the kernel has just filled the control buffer, which is still borrowed, and set its length.
    let first = unsafe { libc::CMSG_FIRSTHDR(message).as_ref() }?;
    let needed = size_of::<libc::cmsghdr>() + size_of::<libc::tpacket_auxdata>();
    let is_auxdata = first.cmsg_level == libc::SOL_PACKET && first.cmsg_type == libc::PACKET_AUXDATA;
    if !is_auxdata || (first.cmsg_len as usize) < needed {
        return None;
    }
    // SAFETY: behind this header stands a `tpacket_auxdata`, as just checked; it is plain data.
    let beside = unsafe { libc::CMSG_DATA(first).cast::<libc::tpacket_auxdata>().read_unaligned() };
    let tpid = if beside.tp_status & libc::TP_STATUS_VLAN_TPID_VALID == 0 {
        libc::ETH_P_8021Q as u16
    } else {
        beside.tp_vlan_tpid
    };
    (beside.tp_status & libc::TP_STATUS_VLAN_VALID != 0).then_some((tpid, beside.tp_vlan_tci))
}

fn set<T>(fd: BorrowedFd<'_>, level: i32, option: i32, value: &T) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t;
    // SAFETY: the kernel reads `len` bytes of plain data during the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, option, (&raw const *value).cast(), len) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
