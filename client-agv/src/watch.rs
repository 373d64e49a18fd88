//! The safety rule: the AGV stops when an answer is not there `threshold` after its request was due, and goes on with the next
//! answer that is in time. The watch only says so; the AGV carries it out.

use crate::ledger::Ledger;
use zerogap_proto::{Duration, Instant, Sequence};

/// Whether answers come in time.
#[derive(Clone, Debug)]
pub struct Watch {
    threshold: Duration,
    /// Every request before this one is answered or was late.
    from: Sequence,
    stopped: bool,
}

impl Watch {
    /// A watch under which the AGV may move.
    pub const fn new(threshold: Duration) -> Self {
        Self { threshold, from: Sequence(0), stopped: false }
    }

    /// Whether the AGV has to stand.
    pub const fn stopped(&self) -> bool {
        self.stopped
    }

    /// The first instant at which the next missing answer is late. An answer exactly at the threshold is in time.
    pub fn late_at(&self, ledger: &Ledger) -> Option<Instant> {
        ledger.unanswered_from(self.from).map(|record| self.late_from(record.due))
    }

    /// Takes note of answers that are late by now; whether the AGV has to stop that might move before.
    pub fn check(&mut self, now: Instant, ledger: &Ledger) -> bool {
        let mut late = false;
        while let Some(record) = ledger.unanswered_from(self.from) {
            self.from = record.sequence;
            if now < self.late_from(record.due) {
                break;
            }
            self.from = Sequence(record.sequence.0 + 1);
            late = true;
        }
        let stops = late && !self.stopped;
        self.stopped |= late;
        stops
    }

    /// The newest answer so far came, to a request that was due then: whether it is in time, and so may be followed.
    pub fn in_time(&self, now: Instant, due: Instant) -> bool {
        now < self.late_from(due)
    }

    /// An answer in time came; whether the AGV may go on that had to stand before.
    pub const fn resume(&mut self) -> bool {
        let resumes = self.stopped;
        self.stopped = false;
        resumes
    }

    fn late_from(&self, due: Instant) -> Instant {
        due + self.threshold + Duration::from_nanos(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }
    const ONE_NS: Duration = Duration::from_nanos(1);

    #[test]
    fn an_answer_at_the_threshold_is_in_time_and_a_nanosecond_later_it_is_late() {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        let mut watch = Watch::new(Duration::from_millis(10));
        assert_eq!(watch.late_at(&ledger), None);
        ledger.send(ms(101), ms(100));
        assert_eq!(watch.late_at(&ledger), Some(ms(110) + ONE_NS), "counted from when it was due");
        assert!(!watch.check(ms(110), &ledger) && watch.in_time(ms(110), ms(100)));
        assert!(watch.check(ms(110) + ONE_NS, &ledger) && !watch.in_time(ms(110) + ONE_NS, ms(100)));
        assert!(watch.stopped());
        assert_eq!(watch.late_at(&ledger), None, "a request is late once");
        assert!(watch.resume() && !watch.resume());
    }

    #[test]
    fn it_stops_once_for_several_late_answers_and_skips_those_that_came() {
        let mut ledger = Ledger::new(Duration::from_secs(1));
        let mut watch = Watch::new(Duration::from_millis(10));
        for due in [100, 110, 120, 130] {
            ledger.send(ms(due), ms(due));
        }
        ledger.answer(ms(111), Sequence(2));
        assert!(watch.check(ms(111), &ledger));
        assert_eq!(watch.late_at(&ledger), Some(ms(130) + ONE_NS), "the second is answered");
        assert!(!watch.check(ms(200), &ledger), "it stands already");
    }
}
