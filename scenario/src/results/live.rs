//! The lines that people see while a run is under way: one as each phase is entered, and one for whatever else they would
//! ask about afterwards. Everything else is in the journal.

use super::report::size;
use super::verdict::plural;
use crate::names::Names;
use zerogap_proto::{AbortReason, Event, Instant, Outcome, Phase, Progress, Pull, Round};

/// A live line: time, what happened, a note: `  1.234 s  Review       20 agreements wanted`.
pub fn phase_line(at: Instant, what: &str, note: &str) -> String {
    let seconds = at.as_nanos() as f64 / 1e9;
    format!("{seconds:>7.3} s  {what:<12} {note}").trim_end().to_owned()
}

/// The live line of an event, if it is worth one. `agreements` is how many the review wants.
pub fn event_line(at: Instant, event: &Event, names: &Names, agreements: u32) -> Option<String> {
    let name = |node| names.name(node);
    let (what, note) = match event {
        Event::PacketIn { client, switch, .. } => {
            ("Handover", format!("{} now comes in by {}", name(*client), name(*switch)))
        }
        Event::Begun { scheme, snapshotter, targets, .. } => {
            let targets: Vec<_> = targets.iter().map(|t| name(*t)).collect();
            ("Migration", format!("{}, {} to {}", scheme.name(), name(*snapshotter), targets.join(" and ")))
        }
        Event::Phase { phase, .. } => (phase.name(), phase_note(*phase, agreements)),
        Event::Ended { outcome: Outcome::Aborted(reason), .. } => ("Aborted", aborted_note(*reason)),
        Event::Promoted { from, to, .. } => {
            ("Promoted", format!("{} in place of {}", name(*to), name(*from)))
        }
        Event::RoundDone { round, figures, .. } => ("Round", round_note(*round, figures)),
        Event::Sending { server, progress, .. } => ("Sending", progress_note(&name(*server), progress)),
        Event::Pulled { server, figures, .. } => ("Pulled", pull_note(&name(*server), figures)),
        Event::ServerLost { server } => ("Server lost", name(*server).into_owned()),
        Event::Quarantined { server, .. } => ("Quarantined", format!("{} is not believed", name(*server))),
        Event::Fault { node, what } => ("Fault", format!("{}: {what}", name(*node))),
        Event::AgvStopped { client } => ("Stopped", format!("{}: an answer is late", name(*client))),
        Event::AgvResumed { client } => ("Resumed", name(*client).into_owned()),
        Event::Ended { outcome: Outcome::Complete, .. }
        | Event::Associated { .. }
        | Event::Marked { .. }
        | Event::Frozen { .. }
        | Event::Thawed { .. }
        | Event::Usable { .. }
        | Event::Reading { .. }
        | Event::Live { .. }
        | Event::SwitchedOver { .. }
        | Event::FailedOver { .. }
        | Event::Absent { .. }
        | Event::Back { .. }
        | Event::Disagreed { .. }
        | Event::ReaderDropped { .. }
        | Event::LogFull { .. }
        | Event::Refused { .. }
        | Event::Cut { .. }
        | Event::Restored { .. }
        | Event::JobFailed { .. }
        | Event::Reset { .. }
        | Event::ScrubFailed { .. }
        | Event::BitFlipped { .. }
        | Event::ServerUp { .. }
        | Event::ClientDone { .. }
        | Event::ControllerStarted { .. } => return None,
    };
    Some(phase_line(at, what, &note))
}

fn aborted_note(reason: AbortReason) -> String {
    let after = match reason {
        AbortReason::SourceLostInPull => "the state is gone, and the service with it",
        AbortReason::AllLost => "nobody is left who could answer",
        AbortReason::TargetLost
        | AbortReason::TransferFailed
        | AbortReason::DigestMismatch
        | AbortReason::Disagreement
        | AbortReason::TooManyAbsences
        | AbortReason::Deadline
        | AbortReason::PhaseTimeout
        | AbortReason::SourceLost
        | AbortReason::NoStandby
        | AbortReason::LogOverflow
        | AbortReason::FellBack
        | AbortReason::NotConverged
        | AbortReason::Requested => "the source goes on",
    };
    format!("{}; {after}", reason.name())
}

fn phase_note(phase: Phase, agreements: u32) -> String {
    match phase {
        Phase::Initial | Phase::Handover => String::new(),
        Phase::Prepare => "the targets get ready".to_owned(),
        Phase::Rounds => "the state is copied while the source serves".to_owned(),
        Phase::Freeze => "the source is frozen: requests wait in the log".to_owned(),
        Phase::Snapshot => "cutting a snapshot between two requests".to_owned(),
        Phase::Transfer => "the state travels to the targets".to_owned(),
        Phase::Restore => "the targets scan what they received".to_owned(),
        Phase::Replay => "the targets catch up from the log".to_owned(),
        Phase::Review => format!("{} wanted", plural(u64::from(agreements), "agreement")),
        Phase::SwitchOver => "from here on the targets' answers go out".to_owned(),
        Phase::Pull => "the targets serve and pull what is left of the state".to_owned(),
        Phase::Complete => "the targets serve".to_owned(),
    }
}

fn round_note(round: u32, figures: &Round) -> String {
    let Round { pages, bytes, took, dirty_pages } = figures;
    let size = size(*bytes);
    format!("{round}: {} sent, {size} in {took}; written meanwhile: {dirty_pages}", plural(*pages, "page"))
}

/// How far, how fast, how long still.
fn progress_note(server: &str, progress: &Progress) -> String {
    let Progress { bytes, total_bytes, took } = *progress;
    let seconds = took.as_nanos() as f64 / 1e9;
    let (sent, total) = (size(bytes), size(total_bytes));
    if bytes == 0 || seconds == 0.0 {
        return format!("{server}: {sent} of {total}");
    }
    let rate = bytes as f64 / seconds;
    let left = total_bytes.saturating_sub(bytes) as f64 / rate;
    format!("{server}: {sent} of {total}, {:.0} Mbit/s, {left:.1} s left", rate * 8.0 / 1e6)
}

fn pull_note(server: &str, figures: &Pull) -> String {
    let Pull { pages, faults, blocked, .. } = figures;
    let (pages, faults) = (plural(*pages, "page"), plural(*faults, "fault"));
    format!("{server}: {pages} after the switch-over; {faults}, blocked for {blocked} in all")
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::{MigrationId, NodeId, Offset, ReviewTally, ServiceId};

    fn line(event: &Event) -> Option<String> {
        let names = Names::new(["agv", "s2"].map(String::from).into());
        event_line(Instant::from_nanos(1_234_000_000), event, &names, 20)
    }

    #[test]
    fn phases_faults_and_aborts_have_a_line_and_routine_has_none() {
        let (service, migration) = (ServiceId(0), MigrationId(1));
        let review = Event::Phase { service, migration, phase: Phase::Review };
        assert_eq!(line(&review).unwrap(), "  1.234 s  Review       20 agreements wanted");
        let packet_in = Event::PacketIn { client: NodeId(0), switch: NodeId(1), waiting: false };
        assert_eq!(line(&packet_in).unwrap(), "  1.234 s  Handover     agv now comes in by s2");
        let aborted = Event::Ended {
            service,
            migration,
            outcome: Outcome::Aborted(AbortReason::TargetLost),
            review: ReviewTally::default(),
            replayed: 0,
        };
        assert_eq!(line(&aborted).unwrap(), "  1.234 s  Aborted      target-lost; the source goes on");
        assert_eq!(line(&Event::Marked { service, migration, mark: Offset(1) }), None);
    }
}
