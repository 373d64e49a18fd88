//! The doors of a switch: the socket of `zerogap ctl`, and that of who gathers metrics.

use super::control;
use super::doors::{Door, Said, Stream};
use super::metrics;
use crate::ctl::protocol::{Answer, REQUEST_LEN_MAX};
use crate::ctl::socket;
use crate::exit::{Code, Stopped};
use serde::Serialize;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use zerogap_switch::io::Board;
use zerogap_switch::table::PortNames;

/// Takes the name that `zerogap ctl` finds the switch by.
pub(super) fn listen(name: &str) -> Result<UnixListener, Stopped> {
    let open = || {
        let listener = UnixListener::bind_addr(&socket::address(name)?)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    open().map_err(|error: io::Error| {
        if error.kind() == io::ErrorKind::AddrInUse {
            let why =
                format!("there is a switch called {name} here already; call this one otherwise with --name");
            Stopped::new(Code::Usage, why)
        } else {
            Stopped::new(Code::Machine, format!("cannot listen for `zerogap ctl`: {error}"))
        }
    })
}

/// Takes the address that metrics are handed out at.
pub(super) fn listen_for_metrics(address: SocketAddr) -> Result<TcpListener, Stopped> {
    let open = || {
        let listener = TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let why = |error: io::Error| format!("cannot hand out metrics at {address}: {error}");
    open().map_err(|error| Stopped::new(Code::Usage, why(error)))
}

/// Where metrics are asked for.
pub(super) fn metrics<'a>(listener: &'a TcpListener, board: &'a Board) -> Door<'a> {
    let accept = || {
        let (stream, _) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    };
    Door {
        accept: Box::new(accept),
        listener: listener.as_fd(),
        is_whole: metrics::is_whole,
        request_len_max: metrics::REQUEST_LEN_MAX,
        answer: Box::new(|request| metrics::respond(request, board).into()),
    }
}

/// Where `zerogap ctl` asks.
pub(super) fn control<'a>(listener: &'a UnixListener, names: &'a PortNames, board: &'a Board) -> Door<'a> {
    let accept = || {
        let (stream, _) = listener.accept()?;
        socket::check_peer(&stream)?;
        stream.set_nonblocking(true)?;
        Ok(Box::new(stream) as Box<dyn Stream>)
    };
    let answer = move |request: Option<&[u8]>| {
        let answer = match request {
            Some(request) => control::answer(request, names, board),
            None => Answer::Refused(format!("a request has at most {REQUEST_LEN_MAX} bytes")),
        };
        let more = (answer == Answer::Listening).then(|| {
            let frames = board.listen();
            let lines =
                move || frames.try_iter().flat_map(|frame| line(&control::told(&frame, names))).collect();
            Box::new(lines) as Box<dyn FnMut() -> Vec<u8>>
        });
        Said { now: line(&answer), more }
    };
    Door {
        accept: Box::new(accept),
        listener: listener.as_fd(),
        is_whole: |request| request.ends_with(b"\n"),
        request_len_max: REQUEST_LEN_MAX,
        answer: Box::new(answer),
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut line = serde_json::to_vec(value).unwrap_or_default();
    line.push(b'\n');
    line
}
