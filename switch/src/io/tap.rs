//! A plain TAP as a port: the far end is a host's `eth0` or `eth1`, the near end is a descriptor that only the switch holds.
//! Reads and writes never block; what the kernel refuses is counted by whoever asked for the write.

use super::explain::check_name;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use tun_tap::{Iface, Mode};
use zerogap_proto::Frame;

/// The largest frame that a TAP delivers: a jumbo frame's MTU of 9000 and the Ethernet header, with room for a VLAN tag.
const FRAME_MAX: usize = 9_100;

/// One TAP.
pub struct TapPort {
    iface: Iface,
    buffer: Box<[u8; FRAME_MAX]>,
}

impl TapPort {
    /// Creates a TAP in the network namespace of the calling thread.
    ///
    /// # Errors
    /// The kernel's, or that the name is too long.
    pub fn create(name: &str) -> io::Result<Self> {
        check_name(name)?;
        Self::attach(Iface::without_packet_info(name, Mode::Tap)?)
    }

    /// Takes over a TAP that was created elsewhere, for instance in a host's namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn attach(iface: Iface) -> io::Result<Self> {
        iface.set_non_blocking()?;
        Ok(Self { iface, buffer: Box::new([0; FRAME_MAX]) })
    }

    /// The next frame that the host has sent, `None` if there is none now.
    ///
    /// # Errors
    /// The kernel's; the port is of no more use then.
    pub fn receive(&mut self) -> io::Result<Option<Frame>> {
        match self.iface.recv(&mut self.buffer[..]) {
            Ok(len) => Ok(Some(Frame::new(&self.buffer[..len]))),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Hands a frame to the host.
    ///
    /// # Errors
    /// `WouldBlock` if the host's queue is full, EIO if its interface is down.
    pub fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.iface.send(frame).map(|_| ())
    }
}

impl AsFd for TapPort {
    #[allow(unsafe_code, reason = "tun-tap hands out raw descriptors only")]
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `iface`, which lives as long as the borrow.
        unsafe { BorrowedFd::borrow_raw(self.iface.as_raw_fd()) }
    }
}
