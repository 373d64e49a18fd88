//! `zerogap merge`: the shards of a campaign back to one, with the files that the unsplit campaign has written, to the byte.

use crate::campaign::args::Merge;
use crate::campaign::output;
use crate::exit::{Code, Stopped, fail};
use std::path::Path;
use std::process::ExitCode;
use zerogap_scenario::campaign::{Part, campaign, merge};

pub(crate) fn main(args: &Merge) -> ExitCode {
    match merged(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped { code, why }) => fail(code, why),
    }
}

fn merged(args: &Merge) -> Result<(), Stopped> {
    let parts = args.shards.iter().map(|dir| Ok((dir.display().to_string(), read(dir)?)));
    let parts = parts.collect::<Result<Vec<_>, Stopped>>()?;
    let (configuration, runs) = merge(parts).map_err(|error| Stopped::new(Code::Usage, error))?;
    output::open(&args.out, &configuration)?;
    output::conclude(&args.out, &campaign(configuration, runs), args.json)
}

fn read(dir: &Path) -> Result<Part, Stopped> {
    let path = dir.join(output::PART);
    let unusable = |error: &dyn std::fmt::Display| {
        let what = "give the directories that zerogap campaign --shard has written";
        Stopped::new(Code::Usage, format_args!("{}: {error}; {what}", path.display()))
    };
    let text = std::fs::read(&path).map_err(|error| unusable(&error))?;
    serde_json::from_slice(&text).map_err(|error| unusable(&error))
}
