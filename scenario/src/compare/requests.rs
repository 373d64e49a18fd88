//! The requests of a run as its client saw them: what `requests.csv` beside a `result.json` holds, as far as a comparison
//! needs it.

use super::Spread;
use crate::results::StallSpan;

/// The answered requests of a run, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    answered: Vec<Answered>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Answered {
    due_ns: u64,
    rtt_ns: u64,
}

/// Why a text is not a `requests.csv`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestsError {
    /// A column is missing.
    #[error("there is no column {0}")]
    Column(&'static str),
    /// A line does not hold what its columns say.
    #[error("line {0} is not a request")]
    Line(usize),
}

impl Trace {
    /// Reads `requests.csv`. Columns that it does not know are passed over.
    ///
    /// # Errors
    /// A column is missing, or a line is not a request.
    pub fn parse(csv: &str) -> Result<Self, RequestsError> {
        let mut lines = csv.lines().enumerate();
        let head: Vec<&str> = lines.next().map_or(Vec::new(), |(_, line)| line.split(',').collect());
        let column = |name| head.iter().position(|known| *known == name).ok_or(RequestsError::Column(name));
        let (due, answered) = (column("due_ns")?, column("answered_ns")?);
        let mut trace = Self::default();
        for (index, line) in lines {
            let wrong = || RequestsError::Line(index + 1);
            let fields: Vec<&str> = line.split(',').collect();
            let field = |at: usize| fields.get(at).copied().ok_or_else(wrong);
            let due_ns: u64 = field(due)?.parse().map_err(|_| wrong())?;
            // A lost request is a miss, not a sample.
            if let answered @ [_, ..] = field(answered)?.as_bytes() {
                let at_ns: u64 =
                    std::str::from_utf8(answered).ok().and_then(|t| t.parse().ok()).ok_or_else(wrong)?;
                trace.answered.push(Answered { due_ns, rtt_ns: at_ns.saturating_sub(due_ns) });
            }
        }
        Ok(trace)
    }

    /// The response RTTs of what was not under way while the machine stood still.
    pub fn undisturbed_ns(&self, stalls: &[StallSpan]) -> Vec<u64> {
        let disturbed = |r: &&Answered| {
            let until = r.due_ns.saturating_add(r.rtt_ns);
            stalls.iter().any(|s| s.start_ns <= until && s.start_ns.saturating_add(s.length_ns) >= r.due_ns)
        };
        self.answered.iter().filter(|r| !disturbed(r)).map(|r| r.rtt_ns).collect()
    }

    /// When the first and the last answered request were due.
    pub(super) fn span_ns(&self) -> Option<(u64, u64)> {
        Some((self.answered.first()?.due_ns, self.answered.last()?.due_ns))
    }

    /// The median response RTT.
    pub(super) fn median_ns(&self) -> Option<u64> {
        Spread::of(self.answered.iter().map(|r| r.rtt_ns)).map(|spread| spread.median)
    }

    /// When the request that was delayed most was due and when it was answered, of those under way at any time from `start_ns` to
    /// `end_ns`.
    pub(super) fn most_delayed_ns(&self, start_ns: u64, end_ns: u64) -> Option<(u64, u64)> {
        let spans = self.answered.iter().map(|r| (r.due_ns, r.due_ns.saturating_add(r.rtt_ns)));
        let inside = spans.filter(|(due_ns, answered_ns)| *due_ns <= end_ns && *answered_ns >= start_ns);
        inside.max_by_key(|(due_ns, answered_ns)| answered_ns - due_ns)
    }

    /// The highest response RTT of what was due from `start_ns` until before `end_ns`.
    pub(super) fn highest_ns(&self, start_ns: u64, end_ns: u64) -> Option<u64> {
        let inside = self.answered.iter().filter(|r| (start_ns..end_ns).contains(&r.due_ns));
        inside.map(|r| r.rtt_ns).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_name_and_lost_requests_are_no_samples() {
        let trace = Trace::parse("answered_ns,other,due_ns\n13,x,10\n,x,20\n38,x,30\n").unwrap();
        assert_eq!(trace.span_ns(), Some((10, 30)));
        assert_eq!(trace.highest_ns(0, 30), Some(3));
        assert_eq!(trace.highest_ns(0, 31), Some(8));
        assert_eq!(trace.highest_ns(11, 29), None);
        assert_eq!(trace.median_ns(), Some(5));
        assert_eq!(trace.most_delayed_ns(0, 29), Some((10, 13)));
        assert_eq!(trace.most_delayed_ns(13, 30), Some((30, 38)), "under way at its end");
        assert_eq!(trace.most_delayed_ns(14, 29), None);
        let stall = |start_ns, length_ns| StallSpan { start_ns, length_ns };
        assert_eq!(trace.undisturbed_ns(&[]), [3, 8]);
        assert_eq!(
            trace.undisturbed_ns(&[stall(14, 15), stall(39, 9)]),
            [3, 8],
            "between the two and after them"
        );
        assert_eq!(trace.undisturbed_ns(&[stall(5, 5)]), [8], "it ended when the first was due");
    }

    #[test]
    fn what_is_no_requests_csv_is_refused() {
        assert_eq!(Trace::parse(""), Err(RequestsError::Column("due_ns")));
        assert_eq!(Trace::parse("due_ns,sent_ns\n"), Err(RequestsError::Column("answered_ns")));
        for line in ["1", "x,2", "1,x"] {
            assert_eq!(
                Trace::parse(&format!("due_ns,answered_ns\n1,2\n{line}\n")),
                Err(RequestsError::Line(3))
            );
        }
    }
}
