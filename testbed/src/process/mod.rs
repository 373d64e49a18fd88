//! The processes inside hosts: each drives one pure node, or in a fleet those of all services. They are told what they are over
//! their control socket (descriptor 3), say when they are ready, and end when the testbed closes it.

mod child;
mod drive;
mod ears;
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

pub use drive::{Driver, Part, drive};
pub use jobs::{Jobs, NoJobs};
pub use server_jobs::ServerJobs;
pub use uplink::Uplink;
pub use wire::{Down, Lost, NodeConfig, Setup, Up};

use crate::sys::fd::{CONTROL_FD, adopt};
use crate::sys::packet::{Packets, Received};
use anyhow::{Context as _, Result, bail};
use nix::sys::prctl;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::setsid;
use std::ffi::CString;
use std::fs;
use std::net::UdpSocket;
use std::process::ExitCode;
use zerogap_client_agv::Agv;
use zerogap_proto::{Endpoint, Node, NodeId};
use zerogap_server_app::{Region, Server, ServerConfig};

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
    let (control, first) = take_setup()?;
    // If the machine runs out of memory, it is a server that goes, not what measures it.
    fs::write("/proc/self/oom_score_adj", "1000").context("cannot set oom_score_adj")?;
    let shared = first.more;
    let part = |setup: Setup| {
        let NodeConfig::Server { config, transfer } = setup.node else {
            bail!("it was set up as something else")
        };
        let jobs = ServerJobs::new(transfer, setup.placement, setup.clock, shared);
        server(config, jobs)
    };
    run(first, control, part)
}

fn server(config: ServerConfig, jobs: ServerJobs) -> Result<Part<Server<Region>, ServerJobs>> {
    let (id, socket) = (config.node, bind(config.service)?);
    let memory = Region::new(usize::try_from(config.state_bytes)?, config.prior)?;
    Ok(Part { id, node: Server::new(config, memory)?, jobs, socket })
}

fn run_agv() -> Result<()> {
    let (control, first) = take_setup()?;
    run(first, control, |setup: Setup| {
        let NodeConfig::Agv { config, bind: at } = setup.node else {
            bail!("it was set up as something else")
        };
        let (id, socket): (NodeId, UdpSocket) = (config.node, bind(at)?);
        Ok(Part { id, node: Agv::new(config)?, jobs: NoJobs, socket })
    })
}

/// Takes the process over and waits to be told what it is.
fn take_setup() -> Result<(Packets, Setup)> {
    let control = adopt(CONTROL_FD).context("this subcommand is started by the testbed only")?;
    let control = Packets::from_owned(control);
    // A session of its own has an autogroup of its own.
    setsid()?;
    prctl::set_timerslack(1)?;
    let setup = next_setup(&control)?;
    setup.placement.enter(setup.work)?;
    if setup.more {
        // A socket for each node. Where the limit stays lower, binding tells.
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)?;
        setrlimit(Resource::RLIMIT_NOFILE, most, most)?;
    }
    Ok((control, setup))
}

fn next_setup(control: &Packets) -> Result<Setup> {
    match control.receive()? {
        Received::Message(Down::Setup(setup), _) => Ok(*setup),
        Received::Message(Down::Start | Down::Control { .. }, _) => bail!("it was not set up first"),
        Received::Nothing | Received::End => bail!("the testbed ended before the set-up"),
    }
}

/// Makes a part of each set-up, says that it is ready, waits for the start and drives the nodes to the end of the testbed.
fn run<N: Node, J: Jobs<N>>(
    first: Setup,
    control: Packets,
    part: impl Fn(Setup) -> Result<Part<N, J>>,
) -> Result<()> {
    let (clock, mut more) = (first.clock, first.more);
    let mut parts = vec![part(first)?];
    while more {
        let setup = next_setup(&control)?;
        more = setup.more;
        parts.push(part(setup)?);
    }
    control.send(&Up::Ready, &[])?;
    loop {
        match control.receive()? {
            Received::Message(Down::Start, _) => break,
            // Control messages may get lost; before the start there is nobody to take them.
            Received::Message(Down::Setup(_) | Down::Control { .. }, _) | Received::Nothing => {}
            Received::End => return Ok(()),
        }
    }
    drive(Driver::new(parts, control, clock)?)
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
