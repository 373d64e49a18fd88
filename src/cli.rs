//! The arguments. What stands here is also what `--help` says.

use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use zerogap_proto::Scheme;
use zerogap_scenario::file::Override;
use zerogap_scenario::size::Size;

/// Moves a running UDP service between edge servers without its client noticing, and measures whether it noticed.
///
/// Exit codes: 0 uninterrupted or done, 1 interrupted or failed, 2 usage or configuration, 3 this machine lacks
/// something, 4 inconclusive (the host stalled).
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// One experiment for real: processes in namespaces, TAPs, real state.
    Run(Experiment),
    /// The same experiment in virtual time: needs no privileges, and the same seed gives the same result.
    Simulate(Experiment),
    /// Schemes side by side for real, again and again in turn, beside runs without a migration.
    ///
    /// Every run is a process of its own, with one migration. A control run without one stands beside the schemes at each size, and
    /// windows of it as long as their migrations say what the machine adds by itself. Written to the directory: `compare.json`
    /// (every run and what they say together), `added-delay` and `migration-time` as `.svg` and `.png`, and below `cells`,
    /// as STATE/SCHEME/REPETITION, every run's own results with its configuration (`testbed.json`, which can be run again)
    /// and what it printed (`log.txt`).
    ///
    /// Exit codes: 0 done, whatever the verdicts are; 1 a run could not be completed, 2 usage or configuration, 3 this machine
    /// lacks something.
    Compare(Compare),
    /// Run a command inside a node of a running testbed, e.g. `zerogap exec agv -- ping 10.90.255.1`.
    Exec(Exec),
    /// What this machine can and cannot do, and how to mend it.
    Doctor(Doctor),
    /// Check a testbed file, pointing at the line.
    Validate(Validate),
    /// Print the JSON schema of testbed files.
    Schema,
    #[command(hide = true)]
    Host(Node),
    #[command(hide = true)]
    Server(Node),
    #[command(hide = true)]
    Agv(Node),
}

/// An experiment, real or simulated.
#[derive(Debug, Args)]
pub(crate) struct Experiment {
    /// The testbed file. If it is left out and there is no `testbed.yaml`, the built-in demo is used.
    pub(crate) file: Option<PathBuf>,
    /// How the service is moved.
    #[arg(long)]
    scheme: Option<String>,
    /// Size of each server's state, e.g. `40MB`.
    #[arg(long, value_name = "SIZE")]
    state: Option<String>,
    /// Seed of all randomness: of the whole run in virtual time, of the requests' schedule for real.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The least time that the AGV drives, e.g. `30s`.
    #[arg(long, value_name = "D")]
    duration: Option<String>,
    /// How many migrations, there and back; 0 is the control run.
    #[arg(long, value_name = "N")]
    migrations: Option<u32>,
    /// Set any value of the file, e.g. `--set review.agreements=50`. May be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    set: Vec<Override>,
    /// Write result.json, events.ndjson, requests.csv and rtt.hlog to this directory.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print result.json on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Experiment {
    /// What the arguments change in the file, `--set` last.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let text = |path: &str, value: &Option<String>| value.as_ref().map(|v| Override::new(path, v));
        [
            text("scheme", &self.scheme),
            text("state.size", &self.state),
            self.seed.map(|seed| Override::new("seed", seed)),
            text("duration", &self.duration),
            self.migrations.map(|n| Override::new("migrations", n)),
        ]
        .into_iter()
        .flatten()
        .chain(self.set.iter().cloned())
        .collect()
    }
}

/// A comparison.
#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The testbed file. If it is left out and there is no `testbed.yaml`, the built-in demo is used.
    pub(crate) file: Option<PathBuf>,
    /// What is compared, e.g. `pre-copy,hot-standby`. The control is always added.
    #[arg(
        long,
        value_name = "SCHEME,…",
        value_delimiter = ',',
        value_parser = scheme,
        default_value = "stop-and-copy,pre-copy,post-copy,hybrid,redundancy,hot-standby"
    )]
    pub(crate) schemes: Vec<Scheme>,
    /// Sizes of each server's state.
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',', default_value = "4MB,40MB,400MB")]
    pub(crate) states: Vec<Size>,
    /// How often each scheme runs at each size.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) repeat: u32,
    /// The directory for everything that comes out.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Go on with the comparison in this directory: runs that are finished there, with the same configuration, are not
    /// made again.
    #[arg(long)]
    pub(crate) resume: bool,
    /// Set any value of the file for all runs, e.g. `--set review.agreements=50`. May be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<Override>,
    /// Print compare.json on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

fn scheme(name: &str) -> Result<Scheme, String> {
    let known = Scheme::ALL.map(Scheme::name).join(", ");
    Scheme::ALL
        .into_iter()
        .find(|scheme| scheme.name() == name)
        .ok_or_else(|| format!("the schemes are {known}"))
}

#[derive(Debug, Args)]
pub(crate) struct Exec {
    /// The node: `agv`, `edge-a1`, …
    pub(crate) node: String,
    /// The command and its arguments.
    #[arg(last = true, required = true)]
    pub(crate) command: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Print the checks as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Validate {
    /// The testbed file.
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The node's name.
    pub(crate) name: String,
}
