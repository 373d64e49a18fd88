//! The arguments of `zerogap switch`.

use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use zerogap_switch::io::Wait;

/// A switch by itself.
#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// Make a TAP of this name, in the namespace NETNS (a name under /run/netns) or in this one, and take it up. May be given several
    /// times. It goes when the switch ends.
    #[arg(long = "tap", value_name = "NAME[@NETNS]", required_unless_present_any = ["attach", "config"])]
    pub(crate) taps: Vec<Place>,
    /// Attach to an interface that is there: a veth, a TAP that others hold, a bridge's port. May be given several times.
    #[arg(long, value_name = "NAME[@NETNS]")]
    pub(crate) attach: Vec<Place>,
    /// Ports, flows, groups and meters from this file (YAML or JSON), beside the ports given here; see docs/switch.md.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// TAPs take whole TCP segments of up to 64 KB and unfinished checksums: many times the TCP throughput.
    #[arg(long)]
    pub(crate) offload: bool,
    /// MTU of the TAPs.
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u16).range(68..=9000))]
    pub(crate) mtu: Option<u16>,
    /// How workers wait for frames: `block` in the kernel, `spin` on a core of their own, `adaptive` first the one, then the other.
    #[arg(long, value_name = "HOW", default_value = "block")]
    pub(crate) wait: Wait,
    /// Workers; a port is read by one of them. By default one a port, 16 at the most.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) workers: Option<u16>,
    /// Cores for the workers, in turn. By default they may use any; see docs/performance.md.
    #[arg(long = "core", value_name = "N,…", value_delimiter = ',')]
    pub(crate) cores: Vec<usize>,
    /// Frames to everybody (broadcast, groups, unknown addresses) that a port may send a second; 0 is no limit.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) storm_limit: u32,
    /// Seconds after which an address that is not heard is forgotten.
    #[arg(long, value_name = "SECONDS", default_value_t = zerogap_switch::bridge::AGE_MAX_S)]
    pub(crate) age: u32,
    /// Print the accounts at the end as JSON on standard output, after the line `ready`, and nothing else there.
    #[arg(long)]
    pub(crate) json: bool,
}

/// An interface and the namespace it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, namespace) = match text.split_once('@') {
            Some((name, namespace)) => (name, Some(namespace)),
            None => (text, None),
        };
        if name.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err("it is written NAME or NAME@NETNS".to_owned());
        }
        Ok(Self { name: name.to_owned(), namespace: namespace.map(str::to_owned) })
    }
}
