//! The yardstick that `scripts/bench-peers` holds switches against: two threads, each blocks in a read of one TAP and
//! writes what it got to the other. It looks at no address and knows no third port, so what a switch needs beyond it
//! is the switch's own price. It shares no code with the switch that it is to judge.

mod tap;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::exit;
use std::thread;

/// The largest frame with offloads: a virtio-net header, an Ethernet header and 64 KiB of IP.
const FRAME_MAX: usize = 10 + 14 + 65_536;

/// Forwards frames between two TAPs and does nothing else
#[derive(Parser)]
struct Args {
    /// A TAP to create, as NAME@NETNS with NETNS a name under /run/netns; give it twice
    #[arg(long = "tap", value_name = "NAME@NETNS", required = true)]
    taps: Vec<String>,
    /// Pass checksums and TCP segmentation on undone, with virtio-net headers
    #[arg(long)]
    offload: bool,
    /// The MTU of both TAPs
    #[arg(long, default_value_t = 1500)]
    mtu: u32,
    /// Run on this core only
    #[arg(long)]
    core: Option<usize>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let [left, right] = args.taps.as_slice() else { bail!("--tap must be given exactly twice") };
    if let Some(core) = args.core {
        let mut cores = CpuSet::new();
        cores.set(core)?;
        sched_setaffinity(Pid::from_raw(0), &cores).with_context(|| format!("cannot run on core {core}"))?;
    }
    let left = tap::create(left, args.offload, args.mtu)?;
    let right = tap::create(right, args.offload, args.mtu)?;
    println!("ready");
    thread::scope(|scope| {
        scope.spawn(|| forward(&right, &left));
        forward(&left, &right)
    })
}

/// Forwards until a TAP is gone, which ends the program. What the other TAP refuses is lost: there is no queue.
fn forward(mut from: &File, mut to: &File) -> ! {
    let mut frame = vec![0; FRAME_MAX];
    let error = loop {
        match from.read(&mut frame).map(|len| to.write(&frame[..len])) {
            Ok(Ok(_)) => {}
            // It has no kind of its own: the interface is down.
            Ok(Err(error)) if error.raw_os_error() == Some(libc::EIO) => {}
            Ok(Err(error)) | Err(error) => break error,
        }
    };
    eprintln!("a TAP is gone: {error}");
    exit(1)
}
