//! Asking a running switch: one connection a question.

use super::protocol::{ANSWER_LEN_MAX, Answer, REQUEST_LEN_MAX, Request, State, What};
use super::socket;
use crate::exit::{Code, Stopped};
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long a switch may take for the next part of its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The switch of this name.
pub(super) struct Client<'a> {
    pub(super) name: &'a str,
}

impl Client<'_> {
    /// What it answers. A refusal is an error of the caller's.
    pub(super) fn ask(&self, request: &Request) -> Result<Answer, Stopped> {
        let mut line = serde_json::to_vec(request).map_err(|error| Stopped::new(Code::Failed, error))?;
        line.push(b'\n');
        if line.len() > REQUEST_LEN_MAX {
            let why = format!("the bundle is too long: a request has at most {REQUEST_LEN_MAX} bytes");
            return Err(Stopped::new(Code::Usage, why));
        }
        let answer = self.exchange(&line).map_err(|error| self.unreachable(&error))?;
        match serde_json::from_slice(&answer) {
            Ok(Answer::Refused(why)) => Err(Stopped::new(Code::Usage, why)),
            Ok(answer @ (Answer::State(_) | Answer::Applied(_) | Answer::Listening)) => Ok(answer),
            Err(error) => Err(self.strange(&error)),
        }
    }

    /// How things stand there.
    pub(super) fn show(&self, what: What) -> Result<State, Stopped> {
        match self.ask(&Request::Show(what))? {
            Answer::State(state) => Ok(*state),
            Answer::Applied(_) | Answer::Listening | Answer::Refused(_) => {
                Err(self.strange(&"it was asked for something else"))
            }
        }
    }

    /// The lines that it tells from now on.
    pub(super) fn listen(&self) -> Result<impl Iterator<Item = io::Result<String>>, Stopped> {
        let line = serde_json::to_string(&Request::Listen).map_err(|error| self.strange(&error))? + "\n";
        let begin = || {
            let stream = self.said(line.as_bytes())?;
            let mut lines = BufReader::new(stream);
            let mut first = String::new();
            lines.read_line(&mut first)?;
            lines.get_ref().set_read_timeout(None)?;
            Ok((first, lines))
        };
        let (first, lines) = begin().map_err(|error| self.unreachable(&error))?;
        match serde_json::from_str(&first) {
            Ok(Answer::Listening) => Ok(lines.lines()),
            Ok(Answer::Refused(why)) => Err(Stopped::new(Code::Usage, why)),
            Ok(Answer::State(_) | Answer::Applied(_)) => {
                Err(self.strange(&"it was asked for something else"))
            }
            Err(error) => Err(self.strange(&error)),
        }
    }

    /// A connection on which this has been said.
    fn said(&self, line: &[u8]) -> io::Result<UnixStream> {
        let mut stream = UnixStream::connect_addr(&socket::address(self.name)?)?;
        socket::check_peer(&stream)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.write_all(line)?;
        Ok(stream)
    }

    fn exchange(&self, line: &[u8]) -> io::Result<Vec<u8>> {
        let stream = self.said(line)?;
        let mut answer = Vec::new();
        stream.take(ANSWER_LEN_MAX).read_to_end(&mut answer)?;
        if answer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it does not answer this user"));
        }
        Ok(answer)
    }

    fn unreachable(&self, error: &io::Error) -> Stopped {
        let (name, kind) = (self.name, error.kind());
        let why = if kind == io::ErrorKind::ConnectionRefused {
            format!(
                "no switch called {name} runs in this network namespace; `zerogap switch --name {name}` starts one"
            )
        } else if kind == io::ErrorKind::WouldBlock {
            format!("the switch {name} does not answer within {} s", PATIENCE.as_secs())
        } else {
            format!("the switch {name} cannot be asked: {error}")
        };
        Stopped::new(Code::Failed, why)
    }

    fn strange(&self, error: &impl std::fmt::Display) -> Stopped {
        let why = format!(
            "the answer of the switch {} is not understood, is it another version? {error}",
            self.name
        );
        Stopped::new(Code::Failed, why)
    }
}
