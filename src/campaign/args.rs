//! The arguments of `zerogap campaign` and `zerogap merge`. What stands here is also what `--help` says.

use crate::cli::scheme;
use clap::Args;
use std::path::PathBuf;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;
use zerogap_scenario::campaign::Shard;
use zerogap_scenario::file::Override;
use zerogap_scenario::size::Size;

/// A campaign.
#[derive(Debug, Args)]
pub(crate) struct Campaign {
    /// The testbed file. If it is left out, the built-in `testbeds/table1.yaml` is used: the paper's Table I.
    pub(crate) file: Option<PathBuf>,
    /// What is compared.
    #[arg(
        long,
        value_name = "SCHEME,…",
        value_delimiter = ',',
        value_parser = scheme,
        default_value = "redundancy,hot-standby"
    )]
    pub(crate) schemes: Vec<Scheme>,
    /// The rules of handover: `reactive` is the paper's, where the switch that the AGV comes to waits for the SDN controller's
    /// decision; under `notify` it sends on and only tells.
    #[arg(
        long,
        value_name = "RULE,…",
        value_delimiter = ',',
        value_parser = handover,
        default_value = "reactive,notify"
    )]
    pub(crate) handovers: Vec<HandoverMode>,
    /// Sizes of each server's state.
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',', default_value = "4MB,20MB,40MB,2000MB")]
    pub(crate) states: Vec<Size>,
    /// How often each scheme runs at each size under each rule.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) repeat: u32,
    /// Seed of all repetitions' seeds, in place of the file's.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Set any value of the file for all runs, e.g. `--set review.agreements=50`. May be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<Override>,
    /// What `zerogap calibrate` has measured of a machine, in place of what the file says that things take.
    #[arg(long, value_name = "FILE")]
    pub(crate) calibration: Option<PathBuf>,
    /// Simulate only a part, the I-th of N; `zerogap merge` makes one campaign of all parts.
    #[arg(long, value_name = "I/N")]
    pub(crate) shard: Option<Shard>,
    /// How many runs at a time; as many as there are cores if it is left out. The results are the same.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// The directory for everything that comes out.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print campaign.json (of a shard: shard.json) on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The parts of a campaign.
#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The directories of all shards, in any order.
    #[arg(required = true, value_name = "SHARD_DIR")]
    pub(crate) shards: Vec<PathBuf>,
    /// The directory for everything that comes out.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print campaign.json on standard output and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

fn handover(name: &str) -> Result<HandoverMode, String> {
    let known = HandoverMode::ALL.map(HandoverMode::name).join(", ");
    HandoverMode::ALL
        .into_iter()
        .find(|handover| handover.name() == name)
        .ok_or_else(|| format!("the rules are {known}"))
}
