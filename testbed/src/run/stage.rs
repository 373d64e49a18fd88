//! The stage: all hosts with their TAPs, and the node processes in them, set up and ready to begin. Dropping it ends them all.

use crate::host::{Host, HostSpec, Neighbour, Nic, check_all};
use crate::place::Placement;
use crate::process::{Down, NodeConfig, Setup, Up};
use crate::sys::clock::{Clock, timeout};
use crate::sys::packet::{Packets, Received};
use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use zerogap_proto::address::{TRANSFER_PORT, service_addr, service_mac, transfer_addr, transfer_mac};
use zerogap_proto::{Control, Duration, Endpoint, NodeId};
use zerogap_scenario::Scenario;

/// The AGV's own port.
const CLIENT_PORT: u16 = 40_000;
/// Populating 2 GB takes seconds on a cold machine; a process that takes longer than this is not coming.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// A host and its process.
pub(super) struct Actor {
    /// The host.
    pub(super) host: Host,
    /// The control socket of the present process; `None` between two lives.
    pub(super) process: Option<Packets>,
    /// The how-manieth process it is, from 0.
    pub(super) life: u16,
}

/// All hosts.
pub(super) struct Stage {
    pub(super) actors: BTreeMap<NodeId, Actor>,
    placement: Placement,
    clock: Clock,
}

impl Stage {
    /// Starts all hosts and their processes, and waits until every process is ready to begin.
    pub(super) fn set(scenario: &Scenario, placement: Placement, clock: Clock) -> Result<Self> {
        let specs = specs(scenario);
        check_all(&specs)?;
        let mut stage = Self { actors: BTreeMap::new(), placement, clock };
        for spec in &specs {
            let host = Host::start(spec)?;
            stage.actors.insert(spec.node, Actor { host, process: None, life: 0 });
        }
        let nodes: Vec<NodeId> = stage.actors.keys().copied().collect();
        for &node in &nodes {
            stage.start_process(scenario, node, 0)?;
        }
        for node in nodes {
            stage.wait_until_ready(node)?;
        }
        Ok(stage)
    }

    /// Starts a node's `life`-th process and tells it what it is. It says [`Up::Ready`] when it could begin.
    pub(super) fn start_process(&mut self, scenario: &Scenario, node: NodeId, life: u16) -> Result<()> {
        let Some(actor) = self.actors.get_mut(&node) else { bail!("there is no host of node {node}") };
        let config = match scenario.server(node, life) {
            Some(config) => {
                let transfer = Endpoint { addr: transfer_addr(node), port: TRANSFER_PORT };
                NodeConfig::Server { config, transfer }
            }
            None => {
                let bind = Endpoint { addr: service_addr(node), port: CLIENT_PORT };
                NodeConfig::Agv { config: scenario.agvs[0].clone(), bind }
            }
        };
        let process = actor.host.start_process(life, &[])?;
        let setup = Setup { clock: self.clock, placement: self.placement, node: config };
        process
            .send(&Down::Setup(Box::new(setup)), &[])
            .with_context(|| format!("{} ended at once", actor.host.name))?;
        (actor.process, actor.life) = (Some(process), life);
        Ok(())
    }

    /// Lets a process begin.
    pub(super) fn begin(&self, node: NodeId) -> Result<()> {
        self.send(node, &Down::Start).with_context(|| format!("node {node} ended before it began"))
    }

    /// Sends a control message to a process. One that is ending does not hear it.
    pub(super) fn control(&self, from: NodeId, to: NodeId, message: Control) {
        // Control messages may be lost: whoever needs an answer asks again.
        let _ = self.send(to, &Down::Control { from, message });
    }

    /// Sends a signal to a node's present process.
    pub(super) fn signal(&self, node: NodeId, signal: Signal) -> Result<()> {
        let Some(actor) = self.actors.get(&node) else { return Ok(()) };
        actor.host.kill_process(actor.life, signal)
    }

    fn send(&self, node: NodeId, message: &Down) -> std::io::Result<()> {
        match self.actors.get(&node).and_then(|actor| actor.process.as_ref()) {
            Some(process) => process.try_send_encoded(&crate::sys::packet::encode(message)?),
            None => Ok(()),
        }
    }

    fn wait_until_ready(&mut self, node: NodeId) -> Result<()> {
        let Some(actor) = self.actors.get_mut(&node) else { return Ok(()) };
        let Some(process) = &actor.process else { return Ok(()) };
        let name = &actor.host.name;
        let mut fds = [PollFd::new(process.as_fd(), PollFlags::POLLIN)];
        if ppoll(&mut fds, Some(timeout(READY_TIMEOUT)), None)? == 0 {
            bail!("{name} was not ready after {READY_TIMEOUT}: is there enough memory for its state?");
        }
        match process.receive()? {
            Received::Message(Up::Ready, _) => Ok(()),
            Received::Message(other, _) => bail!("{name} said {other:?} before it was ready"),
            Received::Nothing | Received::End => bail!("{name} could not start; its own message is above"),
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // All are killed first, so that they end side by side; dropping each then waits for it.
        for actor in self.actors.values() {
            let _ = actor.host.kill();
        }
    }
}

/// The hosts of a scenario, each knowing for good whom it talks to: no request ever waits for ARP.
fn specs(scenario: &Scenario) -> Vec<HostSpec> {
    let t = &scenario.topology;
    let client = t.first().client;
    let name = |node| t.names.name(node).into_owned();
    let client_neighbour =
        Neighbour { nic: Nic::Eth0, addr: service_addr(client), mac: service_mac(client).0 };
    let peer =
        |node: NodeId| Neighbour { nic: Nic::Eth1, addr: transfer_addr(node), mac: transfer_mac(node).0 };
    let server = |&node: &NodeId| {
        let mut spec = HostSpec::server(node, &name(node), scenario.endpoint(t.first()).addr);
        spec.neighbours.push(client_neighbour);
        spec.neighbours.extend(t.servers.iter().filter(|other| **other != node).map(|other| peer(*other)));
        spec
    };
    // The AGV asks for the service's address by ARP, as any client would; the switch answers.
    t.servers.iter().map(server).chain([HostSpec::client(client, &name(client))]).collect()
}
