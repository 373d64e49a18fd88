//! Effects in words, one line each, so that a test reads like the transcript of what the anchor did.

use super::{P, S, T, U, V, life, open};
use zerogap_proto::{Event, Incarnation, NodeId, Outcome};
use zerogap_switch::service::Effect;

pub(crate) fn name(server: NodeId) -> String {
    let cast = [(P, "P"), (S, "S"), (T, "T"), (U, "U"), (V, "V")];
    cast.into_iter().find(|(node, _)| *node == server).map_or(server.to_string(), |(_, name)| name.into())
}

/// Who lives this life: a target's restored life is its first with something added.
pub(crate) fn who(incarnation: Incarnation) -> NodeId {
    let lived = |server: &NodeId| incarnation.0 >> 16 == life(*server).0 >> 16;
    [P, S, T, U, V].into_iter().find(lived).expect("a life of the cast")
}

/// `None` for what controllers are told, which tests look up in the status instead.
pub(crate) fn line(effect: &Effect) -> Option<String> {
    match effect {
        Effect::ToServer(copy) => {
            let stamp = open(&copy.to_frame()).1.stamp;
            let again = if stamp.replayed { " again" } else { "" };
            Some(format!("{} to {}{again}", stamp.offset, name(copy.server)))
        }
        Effect::ToClient(released) => {
            let message = open(&released.frame).1;
            let from = who(message.stamp.incarnation);
            assert_eq!((from, message.stamp.offset), (released.server, released.offset));
            Some(format!("{} of {} to the client at {}", message.sequence, name(from), released.port))
        }
        Effect::Event(event) => Some(event_line(event)),
        Effect::StatusChanged => None,
    }
}

#[allow(clippy::wildcard_enum_match_arm, reason = "events that no test speaks of stay as they are")]
fn event_line(event: &Event) -> String {
    match event {
        Event::Begun { migration, pinned, .. } => format!("{migration} begun, pinned at {pinned}"),
        Event::Phase { phase, .. } => format!("phase {phase}"),
        Event::Marked { mark, .. } => format!("marked at {mark}"),
        Event::Reading { server, from, .. } => format!("{} reads from {from}", name(*server)),
        Event::Live { server, .. } => format!("{} is live", name(*server)),
        Event::SwitchedOver { at, epoch, .. } => format!("switched over at {at}, {epoch}"),
        Event::Ended { outcome: Outcome::Complete, .. } => "complete".into(),
        Event::Ended { outcome: Outcome::Aborted(reason), .. } => format!("aborted: {}", reason.name()),
        Event::Promoted { from, to, epoch, .. } => {
            format!("{} promoted instead of {}, {epoch}", name(*to), name(*from))
        }
        Event::FailedOver { offset, missing, .. } => {
            format!("failed over at {offset}, {} is missing", name(*missing))
        }
        Event::Absent { server, .. } => format!("{} is absent", name(*server)),
        Event::Back { server, .. } => format!("{} is back", name(*server)),
        Event::Disagreed { server, offset, .. } => format!("{} disagrees at {offset}", name(*server)),
        Event::Quarantined { server, .. } => format!("{} is quarantined", name(*server)),
        Event::ReaderDropped { server, why, .. } => format!("{} dropped: {why:?}", name(*server)),
        Event::Frozen { server, .. } => format!("{} is frozen", name(*server)),
        Event::Thawed { server, waiting, .. } => format!("{} goes on, {waiting} waiting", name(*server)),
        Event::LogFull { head, .. } => format!("log full at {head}"),
        Event::Refused { refusal, .. } => format!("refused: {refusal:?}"),
        other => format!("{other:?}"),
    }
}
