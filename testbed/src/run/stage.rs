//! The stage: all hosts with their TAPs, and the node processes in them, set up and ready to begin. Dropping it ends them all.

use super::houses::Houses;
use crate::host::{Host, HostSpec, Neighbour, Nic, check_all};
use crate::place::{Placement, Work};
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
use zerogap_switch::Anchoring;

/// The AGVs' own port.
const CLIENT_PORT: u16 = 40_000;
/// Populating 2 GB takes seconds on a cold machine; a process that takes longer than this is not coming.
const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// A host and its process.
pub(super) struct Actor {
    /// The host.
    pub(super) host: Host,
    /// The control socket of the present process, which plays all the host's nodes; `None` between two lives.
    pub(super) process: Option<Packets>,
    /// The how-manieth process it is, from 0.
    pub(super) life: u16,
}

/// All hosts.
pub(super) struct Stage {
    /// By the host's first node.
    pub(super) actors: BTreeMap<NodeId, Actor>,
    /// Who lives where.
    pub(super) houses: Houses,
    placement: Placement,
    clock: Clock,
}

impl Stage {
    /// Starts all hosts and their processes, and waits until every process is ready to begin.
    pub(super) fn set(scenario: &Scenario, placement: Placement, clock: Clock) -> Result<Self> {
        let houses = Houses::of(&scenario.topology);
        let specs = specs(scenario, &houses);
        check_all(&specs)?;
        let mut stage = Self { actors: BTreeMap::new(), houses, placement, clock };
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

    /// Starts a host's `life`-th process and tells it what it is. It says [`Up::Ready`] when it could begin.
    pub(super) fn start_process(&mut self, scenario: &Scenario, host: NodeId, life: u16) -> Result<()> {
        let Some(actor) = self.actors.get_mut(&host) else { bail!("there is no host of node {host}") };
        let process = actor.host.start_process(life, &[])?;
        let nodes = self.houses.nodes(host);
        for (left, &node) in (0..nodes.len()).rev().zip(nodes) {
            let (clock, placement, work) = (self.clock, self.placement, work(scenario, host));
            let node = config(scenario, node, life)?;
            let setup = Setup { clock, placement, work, node, more: left > 0 };
            process
                .send(&Down::Setup(Box::new(setup)), &[])
                .with_context(|| format!("{} ended at once", actor.host.name))?;
        }
        (actor.process, actor.life) = (Some(process), life);
        Ok(())
    }

    /// Lets a host's process begin.
    pub(super) fn begin(&self, host: NodeId) -> Result<()> {
        self.send(host, &Down::Start).with_context(|| format!("node {host} ended before it began"))
    }

    /// Sends a control message to a node. One whose process is ending does not hear it.
    pub(super) fn control(&self, from: NodeId, to: NodeId, message: Control) {
        // Control messages may be lost: whoever needs an answer asks again.
        let _ = self.send(to, &Down::Control { from, to, message });
    }

    /// Sends a signal to the present process of a node's host.
    pub(super) fn signal(&self, node: NodeId, signal: Signal) -> Result<()> {
        let Some(actor) = self.actor_of(node) else { return Ok(()) };
        actor.host.kill_process(actor.life, signal)
    }

    fn send(&self, node: NodeId, message: &Down) -> std::io::Result<()> {
        match self.actor_of(node).and_then(|actor| actor.process.as_ref()) {
            Some(process) => process.try_send_encoded(&crate::sys::packet::encode(message)?),
            None => Ok(()),
        }
    }

    fn actor_of(&self, node: NodeId) -> Option<&Actor> {
        self.actors.get(&self.houses.host_of(node)?)
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

/// The request path has one core, which for many AGVs is too little: then only the primaries stay with the switches' worker.
fn work(scenario: &Scenario, host: NodeId) -> Work {
    let primary = scenario.switches.iter().flat_map(|switch| &switch.services).find_map(|service| {
        if let Anchoring::Here(service) = service { service.servers.first() } else { None }
    });
    let stays = primary.is_some_and(|(server, _)| *server == host);
    let many = scenario.topology.fleet.len() > 1;
    if many && !stays { Work::Bulk } else { Work::Request }
}

/// What a node of a host's `life`-th process is.
fn config(scenario: &Scenario, node: NodeId, life: u16) -> Result<NodeConfig> {
    if let Some(config) = scenario.server(node, life) {
        let transfer = Endpoint { addr: transfer_addr(node), port: TRANSFER_PORT };
        return Ok(NodeConfig::Server { config, transfer });
    }
    let agv = scenario.agvs.iter().find(|agv| agv.node == node);
    let config = agv.with_context(|| format!("node {node} is neither a server nor an AGV"))?.clone();
    Ok(NodeConfig::Agv { config, bind: client_endpoint(node) })
}

/// Where an AGV asks from.
pub(super) fn client_endpoint(client: NodeId) -> Endpoint {
    Endpoint { addr: service_addr(client), port: CLIENT_PORT }
}

/// The hosts of a scenario, each knowing for good whom it talks to: no request ever waits for ARP.
fn specs(scenario: &Scenario, houses: &Houses) -> Vec<HostSpec> {
    let t = &scenario.topology;
    let client = t.first().client;
    let name = |node| t.names.name(node).into_owned();
    let clients = || t.fleet.iter().map(|member| member.client);
    let client_neighbour =
        |client| Neighbour { nic: Nic::Eth0, addr: service_addr(client), mac: service_mac(client).0 };
    let beyond_first = |host| houses.nodes(host).iter().skip(1);
    let server = |&host: &NodeId| {
        let mut spec = HostSpec::server(host, &name(host), scenario.endpoint(t.first()).addr);
        spec.further = beyond_first(host).map(|node| (Nic::Eth1, transfer_addr(*node))).collect();
        spec.neighbours.extend(clients().map(client_neighbour));
        for &other in t.first().servers.iter().filter(|other| **other != host) {
            let mac = transfer_mac(other).0;
            let peers = houses.nodes(other).iter();
            spec.neighbours.extend(peers.map(|node| Neighbour {
                nic: Nic::Eth1,
                addr: transfer_addr(*node),
                mac,
            }));
        }
        spec
    };
    let mut agvs = HostSpec::client(client, &name(client));
    agvs.further = beyond_first(client).map(|node| (Nic::Eth0, service_addr(*node))).collect();
    // The AGVs ask for the service's address by ARP, as any client would; the switch answers.
    t.first().servers.iter().map(server).chain([agvs]).collect()
}
