//! A plain TAP as a port of the standalone switch: complete Ethernet frames in both directions, through the tun-tap crate.

use super::explain::{check_name, tap_error};
use super::kernel::tun;
use super::port::{Lost, Port, Received};
use super::statistics::Statistics;
use crate::offload::Offload;
use smoltcp::wire::EthernetAddress;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use tun_tap::{Iface, Mode};

/// A TAP whose frames are complete. Its interface is to be set up by whoever configures the host.
pub struct PlainTap {
    iface: Iface,
    statistics: Statistics,
}

impl PlainTap {
    /// Makes the TAP `name` in the network namespace of the calling thread, or attaches to it if it is there and free. One that
    /// was made goes with the port.
    ///
    /// # Errors
    /// The name is too long, or the kernel's, with what to do about it.
    pub fn create(name: &str) -> io::Result<Self> {
        check_name(name)?;
        let open = || Self::attach(Iface::without_packet_info(name, Mode::Tap)?);
        open().map_err(|error| tap_error(name, &error))
    }

    /// Takes over a TAP without packet information that was opened elsewhere. The calling thread is to be in the interface's
    /// network namespace.
    ///
    /// # Errors
    /// The kernel's.
    pub fn attach(iface: Iface) -> io::Result<Self> {
        iface.set_non_blocking()?;
        let statistics = Statistics::open(iface.name())?;
        let tap = Self { iface, statistics };
        // An earlier holder may have left segments and checksums to itself, which this one could not see.
        tun::set_offload(tap.as_fd(), 0)?;
        Ok(tap)
    }
}

impl Port for PlainTap {
    fn name(&self) -> &str {
        self.statistics.name()
    }

    fn takes_offload(&self) -> bool {
        false
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        loop {
            match self.iface.recv(buffer) {
                // The kernel cuts a frame that does not fit without saying so.
                Ok(len) if len == buffer.len() => self.statistics.count_unreadable(1),
                Ok(len) => return Ok(Some(Received { len, offload: Offload::default() })),
                Err(error) => return nothing_or(error),
            }
        }
    }

    fn send(&self, frame: &[u8], offload: Offload) -> io::Result<()> {
        if !offload.is_none() {
            let message = format!("the TAP {} takes complete frames only", self.name());
            return Err(io::Error::new(ErrorKind::InvalidInput, message));
        }
        sent(self.iface.send(frame), &self.statistics)
    }

    fn host_mac(&self) -> io::Result<Option<EthernetAddress>> {
        self.statistics.mac()
    }

    fn is_up(&self) -> io::Result<bool> {
        self.statistics.is_up()
    }

    fn lost(&self) -> io::Result<Lost> {
        lost(&self.statistics)
    }
}

impl AsFd for PlainTap {
    #[allow(unsafe_code, reason = "tun-tap hands out raw descriptors only")]
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor belongs to `iface`, which lives as long as the borrow.
        unsafe { BorrowedFd::borrow_raw(self.iface.as_raw_fd()) }
    }
}

/// What a read's error means for [`Port::receive`].
pub(super) fn nothing_or(error: io::Error) -> io::Result<Option<Received>> {
    let nothing = [ErrorKind::WouldBlock, ErrorKind::Interrupted].contains(&error.kind());
    if nothing { Ok(None) } else { Err(error) }
}

/// What a write to a TAP came to; the driver counts what it refuses as dropped.
pub(super) fn sent(written: io::Result<usize>, statistics: &Statistics) -> io::Result<()> {
    if let Err(error) = &written
        && error.raw_os_error() == Some(libc::EIO)
    {
        statistics.count_refused();
    }
    written.map(|_| ())
}

/// What the kernel lost at a TAP: what the interface sends is what the switch receives.
pub(super) fn lost(statistics: &Statistics) -> io::Result<Lost> {
    let dropped = statistics.dropped()?;
    Ok(Lost {
        rx: dropped.sent + statistics.unreadable(),
        tx: dropped.received.saturating_sub(statistics.refused()),
    })
}
