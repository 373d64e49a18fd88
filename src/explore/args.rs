//! The arguments of `zerogap explore`. What stands here is also what `--help` says.

use crate::cli::scheme;
use clap::Args;
use std::num::NonZero;
use std::path::PathBuf;
use zerogap_proto::Scheme;

/// An exploration.
#[derive(Debug, Args)]
pub(crate) struct Explore {
    /// The testbed file that the random runs are variations of; it must have the demo's switches and servers. If it is left out
    /// and there is no `testbed.yaml`, the built-in demo is used.
    pub(crate) file: Option<PathBuf>,
    /// How many runs; 1000 if neither this nor `--migrations` is given.
    #[arg(long, value_name = "N", conflicts_with = "migrations")]
    pub(crate) runs: Option<u64>,
    /// Go on until so many migrations have begun.
    #[arg(long, value_name = "N")]
    pub(crate) migrations: Option<u64>,
    /// Seed of the exploration: with a run's index it makes the run.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The index of the first run: explorations with one seed can be split.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) first: u64,
    /// Runs at one time; all cores if left out. What comes out does not depend on it.
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZero<usize>>,
    /// The schemes that are drawn from; all if left out.
    #[arg(long, value_name = "SCHEME,…", value_delimiter = ',', value_parser = scheme)]
    pub(crate) scheme: Vec<Scheme>,
    /// Go on after a violation.
    #[arg(long)]
    pub(crate) keep_going: bool,
    /// Write explore.json, and the testbed of each run that broke a guarantee as `run-INDEX.json`, to this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print explore.json on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}
