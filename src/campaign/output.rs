//! What a campaign leaves in its directory, whether it was simulated in one piece or merged from shards: the same files with the same
//! bytes.

use super::plot;
use crate::exit::{Code, Stopped};
use std::fs;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use zerogap_scenario::campaign::{Campaign, Configuration, RunId, table};

/// The configuration that all runs share. JSON is YAML, so a run can be made again with it.
pub(crate) const TESTBED: &str = "testbed.json";
/// What a shard simulated.
pub(crate) const PART: &str = "shard.json";

/// Makes the directory, and leaves in it what it takes to make any run again.
pub(crate) fn open(out: &Path, configuration: &Configuration) -> Result<(), Stopped> {
    let why = |error| {
        Stopped::new(
            Code::Usage,
            format_args!("cannot create {}: {error}; choose another --out", out.display()),
        )
    };
    fs::create_dir_all(out).map_err(why)?;
    let testbed = serde_json::to_string_pretty(&configuration.testbed);
    let testbed = testbed.map_err(|error| Stopped::new(Code::Failed, error))?;
    write(out, TESTBED, format!("{testbed}\n").as_bytes())
}

/// The command that makes this run again alone.
pub(crate) fn replay(out: &Path, id: &RunId, seed: u64) -> String {
    let state = id.state.to_string().replace(' ', "");
    format!(
        "zerogap simulate {} --scheme {} --state {state} --seed {seed} --set controllers.handover={}",
        out.join(TESTBED).display(),
        id.scheme.name(),
        id.handover.name(),
    )
}

/// Writes the campaign and its figures, and shows it.
pub(crate) fn conclude(out: &Path, campaign: &Campaign, json: bool) -> Result<(), Stopped> {
    let text = campaign.to_json();
    write(out, "campaign.json", text.as_bytes())?;
    let table = table(campaign);
    write(out, "table.txt", table.as_bytes())?;
    for (name, bytes) in plot::plots(campaign).map_err(|error| Stopped::new(Code::Failed, error))? {
        write(out, &name, &bytes)?;
    }
    show(&format!("\n{table}"), json);
    if json {
        print(&text);
    }
    Ok(())
}

/// Writes a file.
pub(crate) fn write(out: &Path, name: &str, bytes: &[u8]) -> Result<(), Stopped> {
    let path = out.join(name);
    let why = |error| Stopped::new(Code::Failed, format_args!("cannot write {}: {error}", path.display()));
    fs::write(&path, bytes).map_err(why)
}

/// To standard output if a person reads it, otherwise beside it.
pub(crate) fn show(text: &str, json: bool) {
    // A reader that has gone away wants no more.
    let _ = if !json && std::io::stdout().is_terminal() {
        std::io::stdout().write_all(text.as_bytes())
    } else {
        std::io::stderr().write_all(text.as_bytes())
    };
}

/// Machines' output.
pub(crate) fn print(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
