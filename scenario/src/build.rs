//! From a testbed file to the configuration of every node. This is all that the two drivers are handed: what they do with the
//! nodes differs, the nodes do not.

use crate::draw::{intervals, some_intervals};
use crate::file::{self, Fill, Testbed};
use crate::topology::{Hall, Member, Topology};
use zerogap_client_agv::{AccessPoint, AgvConfig, Floor, Obstacle, Point, Route};
use zerogap_controller::{
    CopyRules, EdgeConfig, EdgeController, EdgeError, NoStandby, NotConverged, PhaseTimeouts, SdnConfig, Site,
};
use zerogap_proto::control::DecisionTime;
use zerogap_proto::{
    ClientId, Duration, Endpoint, Incarnation, NodeId, PortId, ReviewRule, RoundsRule, ServiceId,
};
use zerogap_server_app::{Prior, ServerConfig};
use zerogap_switch::{Anchoring, PortKind, SwitchConfig};
use zerogap_switch::{RadioConfig, Selection, ServiceConfig};

/// The service of the first AGV; those of the others count on from here.
pub const SERVICE: ServiceId = ServiceId(0);

/// Why a valid file makes no scenario that can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The edge controller cannot be built.
    #[error(transparent)]
    Edge(#[from] EdgeError),
    /// A server cannot be built.
    #[error(transparent)]
    Server(#[from] zerogap_server_app::ConfigError),
    /// The AGV cannot be built.
    #[error(transparent)]
    Agv(#[from] zerogap_client_agv::ConfigError),
}

/// A testbed, its topology, and the configuration of every node.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file.
    pub testbed: Testbed,
    /// Nodes and cables.
    pub topology: Topology,
    /// The switches, in the topology's order.
    pub switches: Vec<SwitchConfig>,
    /// The radios, one a hall.
    pub radios: Vec<RadioConfig>,
    /// The SDN controller.
    pub sdn: SdnConfig,
    /// The edge controllers, one an AGV.
    pub edges: Vec<EdgeConfig>,
    /// The servers in their first lives, in the topology's order: by ascending id.
    pub servers: Vec<ServerConfig>,
    /// The AGVs.
    pub agvs: Vec<AgvConfig>,
}

impl Scenario {
    /// Builds a valid testbed.
    pub fn new(testbed: Testbed) -> Self {
        let topology = Topology::new(&testbed);
        let services: Vec<ServiceConfig> =
            topology.fleet.iter().map(|member| service(&testbed, member)).collect();
        let each = || topology.fleet.iter().zip(&services);
        Self {
            switches: switches(&testbed, &topology, &services),
            radios: (0..topology.halls.len()).map(|hall| radio(&testbed, &topology, hall)).collect(),
            sdn: sdn(&testbed, &topology),
            edges: topology.fleet.iter().map(|member| edge(&testbed, &topology, member)).collect(),
            servers: each().flat_map(|(member, service)| servers(&testbed, member, service)).collect(),
            agvs: each()
                .map(|(member, service)| agv(&testbed, &topology, member, service.endpoint))
                .collect(),
            topology,
            testbed,
        }
    }

    /// Whether every node can be built, so that nothing is started in vain.
    ///
    /// # Errors
    /// The first node that cannot, and why.
    pub fn check(&self) -> Result<(), ScenarioError> {
        self.edges.iter().try_for_each(|edge| EdgeController::new(edge.clone()).map(drop))?;
        self.servers.iter().try_for_each(ServerConfig::check)?;
        Ok(self.agvs.iter().try_for_each(AgvConfig::check)?)
    }

    /// A service's address and port.
    pub fn endpoint(&self, of: &Member) -> Endpoint {
        endpoint(&self.testbed, of.service)
    }

    /// The configuration of a server's `life`-th process: only the first may hold the initial state.
    pub fn server(&self, node: NodeId, life: u16) -> Option<ServerConfig> {
        let at = self.servers.binary_search_by_key(&node, |config| config.node).ok()?;
        let config = &self.servers[at];
        Some(ServerConfig { life, holds_state: config.holds_state && life == 0, ..config.clone() })
    }
}

fn endpoint(testbed: &Testbed, service: ServiceId) -> Endpoint {
    let s = &testbed.service;
    Endpoint { addr: s.address, port: s.port + (service.0 - SERVICE.0) }
}

/// The member's process of each server that the file names, and the life in which it starts.
fn serving(testbed: &Testbed, member: &Member) -> Vec<(NodeId, Incarnation)> {
    let names = testbed.service.serving.iter().take(testbed.scheme.replicas());
    let place = |name: &String| testbed.topology.servers.iter().position(|server| server.name == *name);
    names.filter_map(|name| Some((member.servers[place(name)?], Incarnation::of_life(0)))).collect()
}

fn service(testbed: &Testbed, member: &Member) -> ServiceConfig {
    let s = &testbed.service;
    ServiceConfig {
        id: member.service,
        endpoint: endpoint(testbed, member.service),
        servers: serving(testbed, member),
        selection: match s.selection {
            file::Selection::Preferred => Selection::Preferred,
            file::Selection::First => Selection::First,
            file::Selection::Vote => Selection::Vote,
        },
        failover_after: s.failover_after.0,
        absences_to_promote: s.absences_to_promote,
        window: s.window as usize,
        resend_after: s.resend_after.0,
        log_entries: s.log_entries as usize,
        admission_window: s.admission_window,
        clients_max: s.clients_max as usize,
    }
}

/// Hall by hall, then the spine, which no service passes: an AGV and all that serves it stay in their hall.
fn switches(testbed: &Testbed, topology: &Topology, services: &[ServiceConfig]) -> Vec<SwitchConfig> {
    let bare = |node: NodeId| SwitchConfig {
        node,
        controller: topology.sdn,
        ports: topology.ports[usize::from(node.0)].clone(),
        remote_hosts: Vec::new(),
        services: Vec::new(),
        handover: testbed.controllers.handover,
    };
    let mut configs: Vec<SwitchConfig> = topology.switches.iter().map(|node| bare(*node)).collect();
    for (at, hall) in topology.halls.iter().enumerate() {
        let mine = || {
            let members = topology.in_hall(at).iter();
            members.filter_map(|member| Some((member, services.get(usize::from(member.service.0))?)))
        };
        for &node in &hall.switches {
            let config = &mut configs[usize::from(node.0)];
            let own_port = |server: NodeId| shared_port(topology, node, server);
            let servers = mine().flat_map(|(member, _)| &member.servers);
            config.remote_hosts = servers
                .filter_map(|&server| {
                    let switch = topology.switch_of(server)?;
                    let port =
                        if switch == node { own_port(server)? } else { topology.towards(node, switch)? };
                    Some((server, port))
                })
                .collect();
            config.services = mine()
                .filter_map(|(member, service)| {
                    if member.anchor == node {
                        return Some(Anchoring::Here(service.clone()));
                    }
                    let port = topology.towards(node, member.anchor)?;
                    Some(Anchoring::Beyond { id: service.id, endpoint: service.endpoint, port })
                })
                .collect();
        }
    }
    configs
}

/// The port of the host on which a process runs that has no port of its own.
fn shared_port(topology: &Topology, switch: NodeId, server: NodeId) -> Option<PortId> {
    let ports = topology.ports.get(usize::from(switch.0))?;
    let place = topology.member_of(server)?.servers.iter().position(|own| *own == server)?;
    let host = topology.in_hall(topology.member_of(server)?.hall).first()?.servers.get(place)?;
    let at = ports.iter().position(|kind| *kind == PortKind::Host(*host))?;
    (*host != server).then_some(PortId(at as u16))
}

fn radio(testbed: &Testbed, topology: &Topology, hall: usize) -> RadioConfig {
    let stations = topology.in_hall(hall).iter();
    RadioConfig {
        stations: stations.map(|member| member.client).collect(),
        access_points: topology.halls[hall].access_points.clone(),
        handover_interruption: testbed.radio.handover_interruption.0,
        overlap: testbed.radio.overlap.0,
    }
}

fn sdn(testbed: &Testbed, topology: &Topology) -> SdnConfig {
    let fleet = || topology.fleet.iter();
    SdnConfig {
        node: topology.sdn,
        edges: fleet().map(|member| (member.service, member.edge)).collect(),
        domains: topology.halls.iter().map(|hall: &Hall| hall.switches.clone()).collect(),
        anchors: fleet().map(|member| (member.service, member.anchor)).collect(),
        handover: testbed.controllers.handover,
        decision_time: DecisionTime(testbed.controllers.decision_time.0),
        refresh: testbed.controllers.refresh.0,
    }
}

fn edge(testbed: &Testbed, topology: &Topology, member: &Member) -> EdgeConfig {
    let c = &testbed.controllers;
    let at = |switch: NodeId| {
        let here = |server: &NodeId| topology.switch_of(*server) == Some(switch);
        member.servers.iter().copied().filter(here).collect::<Vec<_>>()
    };
    let sites = topology.halls[member.hall].switches.iter();
    let sites = sites.map(|&switch| Site { switch, servers: at(switch) });
    EdgeConfig {
        node: member.edge,
        sdn: topology.sdn,
        service: member.service,
        sites: sites.filter(|site| !site.servers.is_empty()).collect(),
        scheme: testbed.scheme,
        review: ReviewRule {
            agreements: testbed.review.agreements,
            absences_max: testbed.review.absences_max,
            deadline: testbed.review.deadline.0,
        },
        timeouts: PhaseTimeouts {
            prepare: c.timeouts.prepare.0,
            rounds: c.timeouts.rounds.0,
            snapshot: c.timeouts.snapshot.0,
            transfer: c.timeouts.transfer.0,
            restore: c.timeouts.restore.0,
        },
        copying: copy_rules(testbed),
        hold_time: c.hold_time.0,
        migrations_max: Some(testbed.migrations),
        no_standby: match c.no_standby {
            file::NoStandby::SnapshotPrimary => NoStandby::CopyOnWritePrimary,
            file::NoStandby::Abort => NoStandby::Abort,
        },
        reseed: c.reseed,
        refresh: c.refresh.0,
    }
}

fn copy_rules(testbed: &Testbed) -> CopyRules {
    let c = &testbed.copying;
    let rule =
        |rounds_max| RoundsRule { downtime_budget: c.downtime_budget.0, rounds_max, time_max: c.time_max.0 };
    CopyRules {
        pre_copy: rule(c.rounds_max),
        hybrid: rule(c.hybrid_rounds),
        not_converged: match c.not_converged {
            file::NotConverged::Stop => NotConverged::Stop,
            file::NotConverged::Abort => NotConverged::Abort,
        },
        // A target that pulls may wait for a page for as long as the whole state takes.
        take_deadline: testbed.controllers.timeouts.transfer.0,
    }
}

fn servers(testbed: &Testbed, member: &Member, service: &ServiceConfig) -> Vec<ServerConfig> {
    let configure = |&node: &NodeId| ServerConfig {
        node,
        controller: member.edge,
        service: service.endpoint,
        state_bytes: testbed.state.size.0,
        floor_w_mm: testbed.floor.width_mm,
        floor_h_mm: testbed.floor.height_mm,
        prior: match testbed.state.fill {
            Fill::Dense => Prior::FloorPlan,
            Fill::Sparse => Prior::Unknown,
        },
        service_time: testbed.service.service_time.0,
        life: 0,
        answers_remembered: testbed.service.answers_remembered,
        holds_state: service.servers.iter().any(|(server, _)| *server == node),
        scrub_interval: testbed.service.scrub_interval.0,
    };
    member.servers.iter().map(configure).collect()
}

fn agv(testbed: &Testbed, topology: &Topology, member: &Member, service: Endpoint) -> AgvConfig {
    let (c, floor) = (&testbed.client, &testbed.floor);
    let obstacle = |o: &file::Obstacle| Obstacle {
        x_mm: o.x_mm,
        y_mm: o.y_mm,
        width_mm: o.width_mm as i32,
        height_mm: o.height_mm as i32,
    };
    let point =
        |(&node, at): (&NodeId, &file::AccessPoint)| AccessPoint { node, x_mm: at.x_mm, y_mm: at.y_mm };
    AgvConfig {
        node: member.client,
        client: ClientId(1 + u32::from(member.service.0 - SERVICE.0)),
        incarnation: Incarnation::of_life(0),
        service,
        radio: member.radio,
        floor: Floor {
            width_mm: floor.width_mm as i32,
            height_mm: floor.height_mm as i32,
            obstacles: floor.obstacles.iter().map(obstacle).collect(),
        },
        route: Route {
            waypoints: c.route.iter().map(|p| Point { x_mm: p.x_mm, y_mm: p.y_mm }).collect(),
            dwell: c.dwell.0,
            reach_mm: c.reach_mm,
        },
        access_points: topology.halls[member.hall]
            .access_points
            .iter()
            .zip(&testbed.topology.access_points)
            .map(point)
            .collect(),
        hysteresis_mm: c.hysteresis_mm,
        lidar_beams: c.lidar_beams,
        intervals: if member.service == SERVICE {
            intervals(testbed)
        } else {
            some_intervals(testbed, &topology.names.name(member.client))
        },
        threshold: testbed.threshold.0,
        give_up: c.give_up.0,
        max_speed_mm_s: c.max_speed_mm_s as i32,
        start_delay: c.start_delay.0 + stagger(testbed, topology, member),
    }
}

/// How much later than the first this AGV starts. Halls take turns, so that in none all start at once.
fn stagger(testbed: &Testbed, topology: &Topology, member: &Member) -> Duration {
    let fleet = testbed.fleet;
    let in_hall = usize::from(member.service.0 - SERVICE.0) % fleet.agvs as usize;
    let turn = in_hall * topology.halls.len() + member.hall;
    let share = u128::from(fleet.stagger.0.as_nanos()) * turn as u128 / fleet.agvs_in_all() as u128;
    Duration::from_nanos(share as u64)
}
