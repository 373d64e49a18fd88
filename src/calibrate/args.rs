//! The arguments of `zerogap calibrate`. What stands here is also what `--help` says.

use clap::Args;
use std::path::PathBuf;
use zerogap_scenario::file::Override;
use zerogap_scenario::size::Size;

/// A calibration.
#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// The testbed file whose links and placement are used. If it is left out and there is no `testbed.yaml`, the built-in demo is used.
    pub(crate) file: Option<PathBuf>,
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Sizes of the state.
    #[arg(long, value_name = "SIZE,…", value_delimiter = ',', default_value = "4MB,40MB,400MB")]
    pub(crate) sizes: Vec<Size>,
    /// How often each run is made.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) repeat: u32,
    /// Make no runs: read those that `zerogap compare` has left in this directory.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["sizes", "repeat", "set", "file"])]
    pub(crate) from: Option<PathBuf>,
    /// Set any value of the testbed file for all runs. May be given several times.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub(crate) set: Vec<Override>,
}
