//! Ports whose other ends the tests hold.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{MsgFlags, recv, send};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::Duration;
use zerogap_switch::io::{Board, BoardOptions, Lost, Port, Received, Wait};
use zerogap_switch::offload::Offload;
use zerogap_switch::table::Tables;

/// One end is the switch's.
struct Near {
    name: String,
    socket: UnixDatagram,
}

impl AsFd for Near {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Port for Near {
    fn name(&self) -> &str {
        &self.name
    }

    fn takes_offload(&self) -> bool {
        false
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<Received>> {
        match self.socket.recv(buffer) {
            Ok(len) => Ok(Some(Received { len, offload: Offload::default() })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn send(&self, frame: &[u8], _offload: Offload) -> io::Result<()> {
        // As TAPs do: a port that blocked would stop the worker.
        Ok(send(self.socket.as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT).map(drop)?)
    }

    fn is_up(&self) -> io::Result<bool> {
        Ok(true)
    }

    fn lost(&self) -> io::Result<Lost> {
        Ok(Lost::default())
    }
}

/// The ends that a test holds.
pub(crate) struct Far(Vec<UnixDatagram>);

pub(crate) const OPTIONS: BoardOptions = BoardOptions {
    workers: 16,
    wait: Wait::Block,
    cores: Vec::new(),
    storm_limit: 0,
    age_max_s: 300,
    captures: Vec::new(),
    services: Vec::new(),
};

/// A switch of so many ports.
pub(crate) fn board(ports: usize, tables: Tables, options: BoardOptions) -> (Board, Far) {
    let pairs = (0..ports).map(|n| {
        let (near, far) = UnixDatagram::pair().expect("a socket pair");
        near.set_nonblocking(true).expect("no blocking");
        far.set_read_timeout(Some(Duration::from_millis(300))).expect("a time-out");
        (Arc::new(Near { name: format!("p{n}"), socket: near }) as Arc<dyn Port>, far)
    });
    let (near, far) = pairs.unzip();
    (Board::start(near, tables, options).expect("a switch"), Far(far))
}

/// A frame between stations 1, 2, … (0: to all) that carries a number.
pub(crate) fn frame(from: u8, to: u8, number: u32) -> Vec<u8> {
    let dst = if to == 0 { [0xff; 6] } else { [2, 0, 0, 0, 0, to] };
    [&dst[..], &[2, 0, 0, 0, 0, from], &[0x88, 0xb5], &number.to_be_bytes()].concat()
}

impl Far {
    /// The station of port `port` sends; `false`: the queue is full.
    pub(crate) fn send(&self, port: usize, frame: &[u8]) -> bool {
        send(self.0[port].as_raw_fd(), frame, MsgFlags::MSG_DONTWAIT).is_ok()
    }

    /// What comes to the station next: its number, if anything comes in time.
    pub(crate) fn receive(&self, port: usize) -> Option<u32> {
        let mut buffer = [0; 64];
        let len = self.0[port].recv(&mut buffer).ok()?;
        Some(u32::from_be_bytes(buffer[14..len].try_into().expect("one of these frames")))
    }

    /// Whether something is waiting for the station.
    pub(crate) fn has(&self, port: usize) -> bool {
        let mut byte = [0];
        recv(self.0[port].as_raw_fd(), &mut byte, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_PEEK).is_ok()
    }

    /// Waits until something comes to one of two stations; whether it is the first.
    pub(crate) fn is_next(&self, first: usize, second: usize) -> bool {
        let mut fds = [first, second].map(|port| PollFd::new(self.0[port].as_fd(), PollFlags::POLLIN));
        poll(&mut fds, PollTimeout::from(5_000_u16)).expect("something comes");
        self.has(first)
    }
}
