//! Migrations as the journal tells them: trigger, phases, end. The trigger is the packet-in about the client's first frame
//! at the new switch; a migration that none caused since the last one ended (a retry, a re-seeding) is its own trigger.

use super::model::{Ending, PhaseSpan, PullFigures, RoundFigures};
use crate::journal::Entry;
use zerogap_proto::{
    AbortReason, Duration, Event, Goal, Instant, MigrationId, Outcome, Phase, Record, ReviewTally, Scheme,
    ServiceId,
};

/// One migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Migration {
    service: ServiceId,
    pub(super) id: MigrationId,
    pub(super) scheme: Scheme,
    pub(super) goal: Goal,
    /// When its cause was known.
    pub(super) trigger: Instant,
    begun: Instant,
    /// When it ended, one way or the other.
    pub(super) end: Instant,
    /// The phases in order with their ends.
    pub(super) spans: Vec<Span>,
    pub(super) ending: Ending,
    pub(super) reason: Option<AbortReason>,
    pub(super) review: ReviewTally,
    pub(super) replayed: u64,
    pub(super) copied: Copied,
}

/// What a scheme without a standby tells of its copying.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Copied {
    frozen_at: Option<Instant>,
    pub(super) frozen: Option<Duration>,
    pub(super) kept: Option<u64>,
    pub(super) rounds: Vec<RoundFigures>,
    pub(super) pull: Option<PullFigures>,
}

impl Copied {
    fn watch(&mut self, at: Instant, event: &Event) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "all other events are about something else")]
        match event {
            Event::Frozen { .. } => self.frozen_at = Some(at),
            Event::Thawed { waiting, .. } => self.thaw(at, *waiting),
            Event::Reading { from, head, .. } if self.frozen.is_none() => self.thaw(at, head.from(*from)),
            Event::RoundDone { figures, .. } => self.rounds.push(RoundFigures {
                pages: figures.pages,
                bytes: figures.bytes,
                took_ns: figures.took.as_nanos(),
                dirty_pages: figures.dirty_pages,
            }),
            Event::Pulled { figures, .. } => {
                let (faults, blocked_ns) = (figures.faults, figures.blocked.as_nanos());
                self.pull = Some(PullFigures { pages: figures.pages, faults, blocked_ns });
            }
            _ => {}
        }
    }

    /// Somebody serves again, and so many requests have waited for it.
    fn thaw(&mut self, at: Instant, waiting: u64) {
        if let Some(since) = self.frozen_at {
            (self.frozen, self.kept) = (Some(at.since(since)), Some(waiting));
        }
    }
}

/// A phase and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) phase: Phase,
    pub(super) start: Instant,
    pub(super) end: Instant,
}

impl Migration {
    /// Whether it was under way at any time from `start` to `end`.
    pub(super) fn overlaps(&self, start: Instant, end: Instant) -> bool {
        start <= self.end && end >= self.trigger
    }

    /// Whether the request was answered and under way while the migration was. The one whose frame caused the packet-in
    /// was due before it, and it is the one that a slow controller delays.
    pub(super) fn holds(&self, record: &Record) -> bool {
        record.answered.is_some_and(|answered| self.overlaps(record.due, answered))
    }

    /// The phases as results list them: with the paper's migration phase before its parts.
    pub(super) fn phases(&self) -> Vec<PhaseSpan> {
        let span = |name: &str, start: Instant, end: Instant| PhaseSpan {
            name: name.to_owned(),
            start_ns: start.as_nanos(),
            end_ns: end.as_nanos(),
        };
        let parts_end = self.spans.iter().find(|s| s.phase > Phase::Replay).map_or(self.end, |s| s.start);
        let mut listed: Vec<PhaseSpan> =
            self.spans.iter().map(|s| span(s.phase.name(), s.start, s.end)).collect();
        let at = usize::from(self.spans.first().is_some_and(|s| s.phase == Phase::Handover));
        listed.insert(at, span("Migration", self.begun, parts_end));
        listed
    }

    /// All bytes of state that were sent, given those after the rounds.
    pub(super) fn bytes_sent(&self, last: Option<u64>) -> Option<u64> {
        let rounds: u64 = self.copied.rounds.iter().map(|round| round.bytes).sum();
        last.map(|last| rounds + last).or((rounds > 0).then_some(rounds))
    }

    fn begin(service: ServiceId, id: MigrationId, scheme: Scheme, goal: Goal, begun: Instant) -> Self {
        Self {
            service,
            id,
            scheme,
            goal,
            trigger: begun,
            begun,
            end: Instant::FAR_FUTURE,
            spans: Vec::new(),
            ending: Ending::Unfinished,
            reason: None,
            review: ReviewTally::default(),
            replayed: 0,
            copied: Copied::default(),
        }
    }

    fn enter(&mut self, phase: Phase, start: Instant) {
        if !self.spans.iter().any(|s| s.phase == phase) {
            self.spans.push(Span { phase, start, end: start });
        }
    }

    fn finish(&mut self, end: Instant) {
        self.end = end;
        if self.ending == Ending::Complete {
            self.enter(Phase::Complete, end);
        }
        let starts: Vec<Instant> = self.spans.iter().map(|s| s.start).chain([end]).collect();
        for (span, next) in self.spans.iter_mut().zip(&starts[1..]) {
            span.end = if span.phase == Phase::Complete { span.start } else { *next };
        }
    }
}

/// The migrations in a journal of one service, in the order in which they began. One that the journal does not see the end of
/// is taken to last until the next begins, or until `run_end`.
pub(super) fn migrations(journal: &[&Entry], run_end: Instant) -> Vec<Migration> {
    let mut teller = Teller::default();
    let mut all: Vec<Migration> =
        journal.iter().filter_map(|entry| teller.hear(entry.at, &entry.event)).collect();
    all.extend(teller.finish(run_end));
    all
}

/// The phase that was under way at `start`; if none was, the first that began before `end`.
pub(super) fn phase_during<'a>(
    migrations: impl Iterator<Item = &'a Migration> + Clone,
    start: Instant,
    end: Instant,
) -> Phase {
    let mut spans = migrations.clone().flat_map(|m| &m.spans);
    let under_way = spans.find(|s| s.start <= start && start < s.end);
    let mut spans = migrations.flat_map(|m| &m.spans);
    under_way
        .or_else(|| spans.find(|s| start < s.start && s.start <= end))
        .map_or(Phase::Initial, |s| s.phase)
}

/// The journal of one service, heard event by event.
#[derive(Debug, Default)]
pub(super) struct Teller {
    /// The client has come in elsewhere since the last migration ended.
    packet_in: Option<Instant>,
    open: Option<Migration>,
}

impl Teller {
    /// The migration under way.
    pub(super) const fn open(&self) -> Option<&Migration> {
        self.open.as_ref()
    }

    /// Takes in what happened; the migration that it ended.
    pub(super) fn hear(&mut self, at: Instant, event: &Event) -> Option<Migration> {
        if let Some(open) = &mut self.open {
            open.copied.watch(at, event);
        }
        #[allow(clippy::wildcard_enum_match_arm, reason = "all other events are about something else")]
        match event {
            Event::PacketIn { .. } => {
                self.packet_in = Some(at);
                None
            }
            Event::Begun { service, migration, scheme, goal, .. } => {
                let cut_short = self.end(at);
                let mut new = Migration::begin(*service, *migration, *scheme, *goal, at);
                if let (Some(cause), Goal::SwitchOver) = (self.packet_in.take(), goal) {
                    new.trigger = cause;
                    new.enter(Phase::Handover, cause);
                }
                new.enter(scheme.first_phase(), at);
                self.open = Some(new);
                cut_short
            }
            Event::Phase { service, migration, phase } => {
                if let Some(open) = self.open_as(*service, *migration) {
                    open.enter(*phase, at);
                }
                None
            }
            Event::Ended { service, migration, outcome, review, replayed } => {
                let open = self.open_as(*service, *migration)?;
                (open.review, open.replayed) = (*review, *replayed);
                (open.ending, open.reason) = match outcome {
                    Outcome::Complete => (Ending::Complete, None),
                    Outcome::Aborted(reason) => (Ending::Aborted, Some(*reason)),
                };
                self.end(at)
            }
            _ => None,
        }
    }

    /// The run is over: the migration that was still under way.
    pub(super) fn finish(&mut self, run_end: Instant) -> Option<Migration> {
        self.end(run_end)
    }

    fn end(&mut self, at: Instant) -> Option<Migration> {
        let mut open = self.open.take()?;
        open.finish(at);
        self.packet_in = None;
        Some(open)
    }

    fn open_as(&mut self, service: ServiceId, id: MigrationId) -> Option<&mut Migration> {
        self.open.as_mut().filter(|open| (open.service, open.id) == (service, id))
    }
}
