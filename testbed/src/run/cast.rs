//! The threads of a run: two workers and the controllers, each with a mailbox, and the post between them.

use super::controllers::Controllers;
use super::stage::{Stage, client_endpoint};
use crate::place::{Placement, Work};
use crate::sys::clock::Clock;
use crate::worker::{
    Device, LinkClocks, Mail, MailSender, Mailbox, Ports, Post, SharedWires, Worker, WorkerSetup, mailbox,
};
use anyhow::{Context as _, Result};
use nix::sys::prctl;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use zerogap_proto::{Endpoint, NodeId};
use zerogap_scenario::results::FleetFigures;
use zerogap_scenario::{Ending, Scenario, Wires};
use zerogap_switch::link::Class;
use zerogap_switch::{Counters, Radio, Switch, SwitchConfig};

type Shared<T> = Arc<Mutex<T>>;

/// The running threads.
pub(super) struct Cast {
    threads: Vec<(MailSender, JoinHandle<()>)>,
    counters: Shared<BTreeMap<NodeId, Counters>>,
    link_drops: Shared<BTreeMap<NodeId, Counters>>,
    fleet: Shared<FleetFigures>,
    /// How to reach nodes.
    pub(super) post: Post,
    /// What the threads tell the main thread.
    pub(super) mailbox: Mailbox,
    workers: Vec<MailSender>,
    controllers: MailSender,
}

impl Cast {
    /// Starts the threads. The hosts' TAPs become the workers' ports.
    pub(super) fn start(
        scenario: &Scenario,
        stage: &mut Stage,
        placement: Placement,
        clock: Clock,
    ) -> Result<Self> {
        let (main, main_mailbox) = mailbox()?;
        let (request, request_mailbox) = mailbox()?;
        let (bulk, bulk_mailbox) = mailbox()?;
        let (control, control_mailbox) = mailbox()?;
        let t = &scenario.topology;
        let carried = t.switches.iter().chain([&t.first().radio]).map(|node| (*node, request.clone()));
        let edges = t.fleet.iter().map(|member| member.edge);
        let decided = edges.chain([t.sdn]).map(|node| (node, control.clone()));
        let post = Post::new(carried.chain(decided).collect(), main);
        let mut cast = Self {
            threads: Vec::new(),
            counters: Shared::default(),
            link_drops: Shared::default(),
            fleet: Shared::default(),
            post,
            mailbox: main_mailbox,
            workers: vec![request.clone(), bulk.clone()],
            controllers: control.clone(),
        };
        let links = Wires::new(t, scenario.testbed.seed).links();
        let clocks = LinkClocks::new(links);
        let worker = |class, mailbox| -> Result<Worker> {
            let wires = Wires::new(t, scenario.testbed.seed);
            Ok(Worker::new(WorkerSetup {
                devices: devices(scenario, class),
                ports: Ports::default(),
                wires: SharedWires::new(wires, Arc::clone(&clocks), class),
                class,
                mailbox,
                post: cast.post.clone(),
                clock,
                counters: Arc::clone(&cast.counters),
                link_drops: Arc::clone(&cast.link_drops),
                shared: Arc::clone(&cast.fleet),
            }))
        };
        let mut requests = worker(Class::Request, request_mailbox)?;
        let mut transfers = worker(Class::Bulk, bulk_mailbox)?;
        for (host, actor) in &mut stage.actors {
            if let Some(eth0) = actor.host.eth0.take() {
                requests.ports().add(*host, eth0, speakers(scenario, stage.houses.nodes(*host)))?;
            }
            if let Some(eth1) = actor.host.eth1.take() {
                transfers.ports().add(*host, eth1, None)?;
            }
        }
        let fleet = Arc::clone(&cast.fleet);
        let controllers = Controllers::new(scenario, cast.post.clone(), control_mailbox, clock)?;
        cast.spawn("zg-requests", request, placement, Work::Request, || requests.run())?;
        cast.spawn("zg-bulk", bulk, placement, Work::Bulk, || transfers.run())?;
        cast.spawn("zg-control", control, placement, Work::Bulk, move || controllers.run(&fleet))?;
        Ok(cast)
    }

    /// Takes a wire down or up.
    pub(super) fn set_wire(&self, name: &str, up: bool) {
        for worker in &self.workers {
            worker.send(Mail::Wire { name: name.to_owned(), up });
        }
    }

    /// Lets both controllers forget all they know.
    pub(super) fn restart_controllers(&self) {
        self.controllers.send(Mail::Restart);
    }

    /// Ends the threads and collects what they counted.
    pub(super) fn stop(self) -> Ending {
        for (sender, _) in &self.threads {
            sender.send(Mail::Stop);
        }
        for (_, thread) in self.threads {
            // A thread that panicked has said so itself, and left no counters.
            let _ = thread.join();
        }
        let counters = std::mem::take(&mut *self.counters.lock());
        let link_drops = std::mem::take(&mut *self.link_drops.lock());
        let fleet = std::mem::take(&mut *self.fleet.lock());
        Ending { counters, link_drops, fleet, ..Ending::default() }
    }

    fn spawn(
        &mut self,
        name: &str,
        sender: MailSender,
        placement: Placement,
        work: Work,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<()> {
        let placed = move || {
            // A core that cannot be had was reported when the processes were placed.
            let _ = placement.enter(work);
            let _ = prctl::set_timerslack(1);
            body();
        };
        let thread = Builder::new().name(name.to_owned()).spawn(placed);
        self.threads.push((sender, thread.with_context(|| format!("cannot start the thread {name}"))?));
        Ok(())
    }
}

/// Where each of a host's nodes speaks from, if it has several: an AGV from its own address, a server from its service's.
fn speakers(scenario: &Scenario, nodes: &[NodeId]) -> Vec<(Endpoint, NodeId)> {
    let t = &scenario.topology;
    let speaks = |&node: &NodeId| {
        let member = t.member_of(node)?;
        let own = if member.client == node { client_endpoint(node) } else { scenario.endpoint(member) };
        Some((own, node))
    };
    if nodes.len() > 1 { nodes.iter().filter_map(speaks).collect() } else { Vec::new() }
}

/// The nodes of a worker: the real switches and the radio, or plain learning switches for bulk with the same ports.
fn devices(scenario: &Scenario, class: Class) -> BTreeMap<NodeId, Device> {
    let switch = |config: &SwitchConfig| {
        let config = match class {
            Class::Request => config.clone(),
            Class::Bulk => SwitchConfig { services: Vec::new(), ..config.clone() },
        };
        (config.node, Device::Switch(Box::new(Switch::new(config))))
    };
    let mut devices: BTreeMap<NodeId, Device> = scenario.switches.iter().map(switch).collect();
    if class == Class::Request {
        let radio = Radio::new(scenario.radios[0].clone());
        devices.insert(scenario.topology.first().radio, Device::Radio(Box::new(radio)));
    }
    devices
}
