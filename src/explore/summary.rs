//! What an exploration has come to, for people and as `explore.json`. Neither says how long it took: the same exploration gives
//! the same bytes.

use super::args::Explore;
use super::unwritable;
use crate::exit::Stopped;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use zerogap_sim::explore::{EXPLORATION, Exploration, Tally};

/// Writes and shows it.
pub(super) fn conclude(args: &Explore, tally: &Tally) -> Result<(), Stopped> {
    let schemes = args.scheme.clone();
    let exploration = Exploration { schema: EXPLORATION, seed: args.seed, first: args.first, schemes, tally };
    let json = serde_json::to_string_pretty(&exploration).unwrap_or_default() + "\n";
    if let Some(dir) = &args.out {
        let path = dir.join("explore.json");
        std::fs::write(&path, &json).map_err(|error| unwritable(&path, &error))?;
    }
    // A reader that has gone away wants no more of it.
    let _ = if args.json {
        write!(std::io::stdout(), "{json}").and_then(|()| write!(std::io::stderr(), "{}", text(tally)))
    } else if std::io::stdout().is_terminal() {
        write!(std::io::stdout(), "{}", text(tally))
    } else {
        write!(std::io::stderr(), "{}", text(tally))
    };
    Ok(())
}

fn text(tally: &Tally) -> String {
    let row = |name: &str, value: String| format!("{name:<14}{value}\n");
    let list = |counts: &BTreeMap<String, u64>| {
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        if counts.is_empty() { "none".to_owned() } else { counts.join(", ") }
    };
    let Tally { runs, migrations, complete, reseeded, unfinished, requests, late, lost, .. } = tally;
    let hours = tally.simulated_ns as f64 / 3.6e12;
    let aborted: u64 = tally.aborted.values().sum();
    let violations = match tally.violations.len() {
        0 => "none".to_owned(),
        count => format!("{count} runs broke a guarantee"),
    };
    [
        row("runs", format!("{runs}, {hours:.2} simulated hours, {} lost the service's state", tally.services_lost)),
        row(
            "migrations",
            format!("{migrations}: {complete} complete, {reseeded} re-seedings, {aborted} aborted, {unfinished} cut off"),
        ),
        row("by scheme", list(&tally.by_scheme)),
        row("aborted", list(&tally.aborted)),
        row("faults", list(&tally.faults)),
        row("requests", format!("{requests} sent, {late} late, {lost} lost")),
        row("violations", violations),
    ]
    .concat()
}
