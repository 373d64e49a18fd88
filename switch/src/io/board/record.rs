//! Frames at ports with a capture: each is recorded with what became of it, in words that Wireshark shows beside it. Ports without
//! one come here only by the copies that leave by a port with one.

use super::Shared;
use super::later::Copy;
use super::out::Out;
use super::services::Slot;
use crate::anchor::{Cause, Taken};
use crate::capture::Direction;
use crate::table::{Action, Flow};
use zerogap_proto::{DropReason, PortId, ServiceId};

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
            let by = self.flow.map_or(String::new(), |flow| format!(", {}", way(flow)));
            recorder.record(Direction::Outbound, frame, format!("from {}{by}", name(self.mine.id)));
        }
    }

    /// The frame itself, once all is done with it.
    #[cold]
    pub(super) fn record_arrival(&mut self, frame: &[u8]) {
        if self.copies == 0 && !self.taken {
            self.tell(&format!("dropped: {}", self.refused.name()));
        }
        let by = self.flow.map_or(String::new(), |flow| format!("{}, ", way(flow)));
        let story = self.story.take().unwrap_or_default();
        if let Some(recorder) = &self.shared.captures[usize::from(self.mine.id.0)] {
            recorder.record(Direction::Inbound, frame, by + &story);
        }
    }
}

/// A flow, and the groups and meters that it leads through.
fn way(flow: &Flow) -> String {
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

/// What a service does with frames, beside what flows do.
impl Out<'_> {
    /// What became of the frame under way at a service.
    pub(super) fn tell_taken(&mut self, id: ServiceId, slot: &Slot, taken: Taken) {
        if self.story.is_none() {
            return;
        }
        let what = match taken {
            Taken::Request(offset) => format!("request {}", offset.0),
            Taken::Answer { server, offset, agrees } => {
                let agrees = match agrees {
                    Some(true) => ", the answers agree",
                    Some(false) => ", THE ANSWERS DIFFER",
                    None => "",
                };
                format!("answer {} of {}{agrees}", offset.0, slot.name(server))
            }
            Taken::Word(server) => format!("word of {}", slot.name(server)),
            Taken::Asked => "asked".to_owned(),
        };
        self.tell(&format!("service {}: {what}", id.0));
    }

    /// A copy that is written as soon as the service is free.
    pub(super) fn tell_waits(&mut self, slot: &Slot, exit: PortId, cause: Cause) {
        if self.story.is_some() {
            let name = self.shared.ports[usize::from(exit.0)].name();
            self.tell(&format!("{} next to {name}", words(slot, cause)));
        }
    }

    /// A frame that a service has sent because of the frame under way.
    #[cold]
    pub(super) fn record_service_copy(
        &mut self,
        (id, slot): (ServiceId, &Slot),
        exit: PortId,
        frame: &[u8],
        cause: Cause,
        sent: Result<(), DropReason>,
    ) {
        let (name, what) = (self.shared.ports[usize::from(exit.0)].name(), words(slot, cause));
        match sent {
            Ok(()) => self.tell(&format!("{what} to {name}")),
            Err(reason) => self.tell(&format!("{what} not to {name}: {}", reason.name())),
        }
        let origin = format!("from {}, ", self.shared.ports[usize::from(self.mine.id.0)].name());
        record_own(self.shared, id, exit, frame, origin + &what, sent);
    }
}

/// A frame that had to wait, or that a service has sent because it was time.
pub(super) fn record_waited(
    shared: &Shared,
    (id, slot): (ServiceId, &Slot),
    copy: &Copy,
    sent: Result<(), DropReason>,
) {
    if shared.captures[usize::from(copy.exit.0)].is_none() {
        return;
    }
    let from = copy.from.map(|port| format!("from {}, ", shared.ports[usize::from(port.0)].name()));
    let what = from.unwrap_or_else(|| "overdue, ".to_owned()) + &words(slot, copy.cause);
    record_own(shared, id, copy.exit, &copy.frame, what, sent);
}

fn record_own(
    shared: &Shared,
    id: ServiceId,
    exit: PortId,
    frame: &[u8],
    what: String,
    sent: Result<(), DropReason>,
) {
    if let (Some(recorder), Ok(())) = (&shared.captures[usize::from(exit.0)], sent) {
        recorder.record(Direction::Outbound, frame, format!("service {}: {what}", id.0));
    }
}

fn words(slot: &Slot, cause: Cause) -> String {
    match cause {
        Cause::Request { server, offset, again } => {
            format!("request {}{} for {}", offset.0, if again { " again" } else { "" }, slot.name(server))
        }
        Cause::Answer { server, offset } => format!("answer {} of {}", offset.0, slot.name(server)),
        Cause::Reply => "reply".to_owned(),
    }
}
