//! Stalls of the machine, and which late requests they excuse. A stall excuses only what it explains: a request that would
//! have been late anyhow is the scheme's, however long the machine stood still meanwhile.

use super::facts::Stall;
use super::model::{Host, StallSpan};
use zerogap_proto::{Duration, Instant, Record};

/// The times in which the machine stalled: sorted, disjoint.
pub(super) struct Stalls(Vec<(Instant, Instant)>);

impl Stalls {
    /// Joins what overlaps: two cores' meters may have seen the same stall.
    pub(super) fn new(stalls: &[Stall]) -> Self {
        let mut spans: Vec<(Instant, Instant)> =
            stalls.iter().map(|s| (s.start, s.start + s.length)).collect();
        spans.sort_unstable();
        let mut joined: Vec<(Instant, Instant)> = Vec::new();
        for (start, end) in spans {
            match joined.last_mut().filter(|last| start <= last.1) {
                Some(last) => last.1 = last.1.max(end),
                None => joined.push((start, end)),
            }
        }
        Self(joined)
    }

    /// How much of the time from `start` to `end` the machine stalled.
    fn within(&self, start: Instant, end: Instant) -> Duration {
        let overlaps = self.0.iter().map(|&(from, to)| to.min(end).since(from.max(start)));
        overlaps.fold(Duration::ZERO, |sum, overlap| sum + overlap)
    }

    /// Whether the host is to blame for `record`, a request that was late or lost. Late: without the stalls between due and answer
    /// it would have been in time. Lost: the machine stood still for at least a whole threshold in the two thresholds
    /// after it was due, so that it could not have been in time.
    pub(super) fn excuse(&self, record: &Record, threshold: Duration) -> bool {
        match record.answered {
            Some(answered) => answered.since(record.due) - self.within(record.due, answered) <= threshold,
            None => self.within(record.due, record.due + threshold.times(2)) >= threshold,
        }
    }
}

/// The stalls as results list them.
pub(super) fn host(stalls: &[Stall]) -> Host {
    let mut spans: Vec<StallSpan> = stalls
        .iter()
        .map(|s| StallSpan { start_ns: s.start.as_nanos(), length_ns: s.length.as_nanos() })
        .collect();
    spans.sort_by_key(|s| (s.start_ns, s.length_ns));
    Host { stall_max_ns: spans.iter().map(|s| s.length_ns).max().unwrap_or(0), stalls: spans }
}
