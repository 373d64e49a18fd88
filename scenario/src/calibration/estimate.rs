//! From what the runs tell to what is written: a line through each kind of time, less what the simulator adds by itself.

use super::fit::{Line, median};
use super::latency::Latency;
use super::observe::{Observations, Point};
use crate::file::Values;
use std::collections::BTreeSet;
use zerogap_proto::Duration;

/// A slower machine than its links allow, by more than this share, limits a transfer.
const SLOWER: f64 = 0.05;
/// Control messages between the events of a copy and of a restore.
const COPY_MESSAGES: f64 = 1.0;
const RESTORE_MESSAGES: f64 = 2.0;

/// What a machine takes; what was not measured is not there. All times are nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// Runs that told something.
    pub runs: usize,
    /// Sizes of their states.
    pub states_bytes: BTreeSet<u64>,
    /// The standstill at a snapshot.
    pub snapshot: Option<Fitted>,
    /// The standstill between rounds.
    pub round: Option<Fitted>,
    /// The full copy.
    pub copy: Option<Fitted>,
    /// A transfer beside its links' time: only the base.
    pub transfer_base: Option<Fitted>,
    /// A transfer that its links do not limit: only what a MB takes.
    pub transfer_per_mb: Option<Fitted>,
    /// What the links take for a MB, and what the transfers took beyond it for each MB.
    pub links: Option<(f64, f64)>,
    /// Pages that are pulled: only what a MB takes.
    pub pull_per_mb: Option<Fitted>,
    /// The scan of a restored state.
    pub restore: Option<Fitted>,
    /// A replayed request: only the base.
    pub replay: Option<Fitted>,
    /// A control message.
    pub control: Option<Values>,
    /// The way of a request through the machine.
    pub latency: Option<Latency>,
}

/// A line, and through how many points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fitted {
    /// The line.
    pub line: Line,
    /// How many times were measured.
    pub count: usize,
}

/// What these runs say of the machine. `latency` is from control runs.
pub fn estimate(seen: &Observations, latency: Option<Latency>) -> Estimate {
    let message_ns = median(seen.control_ns.iter().copied()).unwrap_or(0.0);
    let beside = fitted(&seen.transfer_beside_links, 0.0);
    let per_mb_ns = median(seen.links_per_mb_ns.iter().copied());
    let links = beside.zip(per_mb_ns).map(|(beside, per_mb_ns)| (per_mb_ns, beside.line.per_mb_ns));
    let slower = links.filter(|(per_mb_ns, more_ns)| *more_ns > SLOWER * per_mb_ns);
    let limited = slower.zip(beside).map(|((per_mb_ns, more_ns), beside)| Fitted {
        line: Line { per_mb_ns: per_mb_ns + more_ns, ..beside.line },
        ..beside
    });
    Estimate {
        runs: seen.runs,
        states_bytes: seen.states_bytes.clone(),
        snapshot: fitted(&seen.snapshot, 0.0),
        round: fitted(&seen.round, 0.0),
        copy: fitted(&seen.copy, COPY_MESSAGES * message_ns),
        transfer_base: beside,
        transfer_per_mb: fitted(&seen.transfer_unlimited, 0.0).or(limited),
        links,
        pull_per_mb: fitted(&seen.pull, 0.0),
        restore: fitted(&seen.restore, RESTORE_MESSAGES * message_ns),
        replay: average(&seen.replay_ns),
        control: (!seen.control_ns.is_empty()).then(|| {
            Values::new(seen.control_ns.iter().map(|ns| Duration::from_nanos(ns.round() as u64)))
        }),
        latency,
    }
}

/// A line through these times, each less `beside_ns`.
fn fitted(points: &[Point], beside_ns: f64) -> Option<Fitted> {
    let less = |point: &Point| Point { ns: (point.ns - beside_ns).max(0.0), ..*point };
    let points: Vec<Point> = points.iter().map(less).collect();
    Some(Fitted { line: Line::through(&points)?, count: points.len() })
}

/// Times that depend on no size: their median, and the spread around it.
fn average(ns: &[f64]) -> Option<Fitted> {
    let middle = median(ns.iter().copied())?;
    let points: Vec<Point> = ns.iter().map(|ns| Point { mb: 1.0, ns: *ns }).collect();
    let spread = Line::through(&points)?.spread;
    Some(Fitted { line: Line { base_ns: middle, per_mb_ns: 0.0, spread }, count: ns.len() })
}
