//! What every port of the switch can do, whatever the kernel has behind it: receive and send one frame at a time together
//! with what it still needs, and tell what the kernel lost. Ports are shared by threads: one reads a port, any may send.

use crate::offload::Offload;
use smoltcp::wire::EthernetAddress;
use std::io;
use std::os::fd::AsFd;

/// The length of a buffer that holds whatever a port delivers: a frame of segments of 64 KB with its headers and tags.
pub const BUFFER_LEN: usize = 66_000;

/// One port of the switch.
pub trait Port: AsFd + Send + Sync {
    /// The name of its interface.
    fn name(&self) -> &str;

    /// Whether [`Self::send`] takes a frame that still needs something; if not, it is to be completed before.
    fn takes_offload(&self) -> bool;

    /// The next frame, written to the beginning of `buffer`; `None` if there is none now. Never blocks, unless the descriptor was
    /// set to. `buffer` has [`BUFFER_LEN`] bytes; a frame that does not fit a shorter one is dropped and counted as lost.
    ///
    /// # Errors
    /// The kernel's; the port is of no more use then.
    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>>;

    /// Hands a frame to the kernel. `offload` is to be none if the port takes none.
    ///
    /// # Errors
    /// `WouldBlock` if the queue is full, EIO if the interface is down, else the kernel's; the frame is not sent.
    fn send(&self, frame: &[u8], offload: Offload) -> io::Result<()>;

    /// The MAC address of the host at the other end, where that is the interface's own.
    ///
    /// # Errors
    /// The kernel's: for instance the interface is gone.
    fn host_mac(&self) -> io::Result<Option<EthernetAddress>> {
        Ok(None)
    }

    /// Whether frames can be sent: the interface is up, and whoever holds its other end too.
    ///
    /// # Errors
    /// The kernel's: for instance the interface is gone.
    fn is_up(&self) -> io::Result<bool>;

    /// What the kernel has lost at this port since it was opened.
    ///
    /// # Errors
    /// The kernel's: for instance the interface is gone.
    fn lost(&self) -> io::Result<Lost>;
}

/// A frame that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub len: usize,
    /// What it still needs.
    pub offload: Offload,
}

/// Frames that the kernel dropped at a port, in the switch's directions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// On the way to the switch: the switch never saw them.
    pub rx: u64,
    /// On the way from the switch, after [`Port::send`] had taken them: those that it refused are its caller's to count. A
    /// host behind a TAP counts here what it knows no protocol for, too.
    pub tx: u64,
}
