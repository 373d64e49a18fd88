//! Control runs cut into windows. The maximum of a longer window is larger by chance alone, so a migration is held against
//! windows as long as it is, of runs without a migration from the same minutes. `scripts/added-delay` does the same by hand.

use super::requests::Trace;
use crate::results::Interruption;

/// What a control run was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlRun {
    /// Its requests.
    pub trace: Trace,
    /// What was late or lost in it.
    pub interruptions: Vec<Interruption>,
}

impl ControlRun {
    /// The added delay of every disjoint window of this length: the highest response RTT of what was due in it less the
    /// run's median.
    pub(super) fn added_delays_ns(&self, length_ns: u64) -> Vec<u64> {
        let Some(median_ns) = self.trace.median_ns() else { return Vec::new() };
        let highest =
            self.windows(length_ns).filter_map(|start| self.trace.highest_ns(start, start + length_ns));
        highest.map(|rtt_ns| rtt_ns.saturating_sub(median_ns)).collect()
    }

    /// The longest interruption that overlaps each of these windows; 0 where there is none.
    pub(super) fn downtimes_ns(&self, length_ns: u64) -> Vec<u64> {
        let longest = |start_ns: u64| {
            let overlaps = |i: &&Interruption| i.start_ns <= start_ns + length_ns && i.end_ns >= start_ns;
            self.interruptions.iter().filter(overlaps).map(Interruption::length_ns).max().unwrap_or(0)
        };
        self.windows(length_ns).map(longest).collect()
    }

    /// When each disjoint window of this length begins that fits between the first request and the last.
    fn windows(&self, length_ns: u64) -> impl Iterator<Item = u64> {
        let (first_ns, last_ns) = self.trace.span_ns().unwrap_or((0, 0));
        let length_ns = length_ns.max(1);
        (first_ns..last_ns.saturating_sub(length_ns))
            .step_by(usize::try_from(length_ns).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::testing::{control_run, ms};
    use crate::results::Cause;
    use zerogap_proto::Phase;

    #[test]
    fn a_window_s_added_delay_is_its_highest_rtt_less_the_run_s_median() {
        // Ten requests 10 ms apart, 2 ms each, but for two.
        let run = control_run(10, |n| match n {
            3 => ms(7),
            8 => ms(4),
            _ => ms(2),
        });
        assert_eq!(
            run.added_delays_ns(ms(30)),
            [0, ms(5)],
            "requests 0 to 2 and 3 to 5; the rest is shorter"
        );
        assert_eq!(run.added_delays_ns(ms(40)), [ms(5), 0]);
        assert_eq!(run.added_delays_ns(ms(89)), [ms(5)]);
        assert!(run.added_delays_ns(ms(90)).is_empty(), "a window must end before the last request");
    }

    #[test]
    fn a_window_s_downtime_is_the_longest_interruption_that_overlaps_it() {
        let mut run = control_run(10, |_| ms(2));
        let lasting = |start_ns, end_ns| Interruption {
            start_ns,
            end_ns,
            requests: 1,
            phase: Phase::Initial,
            cause: Cause::Host,
        };
        run.interruptions = vec![lasting(ms(10), ms(25)), lasting(ms(20), ms(31))];
        assert_eq!(run.downtimes_ns(ms(30)), [ms(15), ms(11)]);
    }

    #[test]
    fn a_run_without_an_answer_has_no_windows() {
        assert!(ControlRun::default().added_delays_ns(ms(1)).is_empty());
        assert!(ControlRun::default().downtimes_ns(ms(1)).is_empty());
    }
}
