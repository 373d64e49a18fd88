//! What became of each request. The ledger keeps a [`Record`] from the sending of a request until nothing can change it any
//! more, and then hands it out, once and in the order of sending: first answer, duplicates, reordering, or given up.

use std::collections::VecDeque;
use zerogap_proto::{Duration, Instant, Record, Sequence};

/// How many records are kept open at most; beyond that the oldest is closed early and counted.
pub const CAPACITY: usize = 8_192;
/// When stopping, how long after the last answer late duplicates are still waited for.
pub const GRACE: Duration = Duration::from_millis(50);
/// When stopping, how long nothing may have been answered before what is still missing is given up.
pub const SILENCE: Duration = Duration::from_secs(2);

/// What an answer was to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The first answer to its request.
    First {
        /// When the request was due.
        due: Instant,
        /// A later request has been answered before.
        reordered: bool,
    },
    /// A further answer.
    Duplicate,
    /// The request was never sent, or its record is closed.
    Unknown,
}

/// The open records of one client's life.
#[derive(Clone, Debug)]
pub struct Ledger {
    give_up: Duration,
    /// Consecutive sequence numbers, the oldest first.
    open: VecDeque<Record>,
    next: Sequence,
    unanswered: usize,
    newest_answered: Option<Sequence>,
    /// When the last first answer came, or the stop, whichever is later.
    quiet_since: Instant,
    stopping: bool,
    crowded_out: u64,
}

impl Ledger {
    /// An empty ledger. A record is closed `give_up` after its request was sent, which is when it was due unless the driver
    /// was late: the service then still gets its time to answer.
    pub const fn new(give_up: Duration) -> Self {
        Self {
            give_up,
            open: VecDeque::new(),
            next: Sequence(1),
            unanswered: 0,
            newest_answered: None,
            quiet_since: Instant::ZERO,
            stopping: false,
            crowded_out: 0,
        }
    }

    /// The number that the next request gets. The first is 1.
    pub const fn next(&self) -> Sequence {
        self.next
    }

    /// Whether all records are closed.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Records that were closed before their time because [`CAPACITY`] was reached.
    pub const fn crowded_out(&self) -> u64 {
        self.crowded_out
    }

    /// A request is being sent; it has the number that [`Ledger::next`] gave.
    pub fn send(&mut self, now: Instant, due: Instant) {
        let sequence = self.next;
        self.next = Sequence(sequence.0 + 1);
        self.unanswered += 1;
        self.open.push_back(Record {
            sequence,
            due,
            sent: now,
            answered: None,
            duplicates: 0,
            reordered: false,
        });
    }

    /// An answer came.
    pub fn answer(&mut self, now: Instant, sequence: Sequence) -> Reply {
        let Some(record) = self.index(sequence).and_then(|index| self.open.get_mut(index)) else {
            return Reply::Unknown;
        };
        if record.answered.is_some() {
            record.duplicates = record.duplicates.saturating_add(1);
            return Reply::Duplicate;
        }
        record.answered = Some(now);
        record.reordered = self.newest_answered > Some(sequence);
        let reply = Reply::First { due: record.due, reordered: record.reordered };
        self.unanswered -= 1;
        self.newest_answered = self.newest_answered.max(Some(sequence));
        self.quiet_since = self.quiet_since.max(now);
        reply
    }

    /// No more requests will be sent: once all are answered, records are closed after [`GRACE`], and without any further
    /// answer after [`SILENCE`].
    pub fn stop(&mut self, now: Instant) {
        self.stopping = true;
        self.quiet_since = self.quiet_since.max(now);
    }

    /// The next record that can no longer change. Call it until `None`, and before an answer is entered.
    pub fn close(&mut self, now: Instant) -> Option<Record> {
        let crowded = self.open.len() > CAPACITY;
        if !crowded && self.closing_at()? > now {
            return None;
        }
        let record = self.open.pop_front()?;
        self.unanswered -= usize::from(record.answered.is_none());
        self.crowded_out += u64::from(crowded);
        Some(record)
    }

    /// When the oldest record can no longer change.
    pub fn closing_at(&self) -> Option<Instant> {
        let given_up = self.open.front()?.sent + self.give_up;
        let wait = if self.unanswered == 0 { GRACE } else { SILENCE };
        Some(if self.stopping { given_up.min(self.quiet_since + wait) } else { given_up })
    }

    /// The first open request from `sequence` on that has no answer yet.
    pub fn unanswered_from(&self, sequence: Sequence) -> Option<&Record> {
        let skipped = self.index(sequence).unwrap_or(0);
        self.open.iter().skip(skipped).find(|record| record.answered.is_none())
    }

    /// Where a request's record is; `None` if it is before all that are open.
    fn index(&self, sequence: Sequence) -> Option<usize> {
        let oldest = self.open.front()?.sequence;
        sequence.0.checked_sub(oldest.0).map(|index| usize::try_from(index).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }
    fn closed(ledger: &mut Ledger, now: Instant) -> Vec<Record> {
        std::iter::from_fn(|| ledger.close(now)).collect()
    }
    /// Three requests, due and sent at 10, 20 and 30 ms.
    fn three_sent() -> Ledger {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        for due in [10, 20, 30] {
            ledger.send(ms(due), ms(due));
        }
        ledger
    }

    #[test]
    fn each_fate_of_a_request_is_told_apart() {
        // Answers as (ms, sequence), and for each request: answered at, duplicates, reordered.
        type Answers = &'static [(u64, u64)];
        type Fate = (Option<u64>, u32, bool);
        let table: [(&str, Answers, [Fate; 3]); 5] = [
            (
                "3 before all others",
                &[(31, 3), (32, 1), (33, 2)],
                [(Some(32), 0, true), (Some(33), 0, true), (Some(31), 0, false)],
            ),
            (
                "all well",
                &[(11, 1), (21, 2), (31, 3)],
                [(Some(11), 0, false), (Some(21), 0, false), (Some(31), 0, false)],
            ),
            ("2 lost", &[(11, 1), (31, 3)], [(Some(11), 0, false), (None, 0, false), (Some(31), 0, false)]),
            (
                "2 thrice",
                &[(11, 1), (21, 2), (22, 2), (31, 3), (40, 2)],
                [(Some(11), 0, false), (Some(21), 2, false), (Some(31), 0, false)],
            ),
            (
                "1 overtaken",
                &[(21, 2), (22, 1), (31, 3)],
                [(Some(22), 0, true), (Some(21), 0, false), (Some(31), 0, false)],
            ),
        ];
        for (name, answers, fates) in table {
            let mut ledger = three_sent();
            for &(at, sequence) in answers {
                assert_ne!(ledger.answer(ms(at), Sequence(sequence)), Reply::Unknown, "{name}");
            }
            let records = closed(&mut ledger, ms(1_030));
            let seen = records
                .iter()
                .map(|r| (r.answered.map(|at| at.as_nanos() / 1_000_000), r.duplicates, r.reordered));
            assert_eq!(seen.collect::<Vec<Fate>>(), fates, "{name}");
        }
    }

    #[test]
    fn a_record_is_closed_when_its_time_is_up_and_not_before() {
        let mut ledger = three_sent();
        ledger.answer(ms(11), Sequence(1));
        assert_eq!(closed(&mut ledger, ms(1_009)), []);
        let sequences: Vec<u64> = closed(&mut ledger, ms(1_020)).iter().map(|r| r.sequence.0).collect();
        assert_eq!(sequences, [1, 2]);
        assert_eq!(ledger.answer(ms(1_021), Sequence(2)), Reply::Unknown, "too late to change anything");
        assert_eq!(ledger.answer(ms(1_021), Sequence(4)), Reply::Unknown, "never sent");
    }

    #[test]
    fn a_request_that_was_sent_late_still_gets_its_time_to_be_answered() {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        ledger.send(ms(5_000), ms(10));
        assert_eq!(closed(&mut ledger, ms(5_000)), []);
        ledger.answer(ms(5_001), Sequence(1));
        let records = closed(&mut ledger, ms(6_000));
        assert_eq!(records[0].response_rtt(), Some(Duration::from_millis(4_991)));
        assert_eq!(records[0].service_rtt(), Some(Duration::from_millis(1)));
    }

    #[test]
    fn when_stopping_it_waits_for_the_last_answer_and_a_little_longer_for_duplicates() {
        let mut ledger = three_sent();
        ledger.answer(ms(11), Sequence(1));
        ledger.answer(ms(21), Sequence(2));
        ledger.stop(ms(35));
        assert_eq!(ledger.closing_at(), Some(ms(1_010)), "3 is missing");
        ledger.answer(ms(60), Sequence(3));
        assert_eq!(ledger.closing_at(), Some(ms(110)));
        assert_eq!(ledger.answer(ms(109), Sequence(3)), Reply::Duplicate);
        assert_eq!(closed(&mut ledger, ms(110)).iter().map(|r| r.duplicates).collect::<Vec<_>>(), [0, 0, 1]);
        assert!(ledger.is_empty());
    }

    #[test]
    fn when_stopping_it_does_not_wait_for_what_it_has_given_up() {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        for due in [10, 900] {
            ledger.send(ms(due), ms(due));
        }
        ledger.answer(ms(901), Sequence(2));
        ledger.stop(ms(905));
        assert_eq!(ledger.closing_at(), Some(ms(1_010)));
        assert_eq!(closed(&mut ledger, ms(1_010)).len(), 2, "with the first given up, all are answered");
    }

    #[test]
    fn it_is_bounded_and_counts_what_it_closes_early() {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        for _ in 0..CAPACITY + 3 {
            ledger.send(ms(10), ms(10));
        }
        let early: Vec<u64> = closed(&mut ledger, ms(10)).iter().map(|r| r.sequence.0).collect();
        assert_eq!((early, ledger.crowded_out()), (vec![1, 2, 3], 3));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Send,
        Answer(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<(u64, Step)>> {
        let step = prop_oneof![Just(Step::Send), (0..40u64).prop_map(Step::Answer)];
        proptest::collection::vec((0..40u64, step), 0..120)
    }

    proptest! {
        /// Against a model that keeps every answer of the whole run and judges afterwards.
        #[test]
        fn every_request_gives_exactly_one_record_that_tells_what_happened(steps in steps(), stop in any::<bool>()) {
            let give_up = 200;
            let mut ledger = Ledger::new(Duration::from_millis(give_up));
            let (mut now, mut sent, mut answers, mut records) = (0, Vec::new(), Vec::new(), Vec::new());
            for (wait, step) in steps {
                now += wait;
                records.extend(closed(&mut ledger, ms(now)));
                match step {
                    Step::Send => {
                        sent.push(now);
                        ledger.send(ms(now), ms(now));
                    }
                    Step::Answer(sequence) => {
                        let known = sent.get((sequence as usize).wrapping_sub(1)).is_some_and(|s| now < s + give_up);
                        let reply = ledger.answer(ms(now), Sequence(sequence));
                        prop_assert_eq!(reply != Reply::Unknown, known);
                        if known {
                            answers.push((now, sequence));
                        }
                    }
                }
            }
            if stop {
                ledger.stop(ms(now));
            }
            while let Some(at) = ledger.closing_at() {
                records.extend(closed(&mut ledger, at));
            }
            let expected: Vec<Record> = (1..).zip(&sent).map(|(sequence, &at)| {
                let mine: Vec<usize> = (0..answers.len()).filter(|&i| answers[i].1 == sequence).collect();
                Record {
                    sequence: Sequence(sequence),
                    due: ms(at),
                    sent: ms(at),
                    answered: mine.first().map(|&i| ms(answers[i].0)),
                    duplicates: mine.len().saturating_sub(1) as u32,
                    reordered: mine.first().is_some_and(|&i| answers[..i].iter().any(|a| a.1 > sequence)),
                }
            }).collect();
            prop_assert_eq!(records, expected);
        }
    }
}
