//! A TAP with a virtio-net header: the host hands over TCP segments of up to 64 KB uncut and leaves checksums out, so bulk
//! transfers cost a read and a write per 64 KB. UDP stays one datagram a frame, because a request is a datagram.

use super::explain::{check_name, tap_error};
use super::kernel::tun;
use super::plain_tap::{lost, nothing_or, sent};
use super::port::{Lost, Port, Received};
use super::statistics::Statistics;
use crate::offload::Offload;
use smoltcp::wire::EthernetAddress;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

/// A TAP with offload for TCP. Its interface is to be set up by whoever configures the host.
pub struct OffloadTap {
    file: File,
    statistics: Statistics,
}

impl OffloadTap {
    /// Makes the TAP `name` in the network namespace of the calling thread, or attaches to it if it is there and free. One that
    /// was made goes with the port.
    ///
    /// # Errors
    /// The name is too long, or the kernel's, with what to do about it.
    pub fn create(name: &str) -> io::Result<Self> {
        check_name(name)?;
        let open = || {
            let file = tun::open()?;
            let name = tun::attach_with_header(&file, name)?;
            tun::set_header_len(&file, Offload::HEADER_LEN)?;
            tun::set_offload(file.as_fd(), libc::TUN_F_CSUM | libc::TUN_F_TSO4 | libc::TUN_F_TSO6)?;
            Ok(Self { file, statistics: Statistics::open(&name)? })
        };
        open().map_err(|error| tap_error(name, &error))
    }
}

impl Port for OffloadTap {
    fn name(&self) -> &str {
        self.statistics.name()
    }

    fn takes_offload(&self) -> bool {
        true
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut header = [0; Offload::HEADER_LEN];
        let full = header.len() + buffer.len();
        loop {
            let mut parts = [IoSliceMut::new(&mut header), IoSliceMut::new(buffer)];
            let len = match (&self.file).read_vectored(&mut parts) {
                Ok(len) => len,
                Err(error) => return nothing_or(error),
            };
            // The kernel cuts a frame that does not fit without saying so, and keeps to the offloads that it was told.
            match (len.checked_sub(Offload::HEADER_LEN), Offload::parse(&header)) {
                (Some(frame_len), Ok(offload)) if len < full => {
                    return Ok(Some(Received { len: frame_len, offload }));
                }
                _ => self.statistics.count_unreadable(1),
            }
        }
    }

    fn send(&self, frame: &[u8], offload: Offload) -> io::Result<()> {
        let mut header = [0; Offload::HEADER_LEN];
        offload.emit(&mut header);
        let written = (&self.file).write_vectored(&[IoSlice::new(&header), IoSlice::new(frame)]);
        sent(written, &self.statistics)
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

impl AsFd for OffloadTap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}
