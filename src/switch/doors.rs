//! Where a running switch can be asked something: sockets that are served by one thread, beside its other work. A connection
//! carries one request and one answer, which may go on for as long as somebody reads it; how many there are, how long each may take and how long a request may be is bounded, so
//! nobody who asks can hold up anything but other askers.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use zerogap_proto::{Duration, Instant};

/// Connections of one door at once; others wait in the kernel.
const CONNECTIONS_MAX: usize = 16;
/// From a connection's beginning to its end.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read at once.
const CHUNK_LEN: usize = 1 << 16;

/// One way to ask.
pub(super) struct Door<'a> {
    /// Takes the next connection, if there is one; its stream does not block.
    pub(super) accept: Box<dyn Fn() -> io::Result<Box<dyn Stream>> + 'a>,
    /// Where connections come.
    pub(super) listener: BorrowedFd<'a>,
    /// Whether this is a whole request.
    pub(super) is_whole: fn(&[u8]) -> bool,
    /// The longest request in bytes.
    pub(super) request_len_max: usize,
    /// The answer to a whole request, or to one that is too long (`None`).
    pub(super) answer: Box<Answering<'a>>,
}

/// From a request, or `None` for one that is too long, to an answer.
type Answering<'a> = dyn Fn(Option<&[u8]>) -> Said<'a> + 'a;

/// An answer.
pub(super) struct Said<'a> {
    /// What is said at once.
    pub(super) now: Vec<u8>,
    /// What there is to say further, each time it is looked; none: that was all.
    pub(super) more: Option<Box<dyn FnMut() -> Vec<u8> + 'a>>,
}

impl From<Vec<u8>> for Said<'_> {
    fn from(now: Vec<u8>) -> Self {
        Self { now, more: None }
    }
}

/// A connection's bytes.
pub(super) trait Stream: Read + Write + AsFd {}

impl<S: Read + Write + AsFd> Stream for S {}

/// All doors, and who stands in them.
pub(super) struct Doors<'a> {
    doors: Vec<Door<'a>>,
    connections: Vec<Connection<'a>>,
}

struct Connection<'a> {
    /// By its index.
    door: usize,
    stream: Box<dyn Stream>,
    until: Instant,
    request: Vec<u8>,
    /// What is still to be written, once the request is whole.
    answer: Option<(Vec<u8>, usize)>,
    /// Where more of it comes from.
    more: Option<Box<dyn FnMut() -> Vec<u8> + 'a>>,
}

impl<'a> Doors<'a> {
    pub(super) fn new(doors: Vec<Door<'a>>) -> Self {
        Self { doors, connections: Vec::new() }
    }

    /// Serves whoever asks, for `limit_ms` or until somebody has been served.
    pub(super) fn serve(&mut self, now: impl Fn() -> Instant, limit_ms: u16) {
        let open = self.open();
        self.connections.iter_mut().for_each(Connection::look_for_more);
        let listeners = open.iter().map(|door| PollFd::new(self.doors[*door].listener, PollFlags::POLLIN));
        let streams = self.connections.iter().map(|connection| {
            let wanted = if connection.answer.is_some() { PollFlags::POLLOUT } else { PollFlags::POLLIN };
            PollFd::new(connection.stream.as_fd(), wanted)
        });
        let mut fds: Vec<PollFd<'_>> = listeners.chain(streams).collect();
        // A signal ends it too: then whoever called looks whether it has to end.
        if poll(&mut fds, PollTimeout::from(limit_ms)).is_err() {
            return;
        }
        let now = now();
        let mut ready = fds.iter().map(|fd| fd.any().unwrap_or(true)).collect::<Vec<_>>().into_iter();
        let come: Vec<usize> = open.into_iter().filter(|_| ready.next() == Some(true)).collect();
        self.connections.retain_mut(|connection| {
            let is_ready = ready.next() == Some(true);
            let is_over = is_ready && connection.go_on(&self.doors[connection.door]).unwrap_or(true);
            !is_over && (now < connection.until || connection.more.is_some())
        });
        for door in come {
            // Who gave up meanwhile, or may not ask, is none of our business.
            if let Ok(stream) = (self.doors[door].accept)() {
                let (until, request) = (now + PATIENCE, Vec::new());
                self.connections.push(Connection { door, stream, until, request, answer: None, more: None });
            }
        }
    }

    /// The doors that take another connection.
    fn open(&self) -> Vec<usize> {
        let used = |door| self.connections.iter().filter(|connection| connection.door == door).count();
        (0..self.doors.len()).filter(|door| used(*door) < CONNECTIONS_MAX).collect()
    }
}

impl<'a> Connection<'a> {
    /// What there is to say further, once all before it is written.
    fn look_for_more(&mut self) {
        if let (None, Some(more)) = (&self.answer, &mut self.more) {
            self.answer = Some((more(), 0)).filter(|(bytes, _)| !bytes.is_empty());
        }
    }

    /// Reads or writes as much as there is; `true`: it is over.
    fn go_on(&mut self, door: &Door<'a>) -> io::Result<bool> {
        match self.work(door) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            other => other,
        }
    }

    fn work(&mut self, door: &Door<'a>) -> io::Result<bool> {
        let mut chunk = [0; CHUNK_LEN];
        while self.answer.is_none() {
            let len = self.stream.read(&mut chunk)?;
            if len == 0 || self.more.is_some() {
                return Ok(len == 0);
            }
            self.request.extend_from_slice(&chunk[..len]);
            let request = Some(&self.request[..]).filter(|request| request.len() <= door.request_len_max);
            if request.is_none_or(door.is_whole) {
                let said = (door.answer)(request);
                (self.answer, self.more) = (Some((said.now, 0)), said.more);
            }
        }
        while let Some((bytes, written)) = &mut self.answer
            && *written < bytes.len()
        {
            *written += self.stream.write(&bytes[*written..])?;
        }
        self.answer = None;
        Ok(self.more.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    /// How long a test waits for an answer that does not come.
    const TEST_PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

    /// A door that answers each line with its length, and who knocks.
    fn with_door(test: impl FnOnce(&mut Doors<'_>, &dyn Fn() -> UnixStream)) {
        let name = format!("zerogap.doors.{}.{:?}", std::process::id(), std::thread::current().id());
        let address = SocketAddr::from_abstract_name(name).expect("a name");
        let listener = UnixListener::bind_addr(&address).expect("a listener");
        let accept = || {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        let door = Door {
            accept: Box::new(accept),
            listener: listener.as_fd(),
            is_whole: |request| request.ends_with(b"\n"),
            request_len_max: 1_000,
            answer: Box::new(|request| {
                request.map_or("too long".to_owned(), |request| request.len().to_string()).into_bytes().into()
            }),
        };
        let knock = || {
            let stream = UnixStream::connect_addr(&address).expect("a connection");
            stream.set_read_timeout(Some(TEST_PATIENCE)).expect("a time-out");
            stream
        };
        test(&mut Doors::new(vec![door]), &knock);
    }

    fn at(ms: u64) -> impl Fn() -> Instant {
        move || Instant::ZERO + Duration::from_millis(ms)
    }

    fn answer(mut stream: UnixStream) -> String {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    #[test]
    fn a_request_may_come_in_pieces() {
        with_door(|doors, knock| {
            let mut stream = knock();
            for piece in ["show", " ports", "\n"] {
                stream.write_all(piece.as_bytes()).expect("written");
                doors.serve(at(0), 0);
                doors.serve(at(0), 0);
            }
            assert_eq!(answer(stream), "11");
        });
    }

    #[test]
    fn a_request_that_is_too_long_is_not_waited_for() {
        with_door(|doors, knock| {
            let mut stream = knock();
            stream.write_all(&[b'x'; 1_001]).expect("written");
            doors.serve(at(0), 0);
            doors.serve(at(0), 0);
            assert_eq!(answer(stream), "too long");
        });
    }

    #[test]
    fn who_says_nothing_keeps_others_out_only_for_a_while() {
        with_door(|doors, knock| {
            let silent: Vec<UnixStream> = (0..CONNECTIONS_MAX).map(|_| knock()).collect();
            silent.iter().for_each(|_| doors.serve(at(0), 0));
            let mut late = knock();
            late.write_all(b"\n").expect("written");
            doors.serve(at(4_999), 0);
            assert_eq!(doors.connections.len(), CONNECTIONS_MAX);
            for ms in [5_000, 5_001, 5_002] {
                doors.serve(at(ms), 0);
            }
            assert_eq!(answer(late), "1");
            assert!(silent.into_iter().all(|stream| answer(stream).is_empty()));
        });
    }
}
