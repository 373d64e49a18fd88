//! The calibration as a file: an overlay of testbed values, of which every one was measured, with comments that say how. Two figures
//! after the first are kept: nothing here is known better.

use super::estimate::{Estimate, Fitted};
use crate::file::Values;
use crate::size::{Size, Span};
use std::fmt::Write as _;
use zerogap_proto::Duration;

/// Quantiles of measured values that are written.
const QUANTILES: usize = 20;

/// When and on what it was measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circumstances {
    /// The program and its version.
    pub program: String,
    /// The day and the time.
    pub when: String,
    /// The kernel's name and release.
    pub kernel: String,
    /// The processor's architecture.
    pub architecture: String,
    /// Processors that may be used.
    pub cores: usize,
}

/// The file. What could not be measured is left out, and said.
pub fn to_yaml(estimate: &Estimate, on: &Circumstances) -> String {
    let mut text = head(estimate, on);
    text.push_str("sim:\n");
    job(
        &mut text,
        "snapshot",
        "the standstill of a server that forks a child with an image of its memory",
        &["From the cut to when the child began."],
        estimate.snapshot,
    );
    job(
        &mut text,
        "round",
        "the standstill between two rounds",
        &["From the end of a round to when the child of the next began."],
        estimate.round,
    );
    job(
        &mut text,
        "copy",
        "the copy of all of the memory while its server is frozen",
        &["From the phase Snapshot to the cut."],
        estimate.copy,
    );
    transfer(&mut text, estimate);
    pull(&mut text, estimate.pull);
    job(
        &mut text,
        "restore",
        "the scan of a restored state",
        &["From when the last target had all to the phase Replay, less two control messages."],
        estimate.restore,
    );
    replay(&mut text, estimate.replay);
    control(&mut text, estimate.control.as_ref());
    latency(&mut text, estimate);
    text
}

fn head(estimate: &Estimate, on: &Circumstances) -> String {
    let sizes: Vec<String> = estimate.states_bytes.iter().map(|bytes| Size(*bytes).to_string()).collect();
    format!(
        "# A calibration: what a machine takes for what a migration is made of, measured from real runs by `zerogap calibrate`.\n\
         # Lay it over a testbed file with --calibration: simulate, campaign, compare --predict.\n\
         #\n\
         # when:  {}\n# on:    {}, {}, {} cores\n# by:    {}\n# from:  {} migrations with states of {}\n\n",
        on.when,
        on.kernel,
        on.architecture,
        on.cores,
        on.program,
        estimate.runs,
        sizes.join(", "),
    )
}

fn job(text: &mut String, name: &str, what: &str, how: &[&str], fitted: Option<Fitted>) {
    let Some(Fitted { line, count }) = fitted else { return missing(text, name, what) };
    comment(text, what, how, count, line.spread);
    let _ = writeln!(text, "  {name}:");
    let _ = writeln!(text, "    base: {}", normal(line.base_ns, line.spread));
    let _ = writeln!(text, "    per_mb: {}", normal(line.per_mb_ns, line.spread));
}

fn replay(text: &mut String, fitted: Option<Fitted>) {
    let what = "a replayed request";
    let Some(Fitted { line, count }) = fitted else { return missing(text, "replay", what) };
    let how = [
        "From when a target could read to when it was live, for each that it had answered by then.",
        "It grows with the state (a larger grid has more cells for a scan), and two targets share a core.",
    ];
    comment(text, what, &how, count, line.spread);
    let _ = writeln!(text, "  replay: {}", normal(line.base_ns, line.spread));
}

fn pull(text: &mut String, pull: Option<(Fitted, Fitted)>) {
    let what = "pages that are pulled";
    let Some((wanted, per_mb)) = pull else { return missing(text, "pull", what) };
    let how = [
        "The wait of a wanted one beside the sending of 8 pages; and from when the target",
        "was usable to when it had all.",
    ];
    comment(text, what, &how, per_mb.count, per_mb.line.spread);
    text.push_str("  pull:\n");
    let _ = writeln!(text, "    base: {}", normal(wanted.line.base_ns, wanted.line.spread));
    let _ = writeln!(text, "    per_mb: {}", normal(per_mb.line.base_ns, per_mb.line.spread));
}

fn transfer(text: &mut String, estimate: &Estimate) {
    let (base, per_mb) = (estimate.transfer_base.as_ref(), estimate.transfer_per_mb);
    if base.is_none() && per_mb.is_none() {
        return missing(text, "transfer", "a transfer beside its links' time");
    }
    let count = base.map_or(0, Values::len) + per_mb.map_or(0, |f| f.count);
    let _ = writeln!(
        text,
        "  # A transfer: what it takes beside its links' time, and per MB where the links allow more. {count} times."
    );
    if let Some((links_ns, more_ns)) = estimate.links {
        let limits =
            if per_mb.is_some_and(|f| f.line.per_mb_ns > links_ns) { "the machine" } else { "the link" };
        let _ = writeln!(
            text,
            "  # The links of these runs take {} for a MB with its headers; transfers took {} more: {limits} limits them.",
            time(links_ns),
            time(more_ns),
        );
    }
    text.push_str("  transfer:\n");
    if let Some(base) = base {
        let _ = writeln!(text, "    base: {}", empirical(base));
    }
    if let Some(per_mb) = per_mb {
        let _ = writeln!(text, "    per_mb: {}", normal(per_mb.line.per_mb_ns, per_mb.line.spread));
    }
}

fn control(text: &mut String, values: Option<&Values>) {
    let what = "a control message";
    let Some(values) = values else { return missing(text, "control_delay", what) };
    let how = ["From one process to another: what takes two or three in a row, divided by these."];
    comment(text, what, &how, values.len(), 0.0);
    let _ = writeln!(text, "  control_delay: {}", empirical(values));
}

fn latency(text: &mut String, estimate: &Estimate) {
    let Some(latency) = estimate.latency else {
        return missing(text, "host_latency", "a frame's arrival at a process");
    };
    let _ = writeln!(
        text,
        "  # From a frame's arrival at a process to its handling, at the server and at the client: what the response RTT of runs without a\n\
         \x20 # migration (median {}) has beyond links and service time (median {} in virtual time), by mean and variance.",
        time(latency.measured_ns),
        time(latency.modelled_ns),
    );
    let sigma = (latency.sigma * 1e3).round() / 1e3;
    let _ = writeln!(
        text,
        "  host_latency: {{kind: log-normal, median: {}, sigma: {sigma}}}",
        time(latency.median_ns)
    );
}

fn comment(text: &mut String, what: &str, how: &[&str], count: usize, spread: f64) {
    let spread = if spread > 0.0 { format!(", spread {:.0} %", spread * 100.0) } else { String::new() };
    let mut start = what.to_owned();
    start[..1].make_ascii_uppercase();
    let _ = writeln!(text, "  # {start}. {} {count} times{spread}.", how.join("\n  # "));
}

fn missing(text: &mut String, name: &str, what: &str) {
    let _ = writeln!(
        text,
        "  # {name} ({what}) could not be measured: larger states, or more runs, would tell it."
    );
}

/// Quantiles from 2.5 to 97.5 %: what lies beyond is the machine's doing.
fn empirical(values: &Values) -> String {
    let quantile = |n| values.quantile((n as f64 + 0.5) / QUANTILES as f64);
    let quantiles: Vec<String> = (0..QUANTILES).map(|n| time(quantile(n).as_nanos() as f64)).collect();
    format!("{{kind: empirical, values: [{}]}}", quantiles.join(", "))
}

fn normal(mean_ns: f64, spread: f64) -> String {
    format!("{{kind: normal, mean: {}, std_dev: {}}}", time(mean_ns), time(mean_ns * spread))
}

/// With three figures.
fn time(ns: f64) -> String {
    let unit = 10_f64.powf((ns.max(1.0).log10().floor() - 2.0).max(0.0));
    Span(Duration::from_nanos(((ns / unit).round() * unit) as u64)).to_string()
}
