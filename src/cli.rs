//! The arguments. What stands here is also what `--help` says.

use crate::calibrate::args::Calibrate;
use crate::campaign::args::{Campaign, Merge};
use crate::ctl::args::Ctl;
use crate::explore::args::Explore;
use crate::switch::args::Switch;
use clap::{Args, Parser, Subcommand, ValueEnum};
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
    Simulate(Simulate),
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
    /// The paper's Table I in virtual time: schemes by sizes of the state, again and again, under both rules of handover.
    ///
    /// Runs on all cores; neither the number of threads nor a split into shards changes what comes out. Written to the directory:
    /// `campaign.json` (every run with its seed, and what they say together), `table.txt`, `added-delay` and `migration-time`
    /// (the paper's figures 3 and 4) as `.svg` and `.png`, and `testbed.json`, the configuration that all runs share: with it, `zerogap
    /// simulate` makes any of them again.
    ///
    /// Exit codes: 0 done, whatever the verdicts are; 1 a run could not be completed, 2 usage or configuration.
    Campaign(Campaign),
    /// The shards of a campaign back to one: the same files as without `--shard`, to the byte.
    Merge(Merge),
    /// Measure what this machine takes for what a migration is made of, and write it to a file for `--calibration`.
    ///
    /// Makes short runs for real, some minutes in all at the default sizes, and reads from their journals: how long a server stands still
    /// for a snapshot and between rounds, a full copy, a transfer beside its links' time, the scan of a restored state, a replayed
    /// request, a control message, and the way of a request through the machine. What the runs left behind is removed, also after Ctrl-C.
    ///
    /// Exit codes: 0 done, 1 a run could not be completed, 2 usage or configuration, 3 this machine lacks something.
    Calibrate(Calibrate),
    /// Random runs with random faults in virtual time, each judged by the guarantees.
    ///
    /// Every run is short and moves the service several times; links lose, double and reorder, servers die, stand still or rot, links
    /// go down, controllers forget. A run that breaks a guarantee is told with the command that replays it, made as small as possible.
    ///
    /// Exit codes: 0 no guarantee was broken, 1 one was, 2 usage or configuration.
    Explore(Explore),
    /// The switch by itself: a learning switch between TAPs that it makes and interfaces that are there.
    ///
    /// Says `ready` on standard output when frames may come; ends upon Ctrl-C or SIGTERM and says what each port has seen. The
    /// TAPs go with it.
    ///
    /// Exit codes: 0 done, 1 a capture could not be written to its end, 2 usage or configuration, 3 this machine lacks something.
    Switch(Switch),
    /// Ask a running `zerogap switch` how things stand, change its tables, follow its rates.
    ///
    /// It asks over a local socket in the network namespace that the switch was started in, as the switch's user or root.
    ///
    /// Exit codes: 0 done, 1 the switch cannot be asked, 2 usage, or the switch refuses a bundle and has changed nothing.
    Ctl(Ctl),
    /// Run a command inside a node of a running testbed, e.g. `zerogap exec agv -- ping 10.90.255.1`.
    Exec(Exec),
    /// What this machine can and cannot do, and how to mend it.
    Doctor(Doctor),
    /// Check a testbed file, pointing at the line.
    Validate(Validate),
    /// Print the JSON schema of testbed files, or of the switch's.
    Schema(Schema),
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

/// An experiment in virtual time.
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    #[command(flatten)]
    pub(crate) experiment: Experiment,
    /// Lay this file of measured times, which `zerogap calibrate` writes, over the testbed file.
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,
    /// Print the run on standard output as a transcript: a line for each thing that matters, phases as headings, requests as counts but
    /// for those that are late or lost. `--trace=frames` adds every frame, up to 100,000.
    #[arg(
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "events",
        conflicts_with = "json"
    )]
    pub(crate) trace: Option<Trace>,
}

/// What a transcript shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Trace {
    /// What the journal tells, and requests.
    Events,
    /// Every frame too.
    Frames,
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
    /// Simulate every run too, with the same configuration and seed, and show what was predicted beside what was measured.
    #[arg(long)]
    pub(crate) predict: bool,
    /// Predict with this file of measured times, which `zerogap calibrate` writes, laid over the testbed file.
    #[arg(long, value_name = "FILE", requires = "predict")]
    pub(crate) calibration: Option<PathBuf>,
    /// Print compare.json on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn scheme(name: &str) -> Result<Scheme, String> {
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
pub(crate) struct Schema {
    /// Of which files.
    #[arg(value_enum, default_value = "testbed")]
    pub(crate) of: SchemaOf,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SchemaOf {
    /// Testbed files.
    Testbed,
    /// Files of `zerogap switch --config`.
    Switch,
}

#[derive(Debug, Args)]
pub(crate) struct Node {
    /// The node's name.
    pub(crate) name: String,
}
