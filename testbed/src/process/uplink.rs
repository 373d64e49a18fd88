//! The way up to the testbed: never waited for. What finds no room in the socket waits in a bounded queue; what finds no
//! room there is dropped and counted, and the count itself goes up as soon as there is room again.

use crate::process::wire::{Lost, Up};
use crate::sys::packet::{Packets, encode};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd};

/// Events and records that wait: half a minute of a client's.
const QUEUE_MAX: usize = 4_096;
/// Control messages find room when events and records no longer do.
const CONTROL_ROOM: usize = 256;

/// The sending side of a control socket.
#[derive(Debug)]
pub struct Uplink {
    socket: Packets,
    queue: VecDeque<Vec<u8>>,
    lost: Lost,
    lost_told: Lost,
}

impl Uplink {
    /// Sends by this socket.
    pub fn new(socket: Packets) -> Self {
        Self { socket, queue: VecDeque::new(), lost: Lost::default(), lost_told: Lost::default() }
    }

    /// The socket, for the way down.
    pub const fn socket(&self) -> &Packets {
        &self.socket
    }

    /// What was lost, for the driver to add what it loses.
    pub const fn lost_mut(&mut self) -> &mut Lost {
        &mut self.lost
    }

    /// Whether something waits for room.
    pub fn is_waiting(&self) -> bool {
        !self.queue.is_empty() || self.lost != self.lost_told
    }

    /// Sends a message, now or later, or drops it.
    ///
    /// # Errors
    /// The testbed is gone.
    pub fn send(&mut self, message: &Up) -> io::Result<()> {
        let weight = if let Up::Records(records) = message { records.len() as u64 } else { 1 };
        let (bound, counter) = match message {
            Up::Event { .. } => (QUEUE_MAX, &mut self.lost.events),
            Up::Records(_) => (QUEUE_MAX, &mut self.lost.records),
            Up::Control { .. } | Up::Ready | Up::Lost(_) => {
                (QUEUE_MAX + CONTROL_ROOM, &mut self.lost.controls)
            }
        };
        match encode(message) {
            Ok(bytes) if self.queue.len() < bound => self.queue.push_back(bytes),
            Ok(_) | Err(_) => *counter += weight,
        }
        self.send_waiting()
    }

    /// Sends what waits, as far as there is room.
    ///
    /// # Errors
    /// The testbed is gone.
    pub fn flush(&mut self) -> io::Result<()> {
        self.send_waiting()?;
        if self.queue.is_empty() && self.lost != self.lost_told {
            self.lost_told = self.lost;
            self.queue.push_back(encode(&Up::Lost(self.lost))?);
            self.send_waiting()?;
        }
        Ok(())
    }

    fn send_waiting(&mut self) -> io::Result<()> {
        while let Some(bytes) = self.queue.front() {
            match self.socket.try_send_encoded(bytes) {
                Ok(()) => drop(self.queue.pop_front()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl AsFd for Uplink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::packet::Received;
    use zerogap_proto::{Control, Event, Instant, NodeId};

    fn event() -> Up {
        Up::Event { at: Instant::ZERO, who: NodeId(1), event: Event::AgvStopped { client: NodeId(1) } }
    }

    fn control() -> Up {
        Up::Control { from: NodeId(1), to: NodeId(2), message: Control::Stop }
    }

    #[test]
    fn nobody_reading_never_blocks_and_every_loss_is_counted_and_told() {
        let (ours, theirs) = Packets::pair().unwrap();
        let mut up = Uplink::new(ours);
        let sent = 20_000;
        for _ in 0..sent {
            up.send(&event()).unwrap();
        }
        assert!(up.lost.events > 0, "more than fits must be lost");
        up.send(&control()).unwrap();
        assert_eq!(up.lost.controls, 0, "a control message still finds room");

        let (mut events, mut controls, mut lost) = (0, 0, None);
        while up.is_waiting() {
            up.flush().unwrap();
            while let Ok(Received::Message(message, _)) = theirs.try_receive() {
                match message {
                    Up::Event { .. } => events += 1,
                    Up::Control { .. } => controls += 1,
                    Up::Lost(told) => lost = Some(told),
                    Up::Ready | Up::Records(_) => panic!("nobody sent that"),
                }
            }
        }
        assert_eq!((events + up.lost.events, controls), (sent, 1));
        assert_eq!(lost, Some(up.lost));
    }

    #[test]
    fn a_testbed_that_is_gone_is_noticed() {
        let (ours, theirs) = Packets::pair().unwrap();
        drop(theirs);
        assert!(Uplink::new(ours).send(&event()).is_err());
    }
}
