//! What a transcript says of each event: a heading where a phase begins, otherwise who did what.

use crate::journal::{Entry, hex_digest};
use crate::names::Names;
use crate::size::Size;
use zerogap_proto::event::DropCause;
use zerogap_proto::message::Difference;
use zerogap_proto::{Event, Goal, NodeId, Outcome, Progress, Pull, ReviewTally, Round};

/// What is said of an event.
pub(super) enum Said {
    /// A phase begins.
    Heading(String),
    /// Who, and what.
    Line(String, String),
}

/// What is said of an entry of the journal.
pub(super) fn say(entry: &Entry, names: &Names) -> Said {
    if let Event::Phase { migration, phase, .. } = &entry.event {
        return Said::Heading(format!("{phase} (migration {})", migration.0));
    }
    let what = migration(&entry.event, names)
        .or_else(|| service(&entry.event, names))
        .unwrap_or_else(|| surroundings(&entry.event, names));
    if let Event::Begun { .. } = &entry.event {
        return Said::Heading(what);
    }
    Said::Line(names.name(who(entry)).into_owned(), what)
}

/// Whom the line is about: what the driver tells of somebody is his.
fn who(entry: &Entry) -> NodeId {
    if let Event::Fault { node: who, .. }
    | Event::ServerLost { server: who }
    | Event::ServerUp { server: who, .. } = entry.event
    {
        return who;
    }
    entry.who
}

/// What is part of a migration's course.
fn migration(event: &Event, names: &Names) -> Option<String> {
    let name = |node: &NodeId| names.name(*node).into_owned();
    let said = if let Event::Begun { migration, scheme, goal, snapshotter, targets, pinned, .. } = event {
        let targets: Vec<String> = targets.iter().map(name).collect();
        let goal = match goal {
            Goal::SwitchOver => "",
            Goal::Reseed => " as a standby",
        };
        let (scheme, source, targets) = (scheme.name(), name(snapshotter), targets.join(" and "));
        format!(
            "Migration {}: {scheme}, {source} to {targets}{goal}, the log kept from {pinned}",
            migration.0
        )
    } else if let Event::Marked { mark, .. } = event {
        format!("the mark is {mark}: all before it is in the snapshot")
    } else if let Event::Reading { server, from, head, .. } = event {
        format!("{} reads the log from {from}; its head is {head}", name(server))
    } else if let Event::Live { server, at, replayed, .. } = event {
        let replayed = plural(*replayed, "request");
        format!("{} has reached the head, {at}, after {replayed} behind it", name(server))
    } else if let Event::SwitchedOver { at, epoch, .. } = event {
        format!("X is {at}: from there on the targets' answers go out (epoch {})", epoch.0)
    } else if let Event::Ended { migration, outcome, review, .. } = event {
        format!("migration {} {}{}", migration.0, outcome_words(*outcome), tally(review))
    } else if let Event::Cut { mark, digest, .. } = event {
        format!("cuts a snapshot before {mark}, digest {}", hex_digest(*digest))
    } else if let Event::Restored { mark, digest, .. } = event {
        format!("has restored and scanned the state before {mark}, digest {}", hex_digest(*digest))
    } else if let Event::Frozen { server, .. } = event {
        format!("holds {}: requests wait in the log", name(server))
    } else if let Event::Thawed { server, waiting, .. } = event {
        format!("{} goes on; {} waited", name(server), plural(*waiting, "request"))
    } else if let Event::RoundDone { round, figures: Round { pages, bytes, took, dirty_pages }, .. } = event {
        let (pages, size) = (plural(*pages, "page"), Size(*bytes));
        format!("round {round}: {pages}, {size} in {took}; {dirty_pages} written meanwhile")
    } else if let Event::Sending { progress: Progress { bytes, total_bytes, .. }, .. } = event {
        format!("has sent {} of {}", Size(*bytes), Size(*total_bytes))
    } else if let Event::Usable { mark, .. } = event {
        format!("can go on from {mark}; it pulls the rest of the state")
    } else if let Event::Pulled { figures: Pull { pages, faults, blocked, .. }, .. } = event {
        let (pages, faults) = (plural(*pages, "page"), plural(*faults, "fault"));
        format!("has pulled {pages} with {faults}, and waited for {blocked}")
    } else if let Event::JobFailed { reason, .. } = event {
        format!("gives up: {reason}")
    } else {
        return None;
    };
    Some(said)
}

/// What the anchor sees of the servers.
fn service(event: &Event, names: &Names) -> Option<String> {
    let name = |node: &NodeId| names.name(*node).into_owned();
    let said = if let Event::Promoted { from, to, epoch, .. } = event {
        format!("{} is the primary in place of {} (epoch {})", name(to), name(from), epoch.0)
    } else if let Event::FailedOver { offset, missing, released, .. } = event {
        format!("{}'s answer to {offset} goes out: {}'s is missing", name(released), name(missing))
    } else if let Event::Absent { server, offset, .. } = event {
        format!("{} has missed several answers in a row, the last to {offset}", name(server))
    } else if let Event::Back { server, offset, .. } = event {
        format!("{} answers again, {offset}", name(server))
    } else if let Event::Disagreed { server, offset, difference: Difference { at, len }, .. } = event {
        let bytes = plural(u64::from(*len), "byte");
        format!("{}'s answer to {offset} differs from what went out, in {bytes} from byte {at}", name(server))
    } else if let Event::Quarantined { server, .. } = event {
        format!("{} is not believed from now on", name(server))
    } else if let Event::ReaderDropped { server, why, .. } = event {
        format!("{} has no part in the service any more: {}", name(server), cause(*why))
    } else if let Event::LogFull { head, .. } = event {
        format!("the log is full at {head}: requests are refused until there is room")
    } else if let Event::Refused { refusal, .. } = event {
        format!("refuses an order: {refusal}")
    } else {
        return None;
    };
    Some(said)
}

/// Everything else: the client's ways, processes, faults.
fn surroundings(event: &Event, names: &Names) -> String {
    let name = |node: &NodeId| names.name(*node).into_owned();
    match event {
        Event::Associated { ap, .. } => format!("associates with {}", name(ap)),
        Event::PacketIn { client, waiting: false, .. } => format!("{} comes in here", name(client)),
        Event::PacketIn { client, waiting: true, .. } => {
            format!("{} comes in here; its frames wait for the SDN controller", name(client))
        }
        Event::Reset { incarnation, .. } => format!("forgets its state and begins life {}", incarnation.0),
        Event::ScrubFailed { .. } => "its scrub finds memory that is not what the digest says".into(),
        Event::BitFlipped { byte, bit, .. } => format!("bit {bit} of byte {byte} of its memory flips"),
        Event::ServerLost { .. } => "its process has ended".into(),
        Event::ServerUp { incarnation, .. } => format!("a new process, life {}", incarnation.0),
        Event::Fault { what, .. } => format!("fault: {what}"),
        Event::AgvStopped { .. } => "stops: an answer is late".into(),
        Event::AgvResumed { .. } => "drives on".into(),
        Event::ClientDone { .. } => "has sent its last request and closed its records".into(),
        Event::ControllerStarted { .. } => "starts, knows nothing, and asks".into(),
        // The rest is told by those before.
        Event::Begun { .. }
        | Event::Phase { .. }
        | Event::Marked { .. }
        | Event::Reading { .. }
        | Event::Live { .. }
        | Event::SwitchedOver { .. }
        | Event::Ended { .. }
        | Event::Promoted { .. }
        | Event::FailedOver { .. }
        | Event::Absent { .. }
        | Event::Back { .. }
        | Event::Disagreed { .. }
        | Event::Quarantined { .. }
        | Event::ReaderDropped { .. }
        | Event::LogFull { .. }
        | Event::Refused { .. }
        | Event::Cut { .. }
        | Event::Frozen { .. }
        | Event::Thawed { .. }
        | Event::RoundDone { .. }
        | Event::Sending { .. }
        | Event::Usable { .. }
        | Event::Pulled { .. }
        | Event::Restored { .. }
        | Event::JobFailed { .. } => String::new(),
    }
}

fn outcome_words(outcome: Outcome) -> String {
    match outcome {
        Outcome::Complete => "is complete".into(),
        Outcome::Aborted(reason) => format!("is aborted: {}", reason.name()),
    }
}

/// What the review counted, if there was one.
fn tally(review: &ReviewTally) -> String {
    let ReviewTally { required, agreed, disagreed, absent } = review;
    if *required == 0 {
        return String::new();
    }
    format!("; {agreed} of {required} agreed, {disagreed} disagreed, {absent} absent")
}

const fn cause(why: DropCause) -> &'static str {
    match why {
        DropCause::ProcessEnded => "its process has ended",
        DropCause::Lagged => "it fell behind",
        DropCause::Forgot => "it no longer remembers what is needed",
        DropCause::Aborted => "its migration was aborted",
        DropCause::Released => "it was replaced",
    }
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
