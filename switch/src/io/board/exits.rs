//! Copies on their way out: each leaves by its port or is refused there, with a reason. What a port cannot take is completed or
//! cut into segments here.

use crate::bridge::Books;
use crate::io::port::Port;
use crate::offload::{Offload, complete_checksum, segment};
use nix::errno::Errno;
use std::io;
use std::sync::Arc;
use zerogap_proto::{DropReason, PortId};

/// One worker's way out.
#[derive(Debug, Default)]
pub(super) struct Exits {
    /// For frames that are changed on their way; grows once to the largest.
    scratch: Vec<u8>,
}

impl Exits {
    /// Sends a copy of `frame` out by `exit`, or says why it did not leave.
    #[inline]
    pub(super) fn send(
        &mut self,
        ports: &[Arc<dyn Port>],
        books: &Books,
        exit: PortId,
        frame: &[u8],
        offload: Offload,
    ) -> Result<(), DropReason> {
        let port = &*ports[usize::from(exit.0)];
        let sent = if offload.is_none() || port.takes_offload() {
            port.send(frame, offload).map_err(reason)
        } else {
            self.send_complete(port, frame, offload)
        };
        match sent {
            Ok(()) => books.sent(exit, frame.len()),
            Err(reason) => books.refused(exit, reason),
        }
        sent
    }

    /// A frame of several segments counts as one: it has left when all of them have.
    fn send_complete(&mut self, port: &dyn Port, frame: &[u8], offload: Offload) -> Result<(), DropReason> {
        if offload.gso.is_some() {
            let mut sent = Ok(());
            let mut send = |piece: &[u8]| {
                if sent.is_ok() {
                    sent = port.send(piece, Offload::default()).map_err(reason);
                }
            };
            segment(frame, offload, &mut self.scratch, &mut send).map_err(|_| DropReason::Malformed)?;
            return sent;
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(frame);
        if let Some(partial) = offload.checksum {
            complete_checksum(&mut self.scratch, partial).map_err(|_| DropReason::Malformed)?;
        }
        port.send(&self.scratch, Offload::default()).map_err(reason)
    }
}

fn reason(error: io::Error) -> DropReason {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EAGAIN | Errno::ENOBUFS) => DropReason::QueueFull,
        Some(Errno::EIO | Errno::ENETDOWN) => DropReason::LinkDown,
        Some(_) | None => DropReason::PortError,
    }
}
