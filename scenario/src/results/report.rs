//! The report for people: plain aligned text, the verdict in the last line. A figure that the number of samples does not
//! carry is shown as a dash.

use super::figures::Figures;
use super::fleet::{FleetFigures, FleetMigrations};
use super::model::{Interruption, MigrationFigures, PullFigures, RunResult, SwitchFigures};
use super::radio::RadioFigures;
use super::verdict::{Verdict, plural};
use std::collections::BTreeMap;
use std::fmt::Write;
use zerogap_proto::{DropReason, Duration, Instant};

/// Interruptions that are listed one by one.
const INTERRUPTIONS_SHOWN: usize = 5;

/// The report, with a line's end. `colour`: the verdict in colour, for terminals.
pub fn report(result: &RunResult, colour: bool) -> String {
    let (scheme, state) = (result.scheme.name(), size(result.state_bytes));
    let mut text = format!("{scheme}, {state} of state, {}, seed {}\n\n", result.world.name(), result.seed);
    latencies(&mut text, result);
    let mut row = |name: &str, value: String| {
        let _ = writeln!(text, "{name:<16}{value}");
    };
    row("added delay", time_or_dash(result.added_delay_max_ns));
    row("downtime", time(result.downtime_ns));
    row("migration time", time_or_dash(result.migration_time_ns));
    row("requests", requests(result));
    match &result.fleet {
        None => result.migrations.iter().for_each(|migration| row("migration", migration_line(migration))),
        Some(fleet) => fleet_rows(fleet).into_iter().for_each(|(name, value)| row(name, value)),
    }
    for interruption in result.interruptions.iter().take(INTERRUPTIONS_SHOWN) {
        row("interruption", interruption_line(interruption));
    }
    if let more @ 1.. = result.interruptions.len().saturating_sub(INTERRUPTIONS_SHOWN) {
        row("", format!("and {more} more in result.json"));
    }
    for (server, digest) in &result.state_digests {
        row("state digest", format!("{server} {digest}"));
    }
    if result.fleet.is_none() {
        result.switches.iter().for_each(|(switch, figures)| row("switch", switch_line(switch, figures)));
    }
    for (point, figures) in result.radio.iter().filter(|(_, figures)| figures.sent > 0) {
        row("radio", radio_line(point, figures));
    }
    if result.host.stall_max_ns > 0 {
        let stalls = plural(result.host.stalls.len() as u64, "stall");
        row("host", format!("{stalls}, the longest {}", time(result.host.stall_max_ns)));
    }
    if result.journal.dropped > 0 {
        row("journal", format!("{} dropped: it was full", plural(result.journal.dropped, "event")));
    }
    row("evidence", result.evidence.statement.clone());
    let _ = writeln!(text, "\n{}", verdict_line(result, colour));
    text
}

/// What a fleet has beside or instead of the lines for one AGV.
fn fleet_rows(fleet: &FleetFigures) -> Vec<(&'static str, String)> {
    let FleetMigrations { complete, reseeded, aborted, unfinished, time_ns, busiest_second, .. } =
        &fleet.migrations;
    let begun = *complete + *reseeded + *unfinished + aborted.values().sum::<u64>();
    let aborted: Vec<String> =
        aborted.iter().map(|(why, count)| format!(", {count} aborted ({why})")).collect();
    let busiest = fleet.trunks.iter().max_by(|a, b| a.1.busiest_second_bytes.cmp(&b.1.busiest_second_bytes));
    let mut rows = vec![
        (
            "fleet",
            match (plural(fleet.agvs, "AGV"), plural(fleet.halls, "hall"), fleet.happened) {
                // Only in virtual time is it known.
                (agvs, halls, 0) => format!("{agvs} in {halls}"),
                (agvs, halls, happened) => format!("{agvs} in {halls}, {happened} things happened"),
            },
        ),
        (
            "migrations",
            match begun {
                0 => {
                    "none begun: `migrations` is 0, or no AGV came to another switch within `duration`".into()
                }
                _ => format!(
                    "{complete} complete, {reseeded} for a standby{}, {unfinished} unfinished; at most {busiest_second} begun in a second",
                    aborted.concat()
                ),
            },
        ),
        ("migration time", format!("p50 {}, p99 {}", time_or_dash(time_ns.p50), time_or_dash(time_ns.p99))),
        ("interruptions", fleet.interruptions.to_string()),
        (
            "SDN controller",
            format!(
                "{} messages, at most {} in a second, {} dropped",
                fleet.sdn.messages, fleet.sdn.busiest_second, fleet.sdn.dropped
            ),
        ),
    ];
    if let Some((name, trunk)) = busiest {
        let part =
            trunk.utilisation_max.map_or_else(|| "-".to_owned(), |part| format!("{:.0} %", part * 100.0));
        let bytes = size(trunk.busiest_second_bytes);
        rows.push(("busiest trunk", format!("{name}: at most {bytes} in a second, {part} of its rate")));
    }
    let log = fleet.log;
    let held = format!("at most {} requests of one service, {} of all", log.entries_max, log.entries_sum);
    rows.push(("log", held));
    rows
}

/// The verdict and what decided it, in one line.
fn verdict_line(result: &RunResult, colour: bool) -> String {
    let name = result.verdict.name();
    let because = result.because.join("; ");
    let code = match result.verdict {
        Verdict::Uninterrupted => 32,
        Verdict::Interrupted | Verdict::Failed => 31,
        Verdict::Inconclusive => 33,
    };
    if colour { format!("\x1b[1;{code}m{name}\x1b[0m: {because}") } else { format!("{name}: {because}") }
}

fn latencies(text: &mut String, result: &RunResult) {
    let windows = &result.windows;
    let rows = [
        ("before", &windows.before),
        ("during", &windows.migration),
        ("between", &windows.between),
        ("after", &windows.after),
        ("whole run", &result.rtt_ns),
    ];
    let _ = writeln!(
        text,
        "{:<16}{:>8}{:>12}{:>12}{:>12}{:>12}",
        "response RTT", "count", "p50", "p90", "p99", "max"
    );
    for (name, Figures { count, p50, p90, p99, max, .. }) in rows.iter().filter(|(_, f)| f.count > 0) {
        let [p50, p90, p99, max] = [*p50, *p90, *p99, *max].map(time_or_dash);
        let _ = writeln!(text, "{name:<16}{count:>8}{p50:>12}{p90:>12}{p99:>12}{max:>12}");
    }
    text.push('\n');
}

fn requests(result: &RunResult) -> String {
    let r = &result.requests;
    format!(
        "{} sent, {} answered, {} lost, {} late, {} duplicated, {} reordered",
        r.sent, r.answered, r.lost, r.late, r.duplicated, r.reordered
    )
}

fn migration_line(m: &MigrationFigures) -> String {
    let mut line = format!("{} {} {}", m.id.0, m.scheme.name(), m.outcome.name());
    if let Some(reason) = m.reason {
        let _ = write!(line, " ({})", reason.name());
    }
    if let Some(took) = m.migration_time_ns {
        let _ = write!(line, " in {}", time(took));
    }
    let _ = write!(
        line,
        ": added delay {}, downtime {}",
        time_or_dash(m.added_delay_max_ns),
        time(m.downtime_ns)
    );
    if let Some(bytes) = m.state_bytes_sent {
        let _ = write!(line, ", {} sent", size(bytes));
    }
    if let Some((frozen, kept)) = m.frozen_ns.zip(m.requests_kept) {
        let _ = write!(line, ", frozen for {} with {} kept", time(frozen), plural(kept, "request"));
    }
    if !m.rounds.is_empty() {
        let _ = write!(line, ", {}", plural(m.rounds.len() as u64, "round"));
    }
    if let Some(PullFigures { pages, faults, blocked_ns }) = m.pull {
        let (pages, faults) = (plural(pages, "page"), plural(faults, "fault"));
        let _ = write!(line, ", {pages} pulled with {faults}, blocked for {}", time(blocked_ns));
    }
    let _ = write!(line, ", {} replayed", m.requests_replayed);
    if m.review.required > 0 {
        let r = &m.review;
        let _ = write!(
            line,
            ", review {} of {} agreed, {} disagreed, {} absent",
            r.agreed, r.required, r.disagreed, r.absent
        );
    }
    line
}

fn interruption_line(i: &Interruption) -> String {
    let (start, length) = (Instant::from_nanos(i.start_ns), time(i.length_ns()));
    let (requests, cause) = (plural(i.requests, "request"), i.cause.name());
    format!("at {start} s for {length}: {requests}, phase {}, cause {cause}", i.phase)
}

fn switch_line(name: &str, figures: &SwitchFigures) -> String {
    let dropped = drops(&figures.dropped);
    format!("{name} {} frames in, {} out, dropped: {dropped}", figures.frames_in, figures.frames_out)
}

fn radio_line(name: &str, figures: &RadioFigures) -> String {
    let RadioFigures { sent, delivered, collided, dropped, .. } = figures;
    let (busy, dropped) = (time(figures.busy_ns), drops(dropped));
    format!(
        "{name} busy for {busy}: {sent} sent, {collided} collided, {delivered} delivered, dropped: {dropped}"
    )
}

fn drops(dropped: &BTreeMap<DropReason, u64>) -> String {
    let counted = dropped.iter().filter(|(_, n)| **n > 0);
    let dropped: Vec<String> = counted.map(|(why, n)| format!("{n} {}", why.name())).collect();
    if dropped.is_empty() { "none".to_owned() } else { dropped.join(", ") }
}

fn time(ns: u64) -> String {
    Duration::from_nanos(ns).to_string()
}

fn time_or_dash(ns: Option<u64>) -> String {
    ns.map_or_else(|| "-".to_owned(), time)
}

/// Bytes in the largest decimal unit that leaves no more than one digit after the point.
pub(super) fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_000 => return format!("{bytes} B"),
        1_000..1_000_000 => (1e3, "KB"),
        1_000_000..1_000_000_000 => (1e6, "MB"),
        _ => (1e9, "GB"),
    };
    let number = format!("{:.1}", bytes as f64 / unit);
    format!("{} {name}", number.strip_suffix(".0").unwrap_or(&number))
}
