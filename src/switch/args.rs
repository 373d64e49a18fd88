//! The arguments of `zerogap switch`.

use crate::ctl::socket;
use clap::Args;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use zerogap_switch::io::Wait;

/// A switch by itself.
#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// Make a TAP of this name, in the namespace NETNS (a name under /run/netns) or in this one, and take it up. May be given several
    /// times. It goes when the switch ends.
    #[arg(long = "tap", value_name = "NAME[@NETNS]", required_unless_present_any = ["attach", "configs"])]
    pub(crate) taps: Vec<Place>,
    /// Attach to an interface that is there: a veth, a TAP that others hold, a bridge's port. May be given several times.
    #[arg(long, value_name = "NAME[@NETNS]")]
    pub(crate) attach: Vec<Place>,
    /// Ports, flows, groups and meters from this file (YAML or JSON), beside the ports given here; see docs/switch.md. Given several
    /// times, each file is a switch of its own, which trunks join to others; what else is given here is the first one's, and the
    /// others are called what their files are called.
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) configs: Vec<PathBuf>,
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
    /// What `zerogap ctl --name` calls this switch; in one network namespace every switch has a name of its own.
    #[arg(long, value_name = "NAME", default_value = "switch", value_parser = socket::name)]
    pub(crate) name: String,
    /// Hand out figures for Prometheus at http://ADDR:PORT/metrics; with a port alone, on this machine's loopback only.
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = metrics_address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Write every frame in and out at a port to a pcapng file, with what became of it as a comment. May be given several times;
    /// ports of the same file share it.
    #[arg(long = "capture", value_name = "PORT=FILE")]
    pub(crate) captures: Vec<PortFile>,
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

/// A port's capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortFile {
    pub(crate) port: String,
    pub(crate) file: PathBuf,
}

impl FromStr for PortFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((port, file)) if !port.is_empty() && !file.is_empty() => {
                Ok(Self { port: port.to_owned(), file: file.into() })
            }
            Some(_) | None => Err("it is written PORT=FILE".to_owned()),
        }
    }
}

fn metrics_address(text: &str) -> Result<SocketAddr, String> {
    let on_loopback = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let parsed = text.parse().map(on_loopback).or_else(|_| text.parse());
    parsed.map_err(|_| "it is written PORT, ADDR:PORT or [ADDR]:PORT, as 9090 or 192.0.2.1:9090".to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_stay_on_this_machine_unless_an_address_is_given() {
        for (text, address) in
            [("9090", "127.0.0.1:9090"), ("192.0.2.1:80", "192.0.2.1:80"), ("[::1]:80", "[::1]:80")]
        {
            assert_eq!(metrics_address(text), Ok(address.parse().expect("an address")));
        }
        assert!(metrics_address("localhost").is_err() && metrics_address("70000").is_err());
    }

    #[test]
    fn a_capture_names_a_port_and_a_file() {
        let capture = PortFile { port: "a".to_owned(), file: "x=y.pcapng".into() };
        assert_eq!("a=x=y.pcapng".parse(), Ok(capture));
        assert!(["a", "a=", "=x"].iter().all(|text| text.parse::<PortFile>().is_err()));
    }
}
