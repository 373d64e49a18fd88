//! When requests are due: an open-loop schedule in absolute time. Nothing that happens, no late answer and no late driver,
//! moves it; this is what keeps the measurement free of coordinated omission.

use zerogap_proto::{Duration, Instant};

/// The instants at which requests are due. The intervals between them were drawn beforehand and are used in turn, again and
/// again.
#[derive(Clone, Debug)]
pub struct Schedule {
    due: Instant,
    intervals: Vec<Duration>,
    next: usize,
}

impl Schedule {
    /// A schedule with its first request at `first`. `None` if the intervals are none, or all zero: then there would be no
    /// end of requests at one instant.
    pub fn new(first: Instant, intervals: Vec<Duration>) -> Option<Self> {
        let moves = intervals.iter().any(|&interval| interval > Duration::ZERO);
        moves.then_some(Self { due: first, intervals, next: 0 })
    }

    /// When the next request is due.
    pub const fn due(&self) -> Instant {
        self.due
    }

    /// The due time of the next request if it has come; the schedule goes on to the one after it. Call it again: if the
    /// driver is late, several are due.
    pub fn take(&mut self, now: Instant) -> Option<Instant> {
        (self.due <= now).then(|| {
            let due = self.due;
            self.due += self.intervals[self.next];
            self.next = (self.next + 1) % self.intervals.len();
            due
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Instant {
        Instant::from_nanos(ms * 1_000_000)
    }
    fn schedule() -> Schedule {
        Schedule::new(ms(100), [9, 11, 10].map(Duration::from_millis).to_vec()).expect("it moves")
    }
    fn all_due(schedule: &mut Schedule, now: Instant) -> Vec<u64> {
        std::iter::from_fn(|| schedule.take(now)).map(|due| due.as_nanos() / 1_000_000).collect()
    }

    #[test]
    fn a_punctual_driver_gets_one_request_at_a_time_and_the_intervals_wrap_around() {
        let mut schedule = schedule();
        assert_eq!(all_due(&mut schedule, ms(99)), []);
        for due in [100, 109, 120, 130, 139, 150] {
            assert_eq!(schedule.due(), ms(due));
            assert_eq!(all_due(&mut schedule, ms(due)), [due]);
        }
    }

    #[test]
    fn a_late_driver_gets_all_that_is_overdue_each_with_its_own_due_time_and_the_schedule_does_not_move() {
        let mut schedule = schedule();
        assert_eq!(all_due(&mut schedule, ms(100)), [100]);
        assert_eq!(all_due(&mut schedule, ms(145)), [109, 120, 130, 139]);
        assert_eq!(schedule.due(), ms(150), "as if nothing had been late");
    }

    #[test]
    fn intervals_that_do_not_move_are_no_schedule() {
        assert!(Schedule::new(ms(0), vec![]).is_none());
        assert!(Schedule::new(ms(0), vec![Duration::ZERO; 3]).is_none());
    }
}
