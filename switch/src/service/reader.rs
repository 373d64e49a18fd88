//! A reader: one server's cursor in the log. Replication is two readers at the head, replay is a reader behind it, catching
//! up is a reader that reaches it; one window serves all, behind the head one that opens as far as answers stay quick (`pace`).
//! Loss between the switch and the server is repaired here: the oldest unanswered offset is sent again, and only that, with
//! exponential backoff, and later to a server that answers slowly.
//!
//! ```text
//!   start        unanswered            next            head
//!     |  answered    |   in flight (≤ W) |  to be sent   |
//! ```
//!
//! A reader that is *held* is sent nothing new: `next` never passes where it stood then. What is in flight is still repaired.

use super::pace::Pace;
use super::patience::Patience;
use std::collections::VecDeque;
use zerogap_proto::{Duration, Health, Incarnation, Instant, NodeId, Offset};

/// One server's cursor.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The server.
    pub server: NodeId,
    /// Its life: answers of another one are rogue.
    pub incarnation: Incarnation,
    /// How it does; only looked at while it serves.
    pub health: Health,
    /// Offsets in a row at which its answer was missing when it was due.
    pub absences: u32,
    /// Answers of it that went to clients.
    pub released: u64,
    /// Answers of it that were equal to the one that went to the client, another server's.
    pub agreed: u64,
    start: Offset,
    unanswered: Offset,
    /// When each offset in flight was last sent, from `unanswered` on.
    in_flight: VecDeque<Instant>,
    /// When it last moved: a server that works its way through a full window is not overdue.
    moved: Instant,
    retries: u32,
    patience: Patience,
    /// When the oldest unanswered offset was first waited for, if it was sent again since.
    waited_from: Option<Instant>,
    /// The latest offset that was sent again, and how long after it was first waited for an answer came. A second answer will
    /// tell that this was the answer to the first sending (as in RFC 3708).
    doubtful: Option<(Offset, Duration)>,
    live: bool,
    /// How fast it goes while it is not live.
    pace: Pace,
    /// It was never sent this offset or a later one. What was sent before goes out again without regard to the pace: the server
    /// says that it has not come, and an answer may be under way all the same.
    new_from: Offset,
    replayed: u64,
    last_rewind: Option<(Offset, Instant)>,
    /// While it is held: where `next` stood then.
    held_at: Option<Offset>,
}

/// What a server's `expect` leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rewind {
    /// Sending goes on from there.
    Rewound,
    /// It repeats an earlier one whose answer is under way, was overtaken by an answer, or speaks of what was never sent.
    Ignored,
    /// It expects what lies before the reader's start: this is not the state that was restored.
    Forgot,
}

impl Reader {
    /// A reader that reads from `start`.
    pub fn new(server: NodeId, incarnation: Incarnation, start: Offset) -> Self {
        Self {
            server,
            incarnation,
            health: Health::Healthy,
            absences: 0,
            released: 0,
            agreed: 0,
            start,
            unanswered: start,
            in_flight: VecDeque::new(),
            moved: Instant::ZERO,
            retries: 0,
            patience: Patience::default(),
            waited_from: None,
            doubtful: None,
            live: false,
            pace: Pace::default(),
            new_from: start,
            replayed: 0,
            last_rewind: None,
            held_at: None,
        }
    }

    /// The first offset that it reads.
    pub fn start(&self) -> Offset {
        self.start
    }
    /// The oldest offset that it has not answered.
    pub fn unanswered(&self) -> Offset {
        self.unanswered
    }
    /// The next offset to send.
    pub fn next(&self) -> Offset {
        Offset(self.unanswered.0 + self.in_flight.len() as u64)
    }
    /// Whether it has reached the head and not fallen behind since.
    pub fn is_live(&self) -> bool {
        self.live
    }
    /// How many requests it was sent behind the head.
    pub fn replayed(&self) -> u64 {
        self.replayed
    }

    /// Whether nothing new is sent to it.
    pub fn is_held(&self) -> bool {
        self.held_at.is_some()
    }

    /// Sends it nothing new from now on. What it was sent may have been lost: that may go out again, up to where `next` is now.
    pub fn hold(&mut self) {
        let next = self.next();
        self.held_at.get_or_insert(next);
        self.fall_behind();
    }

    /// Ends the hold: it goes on from where it stands, behind the head until it has reached it again.
    pub fn release(&mut self) {
        self.held_at = None;
    }

    /// The offset below which it has answered everything and from which on it has been sent nothing, once it is held and so.
    pub fn drained_at(&self) -> Option<Offset> {
        self.held_at.filter(|at| *at == self.unanswered)
    }

    /// The offset to send now, if the window and the head allow one. `true` with it: a replay.
    pub fn take_next(&mut self, now: Instant, head: Offset, window: usize) -> Option<(Offset, bool)> {
        let offset = self.next();
        if offset >= self.held_at.map_or(head, |at| at.min(head)) {
            return None;
        }
        let paced = !self.live && offset >= self.new_from;
        let window = if paced { window.min(self.pace.window()) } else { window };
        if self.in_flight.len() >= window {
            self.fall_behind();
            return None;
        }
        self.in_flight.push_back(now);
        self.new_from = self.new_from.max(self.next());
        let fresh = self.live && offset.next() == head;
        self.replayed += u64::from(!fresh);
        Some((offset, !fresh))
    }

    fn fall_behind(&mut self) {
        if std::mem::take(&mut self.live) {
            self.pace = Pace::default();
        }
    }

    /// Notes that it has reached the head; `true` if it had not before.
    pub fn reach(&mut self, head: Offset) -> bool {
        let reached = !self.live && !self.is_held() && self.next() == head;
        self.live |= reached;
        reached
    }

    /// Moves past answered offsets; `answered` tells of an offset whether this server has answered it.
    pub fn advance(&mut self, now: Instant, resend_after: Duration, answered: impl Fn(Offset) -> bool) {
        if !answered(self.unanswered) {
            return;
        }
        if let Some(waited_from) = self.waited_from.take() {
            self.doubtful = Some((self.unanswered, now.since(waited_from)));
        } else if let Some(waited_from) = self.waits_from() {
            self.patience.note(now.since(waited_from), resend_after);
        }
        while !self.in_flight.is_empty() && answered(self.unanswered) {
            if let Some(sent) = self.in_flight.pop_front() {
                self.pace.note(now.since(sent) <= resend_after);
            }
            self.moved = now;
            self.unanswered = self.unanswered.next();
            self.retries = 0;
        }
    }

    /// Its server has answered an offset that it had answered before. If that was sent again, there was no need to.
    pub fn repeated(&mut self, offset: Offset, resend_after: Duration) {
        if let Some((_, took)) = self.doubtful.take_if(|(doubtful, _)| *doubtful == offset) {
            self.patience.note(took, resend_after);
        }
    }

    /// Since when the oldest unanswered offset is waited for.
    fn waits_from(&self) -> Option<Instant> {
        Some(self.moved.max(*self.in_flight.front()?))
    }

    /// When the oldest unanswered offset is sent again.
    pub fn resend_at(&self, resend_after: Duration) -> Option<Instant> {
        Some(self.waits_from()? + self.patience.wait(resend_after, self.retries))
    }

    /// The offset to send again, if its time has come.
    pub fn take_resend(&mut self, now: Instant, resend_after: Duration) -> Option<Offset> {
        if self.resend_at(resend_after)? > now {
            return None;
        }
        self.waited_from = self.waited_from.or(self.waits_from());
        *self.in_flight.front_mut()? = now;
        self.retries += 1;
        Some(self.unanswered)
    }

    /// The server says that `expected` is the offset it waits for.
    pub fn rewind(&mut self, now: Instant, expected: Offset, resend_after: Duration) -> Rewind {
        if expected < self.start {
            return Rewind::Forgot;
        }
        let wait = self.patience.wait(resend_after, 0);
        let repeated = self.last_rewind.is_some_and(|(at, when)| at == expected && now.since(when) < wait);
        if repeated || expected < self.unanswered || expected >= self.next() {
            return Rewind::Ignored;
        }
        self.last_rewind = Some((expected, now));
        self.in_flight.truncate(expected.from(self.unanswered) as usize);
        Rewind::Rewound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AFTER: Duration = Duration::from_millis(2);

    fn ms(n: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(n)
    }

    fn reader() -> Reader {
        Reader::new(NodeId(1), Incarnation(0), Offset(10))
    }

    fn send_all(r: &mut Reader, now: Instant, head: u64, window: usize) -> Vec<(u64, bool)> {
        std::iter::from_fn(|| r.take_next(now, Offset(head), window))
            .map(|(o, replay)| (o.0, replay))
            .collect()
    }

    #[test]
    fn replay_goes_window_by_window_and_becomes_live_without_gap_or_repeat() {
        let mut r = reader();
        assert_eq!(send_all(&mut r, ms(0), 15, 3), [(10, true), (11, true), (12, true)]);
        assert!(!r.reach(Offset(15)));
        r.advance(ms(0), AFTER, |o| o.0 < 12);
        assert_eq!(send_all(&mut r, ms(1), 15, 3), [(13, true), (14, true)]);
        assert!(r.reach(Offset(15)) && r.is_live());
        assert_eq!(send_all(&mut r, ms(2), 16, 4), [(15, false)], "live: not a replay");
        assert_eq!(r.replayed(), 5);
    }

    #[test]
    fn behind_the_head_it_sends_more_at_a_time_as_long_as_answers_are_quick() {
        let mut r = reader();
        assert_eq!(send_all(&mut r, ms(0), 60, 64).len(), 4);
        r.advance(ms(2), AFTER, |o| o.0 < 14);
        assert_eq!(send_all(&mut r, ms(2), 60, 64).len(), 8, "all four were");
        r.advance(ms(5), AFTER, |o| o.0 < 15);
        assert_eq!(
            send_all(&mut r, ms(5), 60, 64).len(),
            0,
            "the fifth was not: one less, and half of what may be"
        );
        r.advance(ms(5), AFTER, |o| o.0 < 22);
        assert_eq!(send_all(&mut r, ms(5), 60, 64).len(), 4);
        r.advance(ms(6), AFTER, |o| o.0 < 26);
        assert_eq!(send_all(&mut r, ms(6), 60, 6).len(), 6, "never more than the window");
        assert_eq!(send_all(&mut r, ms(6), 60, 64).len(), 2, "which does not slow it down");
    }

    #[test]
    fn what_was_sent_before_goes_out_again_at_any_pace() {
        let mut r = reader();
        send_all(&mut r, ms(0), 10, 64);
        r.reach(Offset(10));
        (11..=16).for_each(|head| drop(send_all(&mut r, ms(0), head, 64)));
        r.hold();
        assert_eq!(r.rewind(ms(1), Offset(14), AFTER), Rewind::Rewound);
        assert_eq!(send_all(&mut r, ms(1), 20, 64), [(14, true), (15, true)], "four are in flight already");
    }

    #[test]
    fn a_full_window_ends_being_live() {
        let mut r = reader();
        send_all(&mut r, ms(0), 12, 2);
        r.reach(Offset(12));
        assert_eq!(send_all(&mut r, ms(0), 13, 2), []);
        assert!(!r.is_live());
    }

    #[test]
    fn only_the_oldest_is_sent_again_and_ever_more_slowly() {
        let mut r = reader();
        send_all(&mut r, ms(0), 13, 8);
        assert_eq!(r.take_resend(ms(1), AFTER), None);
        assert_eq!(r.take_resend(ms(2), AFTER), Some(Offset(10)));
        assert_eq!(r.take_resend(ms(4), AFTER), None, "backed off to 4 ms");
        assert_eq!(r.take_resend(ms(6), AFTER), Some(Offset(10)));
        r.advance(ms(6), AFTER, |o| o.0 == 10);
        assert_eq!(r.take_resend(ms(7), AFTER), None, "it moves: the next one is not overdue");
        assert_eq!(r.take_resend(ms(8), AFTER), Some(Offset(11)), "and the backoff is over");
    }

    #[test]
    fn a_server_that_answers_slowly_is_not_sent_everything_twice() {
        let (mut r, mut repeats) = (reader(), Vec::new());
        for n in 0..20 {
            let due = Instant::ZERO + Duration::from_millis(10 * n);
            send_all(&mut r, due, 11 + n, 8);
            let offset = Offset(10 + n);
            let again = r.take_resend(due + AFTER.times(2), AFTER).is_some();
            repeats.push(again);
            let answer = due + Duration::from_millis(5);
            r.advance(answer, AFTER, |o| o == offset);
            if again {
                r.repeated(offset, AFTER);
            }
        }
        assert_eq!(repeats[..2], [true, false], "one answer too many tells it");
        assert!(repeats.iter().filter(|again| **again).count() < 4, "{repeats:?}");
    }

    #[test]
    fn a_loss_does_not_make_it_wait_longer_for_what_comes_next() {
        let mut r = reader();
        for n in 0..10 {
            let sent = ms(20 * n);
            send_all(&mut r, sent, 11 + n, 8);
            assert_eq!(r.resend_at(AFTER), Some(sent + AFTER), "loss {n}");
            assert!(r.take_resend(sent + AFTER, AFTER).is_some());
            r.advance(sent + AFTER.times(2), AFTER, |o| o == Offset(10 + n));
        }
    }

    #[test]
    fn expect_rewinds_once_and_never_below_the_oldest_unanswered() {
        let mut r = reader();
        send_all(&mut r, ms(0), 14, 8);
        r.advance(ms(0), AFTER, |o| o.0 == 10);
        assert_eq!(r.rewind(ms(1), Offset(12), AFTER), Rewind::Rewound);
        assert_eq!(send_all(&mut r, ms(1), 14, 8), [(12, true), (13, true)]);
        assert_eq!(r.rewind(ms(2), Offset(12), AFTER), Rewind::Ignored, "its answer is under way");
        assert_eq!(r.rewind(ms(3), Offset(12), AFTER), Rewind::Rewound);
        assert_eq!(r.rewind(ms(3), Offset(14), AFTER), Rewind::Ignored, "never sent");
        assert_eq!(r.rewind(ms(3), Offset(10), AFTER), Rewind::Ignored, "overtaken by the answer");
        assert_eq!(r.rewind(ms(3), Offset(9), AFTER), Rewind::Forgot);
    }

    #[test]
    fn a_held_reader_is_sent_nothing_new_and_what_was_in_flight_again() {
        let mut r = reader();
        assert_eq!(send_all(&mut r, ms(0), 13, 8).len(), 3);
        r.hold();
        assert_eq!(send_all(&mut r, ms(1), 20, 8), []);
        r.advance(ms(1), AFTER, |o| o.0 == 10);
        assert_eq!(r.rewind(ms(1), Offset(11), AFTER), Rewind::Rewound, "#11 was lost");
        assert_eq!(r.drained_at(), None, "#11 and #12 may have been applied for all that is known");
        assert_eq!(send_all(&mut r, ms(1), 20, 8), [(11, true), (12, true)]);
        assert_eq!(r.take_resend(ms(3), AFTER), Some(Offset(11)));
        r.advance(ms(3), AFTER, |o| o.0 <= 12);
        assert_eq!((r.drained_at(), r.resend_at(AFTER)), (Some(Offset(13)), None));
        r.hold();
        r.release();
        assert_eq!(send_all(&mut r, ms(4), 15, 8), [(13, true), (14, true)], "it goes on from there");
        assert!(r.reach(Offset(15)) && !r.is_held());
    }

    #[test]
    fn a_held_reader_is_not_live_even_where_nothing_waits() {
        let mut r = reader();
        send_all(&mut r, ms(0), 11, 8);
        r.reach(Offset(11));
        r.hold();
        assert!(!r.reach(Offset(11)) && !r.is_live());
        r.release();
        assert!(r.reach(Offset(11)));
    }

    proptest! {
        /// Whatever is answered, lost, resent, held or rewound: nothing is skipped, and nothing below `unanswered` goes out again.
        #[test]
        fn offsets_first_go_out_in_order_without_gaps(steps in proptest::collection::vec((0_u8..6, 0_u64..6), 1..200)) {
            let (mut r, mut head, mut highest) = (reader(), 10, 9);
            let mut answered = std::collections::BTreeSet::new();
            let mut held_from = None;
            for (i, (step, n)) in steps.into_iter().enumerate() {
                let now = ms(i as u64);
                let mut sent = Vec::new();
                match step {
                    0 => { head += n; sent = send_all(&mut r, now, head, 4); }
                    1 if r.next() > r.unanswered() => {
                        answered.insert((r.unanswered().0 + n).min(r.next().0 - 1));
                        r.advance(now, AFTER, |o| answered.contains(&o.0));
                        sent = send_all(&mut r, now, head, 4);
                    }
                    2 => sent.extend(r.take_resend(now, AFTER).map(|o| (o.0, true))),
                    3 => { r.hold(); held_from = held_from.or(Some(highest)); }
                    4 => { r.release(); held_from = None; }
                    _ => {
                        r.rewind(now, Offset(r.unanswered().0 + n), AFTER);
                        sent = send_all(&mut r, now, head, 4);
                    }
                }
                for (offset, _) in sent {
                    prop_assert!(offset >= r.start().0 && offset <= highest + 1, "{} after {}", offset, highest);
                    highest = highest.max(offset);
                    prop_assert!(held_from.is_none_or(|last| offset <= last), "{} while held", offset);
                }
                prop_assert!(r.drained_at().is_none_or(|at| at.0 == highest + 1));
                prop_assert!(r.next().from(r.unanswered()) <= 4);
            }
        }
    }
}
