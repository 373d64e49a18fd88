//! The processes inside hosts: each drives one pure node. They are told what they are over their control socket
//! (descriptor 3), say when they are ready, and end when the testbed closes it.

mod child;
mod drive;
mod flow;
mod jobs;
mod lines;
mod pager;
mod receive;
mod send;
mod server_jobs;
mod source;
mod uplink;
mod wire;

pub use drive::{Driver, drive};
pub use jobs::{Jobs, NoJobs};
pub use server_jobs::ServerJobs;
pub use uplink::Uplink;
pub use wire::{Down, Lost, NodeConfig, Setup, Up};

use crate::place::Work;
use crate::sys::fd::{CONTROL_FD, adopt};
use crate::sys::packet::{Packets, Received};
use anyhow::{Context as _, Result, bail};
use nix::sys::prctl;
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::setsid;
use std::ffi::CString;
use std::fs;
use std::net::UdpSocket;
use std::process::ExitCode;
use zerogap_client_agv::Agv;
use zerogap_proto::{Endpoint, Node};
use zerogap_server_app::{Region, Server};

/// Room for all that can arrive while the process is not running: some thousand messages, if the kernel allows it.
const RECEIVE_BUFFER_LEN: usize = 4 << 20;

/// The hidden subcommand `zerogap server NAME`.
pub fn server_main(name: &str) -> ExitCode {
    report(name, "server", run_server())
}

/// The hidden subcommand `zerogap agv NAME`.
pub fn agv_main(name: &str) -> ExitCode {
    report(name, "AGV", run_agv())
}

fn run_server() -> Result<()> {
    let (control, setup) = take_setup()?;
    let NodeConfig::Server { config, transfer } = setup.node else {
        bail!("it was set up as something else")
    };
    // If the machine runs out of memory, it is a server that goes, not what measures it.
    fs::write("/proc/self/oom_score_adj", "1000").context("cannot set oom_score_adj")?;
    let socket = bind(config.service)?;
    let memory = Region::new(usize::try_from(config.state_bytes)?, config.prior)?;
    let server = Server::new(config, memory)?;
    run(server, ServerJobs::new(transfer, setup.placement, setup.clock), socket, control, setup.clock)
}

fn run_agv() -> Result<()> {
    let (control, setup) = take_setup()?;
    let NodeConfig::Agv { config, bind: at } = setup.node else { bail!("it was set up as something else") };
    run(Agv::new(config)?, NoJobs, bind(at)?, control, setup.clock)
}

/// Takes the process over and waits to be told what it is.
fn take_setup() -> Result<(Packets, Setup)> {
    let control = adopt(CONTROL_FD).context("this subcommand is started by the testbed only")?;
    let control = Packets::from_owned(control);
    // A session of its own has an autogroup of its own.
    setsid()?;
    prctl::set_timerslack(1)?;
    let setup = match control.receive()? {
        Received::Message(Down::Setup(setup), _) => *setup,
        Received::Message(Down::Start | Down::Control { .. }, _) => bail!("it was not set up first"),
        Received::Nothing | Received::End => bail!("the testbed ended before the set-up"),
    };
    setup.placement.enter(Work::Request)?;
    Ok((control, setup))
}

/// Says that it is ready, waits for the start and drives the node to the end of the testbed.
fn run<N: Node, J: Jobs<N>>(
    node: N,
    jobs: J,
    socket: UdpSocket,
    control: Packets,
    clock: crate::sys::clock::Clock,
) -> Result<()> {
    control.send(&Up::Ready, &[])?;
    loop {
        match control.receive()? {
            Received::Message(Down::Start, _) => break,
            // Control messages may get lost; before the start there is nobody to take them.
            Received::Message(Down::Setup(_) | Down::Control { .. }, _) | Received::Nothing => {}
            Received::End => return Ok(()),
        }
    }
    drive(Driver::new(node, jobs, socket, control, clock))
}

fn bind(at: Endpoint) -> Result<UdpSocket> {
    let socket = UdpSocket::bind((at.addr, at.port)).with_context(|| format!("cannot bind {at}"))?;
    socket.set_nonblocking(true)?;
    // The kernel gives what its limit allows.
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER_LEN)?;
    Ok(socket)
}

fn report(name: &str, what: &str, result: Result<()>) -> ExitCode {
    // A name that fits is all that `ps` shows; one that does not is cut by the kernel.
    if let Ok(name) = CString::new(name) {
        let _ = prctl::set_name(&name);
    }
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zerogap: {what} {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
