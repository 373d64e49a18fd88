//! From what the runs tell to what is written: a line through each kind of time, less what the simulator adds by itself.

use super::fit::{Line, median};
use super::latency::Latency;
use super::observe::{Observations, Point};
use crate::file::Values;
use std::collections::BTreeSet;
use zerogap_proto::Duration;

/// A slower machine than its links allow, by more than this share, limits a transfer.
const SLOWER: f64 = 0.05;
/// Longer transfers do not tell the base: it is less than what the machine adds to them now and then.
const SHORT_MB: f64 = 50.0;
/// What comes with a wanted page: it and those behind it in the first window around it, 8 pages.
const WINDOW_MB: f64 = 0.032_768;
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
    /// A transfer beside its links' time.
    pub transfer_base: Option<Values>,
    /// A transfer that its links do not limit: only what a MB takes.
    pub transfer_per_mb: Option<Fitted>,
    /// What the links take for a MB, and what the transfers took beyond it for each MB.
    pub links: Option<(f64, f64)>,
    /// Pages that are pulled: how long a wanted one waits beside its own way, and what a MB takes.
    pub pull: Option<(Fitted, Fitted)>,
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
    let short = seen.transfer_beside_links.iter().filter(|point| point.mb <= SHORT_MB);
    let pull_per_mb = average(seen.pull.iter().map(|point| point.ns / point.mb));
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
        transfer_base: values(short.map(|point| point.ns.max(0.0))),
        transfer_per_mb: fitted(&seen.transfer_unlimited, 0.0).or(limited),
        links,
        pull: pull_per_mb.and_then(|per_mb| {
            let pages_ns = WINDOW_MB * per_mb.line.base_ns;
            Some((average(seen.wanted_ns.iter().map(|ns| (ns - pages_ns).max(0.0)))?, per_mb))
        }),
        restore: fitted(&seen.restore, RESTORE_MESSAGES * message_ns),
        replay: average(seen.replay_ns.iter().copied()),
        control: values(seen.control_ns.iter().copied()),
        latency,
    }
}

/// These times as they are, if there are any.
fn values(ns: impl Iterator<Item = f64>) -> Option<Values> {
    let values = Values::new(ns.map(|ns| Duration::from_nanos(ns.round() as u64)));
    (!values.is_empty()).then_some(values)
}

/// A line through these times, each less `beside_ns`.
fn fitted(points: &[Point], beside_ns: f64) -> Option<Fitted> {
    let less = |point: &Point| Point { ns: (point.ns - beside_ns).max(0.0), ..*point };
    let points: Vec<Point> = points.iter().map(less).collect();
    Some(Fitted { line: Line::through(&points)?, count: points.len() })
}

/// Times that depend on no size: their median, and the spread around it.
fn average(ns: impl Iterator<Item = f64>) -> Option<Fitted> {
    let points: Vec<Point> = ns.map(|ns| Point { mb: 1.0, ns }).collect();
    let middle = median(points.iter().map(|point| point.ns))?;
    Some(Fitted { line: Line::around(middle, 0.0, &points)?, count: points.len() })
}
