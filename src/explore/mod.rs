//! `zerogap explore`: random runs with random faults, each judged by the checkers. What is drawn, judged and shrunk is in
//! `zerogap_sim::explore`; here it is spread over the cores and told of.

pub(crate) mod args;
mod pool;
mod progress;
mod summary;

use crate::exit::{Code, Stopped, fail};
use args::Explore;
use pool::Block;
use progress::Progress;
use std::num::NonZero;
use std::path::Path;
use std::process::ExitCode;
use zerogap_sim::explore::{ExploreError, Explored, Finding, Ground, Tally, shrink};

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";
/// Runs if nothing else is said.
const RUNS: u64 = 1_000;

pub(crate) fn main(args: &Explore) -> ExitCode {
    match explore(args) {
        Ok(tally) if tally.violations.is_empty() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(Code::Failed as u8),
        Err(Stopped { code, why }) => fail(code, why),
    }
}

fn explore(args: &Explore) -> Result<Tally, Stopped> {
    let ground = ground(args)?;
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).map_err(|error| unwritable(dir, &error))?;
    }
    let runs = args.runs.unwrap_or(if args.migrations.is_some() { u64::MAX } else { RUNS });
    let threads = args.threads.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get);
    let mut tally = Tally::default();
    let mut progress =
        Progress::new(args.runs.or(args.migrations).unwrap_or(RUNS), args.migrations.is_some());
    let mut trouble = Ok(());
    let range = (args.first, runs.min(u64::MAX - args.first));
    let done = pool::explore(&ground, range, threads, |Block { tally: more, broken }| {
        tally.extend(more);
        progress.at(&tally);
        for explored in broken {
            let found = shrink(&ground, explored)?;
            let finding = Finding::new(&found, args.file.as_deref().and_then(Path::to_str));
            progress.found(&finding);
            if let Some(dir) = &args.out {
                trouble = keep(dir, &ground, &found);
            }
            tally.violations.push(finding);
        }
        let enough = args.migrations.is_some_and(|wanted| tally.migrations >= wanted);
        let broken = !tally.violations.is_empty() && !args.keep_going;
        Ok(!enough && !broken && trouble.is_ok())
    });
    done.map_err(|error: ExploreError| Stopped { code: Code::Usage, why: error.to_string() })?;
    trouble?;
    progress.finish();
    summary::conclude(args, &tally)?;
    Ok(tally)
}

fn ground(args: &Explore) -> Result<Ground, Stopped> {
    let path = args.file.as_deref().or_else(|| Some(Path::new(FILE)).filter(|file| file.exists()));
    let (name, text) = match path {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|error| Stopped {
                code: Code::Usage,
                why: format!(
                    "{}: cannot be read: {error}; give the path of a readable testbed file",
                    path.display()
                ),
            })?;
            (path.display().to_string(), text)
        }
        None => ("the built-in demo".to_owned(), include_str!("../../testbed.yaml").to_owned()),
    };
    Ok(Ground { name, text, schemes: args.scheme.clone(), seed: args.seed })
}

/// Keeps the testbed of a run that broke a guarantee.
fn keep(dir: &Path, ground: &Ground, explored: &Explored) -> Result<(), Stopped> {
    let path = dir.join(format!("run-{}.json", explored.plan.index));
    let testbed = ground
        .testbed(&explored.plan)
        .map_err(|error| Stopped { code: Code::Usage, why: error.to_string() })?;
    let json = serde_json::to_string_pretty(&testbed).map_err(|error| unwritable(&path, &error))?;
    std::fs::write(&path, json + "\n").map_err(|error| unwritable(&path, &error))
}

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> Stopped {
    let why = format!("cannot write {}: {error}; choose another --out", path.display());
    Stopped { code: Code::Usage, why }
}
