//! An interface that is already there (a veth, a TAP of somebody else's, a bridge's port) as a port: a packet socket that hears
//! all that arrives at it and sends from it, with offload. The interface's own host hears what arrives too, so it should
//! have no address there.

use super::explain::packet_error;
use super::kernel::packet;
use super::plain_tap::nothing_or;
use super::port::{Lost, Port, Received};
use super::statistics::Statistics;
use crate::offload::Offload;
use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::os::fd::{AsFd, BorrowedFd};

/// What may wait in each direction, in bytes: a few hundred small frames are little, two dozen of 64 KB are not.
const QUEUE_BYTES: i32 = 4 << 20;
const MACS_LEN: usize = 12;
const VLAN_LEN: usize = 4;

/// A packet socket on one interface.
///
/// Unlike with a TAP, datagrams may arrive several in a frame ([`GsoKind::Udp`](crate::offload::GsoKind)) if the sender at the
/// far end leaves cutting them to its network card, as QUIC does. Whoever looks at datagrams cuts these first.
pub struct PacketPort {
    socket: File,
    statistics: Statistics,
}

impl PacketPort {
    /// Attaches to the interface `name` in the network namespace of the calling thread.
    ///
    /// # Errors
    /// There is no such interface, or the kernel's, with what to do about it.
    pub fn open(name: &str) -> io::Result<Self> {
        let statistics = Statistics::open(name)?;
        let open = || {
            let socket = packet::open()?;
            let fd = socket.as_fd();
            for option in [libc::PACKET_VNET_HDR, libc::PACKET_AUXDATA, libc::PACKET_IGNORE_OUTGOING] {
                packet::set_packet_option(fd, option, 1)?;
            }
            packet::set_buffers(fd, QUEUE_BYTES)?;
            packet::set_promiscuous(fd, statistics.index())?;
            packet::bind(fd, statistics.index())?;
            Ok(socket)
        };
        let socket = open().map_err(|error| packet_error(name, &error))?;
        Ok(Self { socket: File::from(socket), statistics })
    }
}

impl Port for PacketPort {
    fn name(&self) -> &str {
        self.statistics.name()
    }

    fn takes_offload(&self) -> bool {
        true
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        let mut header = [0; Offload::HEADER_LEN];
        // Room for the tag that the kernel took out.
        let room = buffer.len().saturating_sub(VLAN_LEN);
        loop {
            let beside = match packet::receive(self.as_fd(), &mut header, &mut buffer[..room]) {
                Ok(beside) => beside,
                // Its header cannot say what the frame needs: tunnelled segments, for instance.
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {
                    self.statistics.count_unreadable(1);
                    continue;
                }
                // Said once when the interface goes down; it is heard again once it is up.
                Err(error) if error.raw_os_error() == Some(libc::ENETDOWN) => return Ok(None),
                Err(error) => return nothing_or(error),
            };
            let len =
                beside.len.checked_sub(Offload::HEADER_LEN).filter(|len| (MACS_LEN..=room).contains(len));
            match (len, Offload::parse(&header)) {
                (Some(len), Ok(offload)) => {
                    let received = Received { len, offload };
                    return Ok(Some(beside.vlan.map_or(received, |tag| put_back(buffer, received, tag))));
                }
                _ => self.statistics.count_unreadable(1),
            }
        }
    }

    fn send(&self, frame: &[u8], offload: Offload) -> io::Result<()> {
        let mut header = [0; Offload::HEADER_LEN];
        offload.emit(&mut header);
        let written = (&self.socket).write_vectored(&[IoSlice::new(&header), IoSlice::new(frame)]);
        written.map(|_| ()).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOBUFS) => {
                // The receiver's queue is full: the interface counts the frame as well.
                self.statistics.count_refused();
                io::Error::from_raw_os_error(libc::EAGAIN)
            }
            Some(libc::ENETDOWN) => io::Error::from_raw_os_error(libc::EIO),
            _ => error,
        })
    }

    fn is_up(&self) -> io::Result<bool> {
        self.statistics.is_up()
    }

    fn lost(&self) -> io::Result<Lost> {
        // The kernel forgets what it has told.
        self.statistics.count_unreadable(u64::from(packet::take_drops(self.as_fd())?));
        let dropped = self.statistics.dropped()?;
        Ok(Lost {
            rx: dropped.received + self.statistics.unreadable(),
            tx: dropped.sent.saturating_sub(self.statistics.refused()),
        })
    }
}

impl AsFd for PacketPort {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Puts a VLAN tag back behind the MAC addresses; what is counted from the frame's beginning moves with it.
fn put_back(buffer: &mut [u8], received: Received, (tpid, tci): (u16, u16)) -> Received {
    buffer.copy_within(MACS_LEN..received.len, MACS_LEN + VLAN_LEN);
    buffer[MACS_LEN..MACS_LEN + 2].copy_from_slice(&tpid.to_be_bytes());
    buffer[MACS_LEN + 2..MACS_LEN + VLAN_LEN].copy_from_slice(&tci.to_be_bytes());
    let mut offload = received.offload;
    if let Some(partial) = &mut offload.checksum {
        partial.start = partial.start.saturating_add(VLAN_LEN as u16);
    }
    if let Some(gso) = &mut offload.gso {
        gso.header_len = gso.header_len.saturating_add(VLAN_LEN as u16);
    }
    Received { len: received.len + VLAN_LEN, offload }
}
