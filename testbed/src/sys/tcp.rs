//! What transfers ask of TCP beyond the standard library: a connection that is made later, perhaps by a child of whoever made the
//! socket; how much of what was written is still on its way; and keeping that little.

#![allow(unsafe_code, reason = "wraps the ioctl SIOCOUTQ and two socket options")]

use libc::linger;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, setsockopt, socket, sockopt};
use std::io;
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd as _;

/// Bytes of a transfer that wait in the kernel while pages may be asked for: 0.5 ms of a link of 1 Gbit/s.
const LITTLE: usize = 64 * 1_024;

/// A socket that is to be connected with [`connect`]. Non-blocking and close-on-exec. Closing its last holder throws away what
/// waits in it, and the other end is told: a transfer that is given up is over at once, and one that is acknowledged has nothing
/// waiting.
///
/// # Errors
/// No descriptors are left.
pub fn unconnected() -> io::Result<TcpStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let stream = TcpStream::from(socket(AddressFamily::Inet, SockType::Stream, flags, None)?);
    setsockopt(&stream, sockopt::Linger, &linger { l_onoff: 1, l_linger: 0 })?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Goes on with connecting: true when it is connected, false when it has to be waited for until the socket is writable.
///
/// # Errors
/// The attempt has failed. The next call begins another.
pub fn connect(stream: &TcpStream, to: SocketAddrV4) -> io::Result<bool> {
    match nix::sys::socket::connect(stream.as_raw_fd(), &SockaddrIn::from(to)) {
        Ok(()) | Err(Errno::EISCONN) => Ok(true),
        Err(Errno::EINPROGRESS | Errno::EALREADY | Errno::EINTR) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

/// Bytes that were written and that the other end's kernel has not confirmed.
///
/// # Errors
/// Not a connection.
pub fn on_the_way(stream: &TcpStream) -> io::Result<usize> {
    let mut bytes: libc::c_int = 0;
    // SAFETY: SIOCOUTQ (the same number as TIOCOUTQ) writes one int, which outlives the call.
    let result = unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    Errno::result(result)?;
    Ok(usize::try_from(bytes).unwrap_or(0))
}

/// From now on little waits in the kernel, so that what is written next is not far behind what was written before.
///
/// # Errors
/// Not a connection.
pub fn keep_little_waiting(stream: &TcpStream) -> io::Result<()> {
    setsockopt(stream, sockopt::SndBuf, &LITTLE)?;
    let unsent: libc::c_int = 16 * 1_024;
    let len = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option is one int, which outlives the call.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_NOTSENT_LOWAT,
            (&raw const unsent).cast(),
            len,
        )
    };
    Ok(Errno::result(result).map(drop)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{SocketAddr, TcpListener};

    fn address(listener: &TcpListener) -> SocketAddrV4 {
        match listener.local_addr().unwrap() {
            SocketAddr::V4(address) => address,
            SocketAddr::V6(_) => panic!("bound to IPv4"),
        }
    }

    fn connected(stream: &TcpStream, to: SocketAddrV4) -> io::Result<()> {
        while !connect(stream, to)? {
            std::thread::yield_now();
        }
        Ok(())
    }

    #[test]
    fn a_socket_that_was_refused_can_try_again() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let to = address(&listener);
        drop(listener);
        let stream = unconnected().unwrap();
        for _ in 0..3 {
            let refused = connected(&stream, to).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        }
        let listener = TcpListener::bind(to).unwrap();
        connected(&stream, to).unwrap();
        (&stream).write_all(b"x").unwrap();
        let mut byte = [0];
        listener.accept().unwrap().0.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[test]
    fn what_nobody_reads_stays_on_the_way_and_can_be_kept_little() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let fill = |little: bool| {
            let stream = unconnected().unwrap();
            connected(&stream, address(&listener)).unwrap();
            assert_eq!(on_the_way(&stream).unwrap(), 0);
            if little {
                keep_little_waiting(&stream).unwrap();
            }
            while (&stream).write(&[0; 4_096]).is_ok() {}
            on_the_way(&stream).unwrap()
        };
        let (much, little) = (fill(false), fill(true));
        assert!(little > 0 && little <= 2 * LITTLE && little < much, "{little} of {much}");
    }
}
