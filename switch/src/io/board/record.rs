//! Frames at ports with a capture: each is recorded with what became of it, in words that Wireshark shows beside it. Ports without
//! one come here only by the copies that leave by a port with one.

use super::out::Out;
use crate::capture::Direction;
use crate::table::{Action, Flow};
use zerogap_proto::{DropReason, PortId};

impl Out<'_> {
    /// Adds to what is said about the frame, if anything is.
    pub(super) fn tell(&mut self, what: &str) {
        if let Some(story) = &mut self.story {
            if !story.is_empty() {
                story.push_str(", ");
            }
            story.push_str(what);
        }
    }

    /// A copy that was meant for `exit`.
    #[cold]
    pub(super) fn record_copy(&mut self, exit: PortId, frame: &[u8], sent: Result<(), DropReason>) {
        let shared = self.shared;
        let name = |port: PortId| shared.ports[usize::from(port.0)].name();
        match sent {
            Ok(()) => self.tell(&format!("to {}", name(exit))),
            Err(reason) => self.tell(&format!("not to {}: {}", name(exit), reason.name())),
        }
        if let (Some(recorder), Ok(())) = (&shared.captures[usize::from(exit.0)], sent) {
            let by = self.flow.map_or(String::new(), |flow| format!(", {}", words(flow)));
            recorder.record(Direction::Outbound, frame, format!("from {}{by}", name(self.mine.id)));
        }
    }

    /// The frame itself, once all is done with it.
    #[cold]
    pub(super) fn record_arrival(&mut self, frame: &[u8]) {
        if self.copies == 0 {
            self.tell(&format!("dropped: {}", self.refused.name()));
        }
        let by = self.flow.map_or(String::new(), |flow| format!("{}, ", words(flow)));
        let story = self.story.take().unwrap_or_default();
        if let Some(recorder) = &self.shared.captures[usize::from(self.mine.id.0)] {
            recorder.record(Direction::Inbound, frame, by + &story);
        }
    }
}

/// A flow, and the groups and meters that it leads through.
fn words(flow: &Flow) -> String {
    let mut words = format!("flow {}", flow.id());
    for action in flow.actions() {
        if let Action::Group(id) = action {
            words += &format!(" group {id}");
        } else if let Action::Meter(id) = action {
            words += &format!(" meter {id}");
        }
    }
    words
}
