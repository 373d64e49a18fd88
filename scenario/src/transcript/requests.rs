//! The requests in a transcript: those that are late, lost, doubled or overtaken one by one, the others as counts.

use zerogap_proto::{Duration, Instant, Record, Sequence};

/// What is told of requests.
pub(super) enum Seen {
    /// Of one.
    Single(Instant, String),
    /// Of several, in between.
    Many(String),
}

/// The requests in the order in which their fates were known.
pub(super) struct Course<'a> {
    records: Vec<&'a Record>,
    next: usize,
    threshold: Duration,
    count: u64,
    least: Duration,
    most: Duration,
}

impl<'a> Course<'a> {
    /// An answer later than the threshold is late.
    pub(super) fn new(records: &'a [Record], threshold_ns: u64) -> Self {
        let mut records: Vec<&Record> = records.iter().collect();
        records.sort_by_key(|record| (known_at(record), record.sequence));
        let threshold = Duration::from_nanos(threshold_ns);
        Self { records, next: 0, threshold, count: 0, least: Duration::ZERO, most: Duration::ZERO }
    }

    /// Tells of what was known by `at`, in order.
    pub(super) fn until(&mut self, at: Instant, tell: &mut impl FnMut(Seen)) {
        while let Some(&record) = self.records.get(self.next).filter(|record| known_at(record) <= at) {
            self.next += 1;
            match self.odd(record) {
                Some(what) => {
                    self.tell_count(tell);
                    tell(Seen::Single(known_at(record), what));
                }
                None => self.add(record),
            }
        }
        self.tell_count(tell);
    }

    fn add(&mut self, record: &Record) {
        let rtt = record.response_rtt().unwrap_or_default();
        self.least = if self.count == 0 { rtt } else { self.least.min(rtt) };
        self.most = self.most.max(rtt);
        self.count += 1;
    }

    fn tell_count(&mut self, tell: &mut impl FnMut(Seen)) {
        let (count, least, most) = (self.count, self.least, self.most);
        match count {
            0 => return,
            1 => tell(Seen::Many(format!("1 request, answered in {most}"))),
            _ => tell(Seen::Many(format!("{count} requests, answered in {least} to {most}"))),
        }
        (self.count, self.most) = (0, Duration::ZERO);
    }

    /// What is worth a line of its own.
    fn odd(&self, record: &Record) -> Option<String> {
        let Sequence(number) = record.sequence;
        let Some(rtt) = record.response_rtt() else {
            return Some(format!("request {number} is sent and never answered"));
        };
        let mut odd = Vec::new();
        if rtt > self.threshold {
            odd.push("late".to_owned());
        }
        if record.reordered {
            odd.push("after a later one".to_owned());
        }
        match record.duplicates {
            0 => {}
            1 => odd.push("and once more".to_owned()),
            times => odd.push(format!("and {times} times more")),
        }
        (!odd.is_empty()).then(|| format!("request {number} is answered in {rtt}: {}", odd.join(", ")))
    }
}

/// When its fate was known: an answer that never came is missed from when it was due.
fn known_at(record: &Record) -> Instant {
    record.answered.unwrap_or(record.due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(sequence: u64, due_ms: u64, rtt_ms: Option<u64>) -> Record {
        let at = |ms: u64| Instant::ZERO + Duration::from_millis(ms);
        let (due, answered) = (at(due_ms), rtt_ms.map(|rtt| at(due_ms + rtt)));
        Record { sequence: Sequence(sequence), due, sent: due, answered, duplicates: 0, reordered: false }
    }

    fn told(records: &[Record], untils_ms: &[u64]) -> Vec<String> {
        let mut course = Course::new(records, 10_000_000);
        let mut told = Vec::new();
        for &ms in untils_ms {
            course.until(Instant::ZERO + Duration::from_millis(ms), &mut |seen| {
                told.push(match seen {
                    Seen::Single(at, what) => format!("{at} {what}"),
                    Seen::Many(what) => what,
                });
            });
            told.push("--".into());
        }
        told
    }

    #[test]
    fn what_is_as_it_should_be_is_counted_and_the_rest_is_told_one_by_one() {
        let doubled = Record { duplicates: 2, reordered: true, ..record(5, 40, Some(2)) };
        let records = [
            record(1, 0, Some(1)),
            record(2, 10, Some(3)),
            record(3, 20, Some(11)),
            record(4, 30, None),
            doubled,
            record(6, 50, Some(1)),
        ];
        let expected = [
            "2 requests, answered in 1.00 ms to 3.00 ms",
            "--",
            "0.030000 request 4 is sent and never answered",
            "0.031000 request 3 is answered in 11.00 ms: late",
            "0.042000 request 5 is answered in 2.00 ms: after a later one, and 2 times more",
            "1 request, answered in 1.00 ms",
            "--",
        ];
        assert_eq!(told(&records, &[15, 60]), expected);
    }
}
