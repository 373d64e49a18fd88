//! The frames of a run as lines for its transcript: what comes in where. Bounded; what comes after the bound is counted.

use crate::observe::Observer;
use zerogap_proto::frame::{Datagram, HEADERS_LEN};
use zerogap_proto::{Frame, Input, Instant, Kind, Message, NodeId};
use zerogap_scenario::Scenario;
use zerogap_scenario::transcript::Line;

/// Lines that are kept unless told otherwise.
pub const LINES_MAX: usize = 100_000;

/// Writes down what comes in where.
#[derive(Debug)]
pub struct Frames<'a> {
    scenario: &'a Scenario,
    lines: Vec<Line>,
    lines_max: usize,
    dropped: u64,
    last: Instant,
}

impl<'a> Frames<'a> {
    /// Of a run of this scenario, at most so many.
    pub const fn new(scenario: &'a Scenario, lines_max: usize) -> Self {
        Self { scenario, lines: Vec::new(), lines_max, dropped: 0, last: Instant::ZERO }
    }

    /// The lines in the order of time; the last one says how many more there were.
    pub fn into_lines(mut self) -> Vec<Line> {
        if self.dropped > 0 {
            let what = format!("{} further frames are not shown", self.dropped);
            self.lines.push(Line { at: self.last, who: String::new(), what });
        }
        self.lines
    }

    fn add(&mut self, at: Instant, node: NodeId, what: impl FnOnce() -> String) {
        self.last = at;
        if self.lines.len() < self.lines_max {
            let who = self.scenario.topology.names.name(node).into_owned();
            self.lines.push(Line { at, who, what: what() });
        } else {
            self.dropped += 1;
        }
    }
}

impl Observer for Frames<'_> {
    fn given(&mut self, at: Instant, node: NodeId, input: &Input<'_>) {
        match input {
            Input::Frame { port, frame } => self.add(at, node, || format!("{port} ◀ {}", frame_words(frame))),
            Input::Datagram { from, payload } => {
                self.add(at, node, || format!("{from} ◀ {}", message_words(payload)));
            }
            Input::Start | Input::Control { .. } | Input::Wake(_) | Input::JobDone { .. } => {}
        }
    }
}

fn frame_words(frame: &Frame) -> String {
    match Datagram::parse(frame) {
        Some(datagram) if datagram.payload_at == HEADERS_LEN => {
            let Datagram { src, dst, payload, .. } = datagram;
            format!("{src} to {dst}: {}", message_words(payload))
        }
        Some(_) | None => format!("a frame of {} bytes", frame.len()),
    }
}

/// What a datagram says.
fn message_words(payload: &[u8]) -> String {
    let Some(Message { kind, sequence, stamp, .. }) = Message::parse(payload) else {
        return format!("a datagram of {} bytes", payload.len());
    };
    let (number, life, epoch, offset) = (sequence.0, stamp.incarnation, stamp.epoch, stamp.offset);
    let again = if stamp.replayed { ", replayed" } else { "" };
    match kind {
        Kind::Request if stamp == zerogap_proto::Stamp::default() => format!("request {number}"),
        Kind::Request => format!("request {number} as {offset} for life {life}, epoch {epoch}{again}"),
        Kind::Answer => format!("answer to request {number}, {offset}{again}"),
        Kind::Expect => format!("expects {offset}"),
        Kind::Forgotten => format!("has forgotten {offset}"),
    }
}
