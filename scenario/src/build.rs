//! From a testbed file to the configuration of every node. This is all that the two drivers are handed: what they do with the
//! nodes differs, the nodes do not.

use crate::draw::intervals;
use crate::file::{self, Fill, Testbed};
use crate::topology::Topology;
use std::collections::BTreeMap;
use zerogap_client_agv::{AccessPoint, AgvConfig, Floor, Obstacle, Point, Route};
use zerogap_controller::{
    CopyRules, EdgeConfig, EdgeController, EdgeError, NoStandby, NotConverged, PhaseTimeouts, SdnConfig, Site,
};
use zerogap_proto::control::DecisionTime;
use zerogap_proto::{ClientId, Endpoint, Incarnation, NodeId, ReviewRule, RoundsRule, ServiceId};
use zerogap_server_app::{Prior, ServerConfig};
use zerogap_switch::{Anchoring, SwitchConfig};
use zerogap_switch::{RadioConfig, Selection, ServiceConfig};

/// The one service of a testbed.
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
    /// The AGV's radio.
    pub radio: RadioConfig,
    /// The SDN controller.
    pub sdn: SdnConfig,
    /// The edge controller.
    pub edge: EdgeConfig,
    /// The servers in their first lives, in the topology's order.
    pub servers: Vec<ServerConfig>,
    /// The AGV.
    pub agv: AgvConfig,
}

impl Scenario {
    /// Builds a valid testbed.
    pub fn new(testbed: Testbed) -> Self {
        let topology = Topology::new(&testbed);
        let service = service(&testbed, &topology);
        Self {
            switches: switches(&testbed, &topology, &service),
            radio: RadioConfig {
                station: topology.client,
                access_points: topology.access_points.clone(),
                handover_interruption: testbed.radio.handover_interruption.0,
                overlap: testbed.radio.overlap.0,
            },
            sdn: sdn(&testbed, &topology),
            edge: edge(&testbed, &topology),
            servers: servers(&testbed, &topology, &service),
            agv: agv(&testbed, &topology, service.endpoint),
            topology,
            testbed,
        }
    }

    /// Whether every node can be built, so that nothing is started in vain.
    ///
    /// # Errors
    /// The first node that cannot, and why.
    pub fn check(&self) -> Result<(), ScenarioError> {
        EdgeController::new(self.edge.clone())?;
        self.servers.iter().try_for_each(ServerConfig::check)?;
        Ok(self.agv.check()?)
    }

    /// The service's address and port.
    pub fn endpoint(&self) -> Endpoint {
        self.agv.service
    }

    /// The configuration of a server's `life`-th process: only the first may hold the initial state.
    pub fn server(&self, node: NodeId, life: u16) -> Option<ServerConfig> {
        let config = self.servers.iter().find(|config| config.node == node)?;
        Some(ServerConfig { life, holds_state: config.holds_state && life == 0, ..config.clone() })
    }
}

fn service(testbed: &Testbed, topology: &Topology) -> ServiceConfig {
    let s = &testbed.service;
    let id = |name: &String| Some((topology.names.id(name)?, Incarnation::of_life(0)));
    ServiceConfig {
        id: SERVICE,
        endpoint: Endpoint { addr: s.address, port: s.port },
        servers: s.serving.iter().take(testbed.scheme.replicas()).filter_map(id).collect(),
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

fn switches(testbed: &Testbed, topology: &Topology, service: &ServiceConfig) -> Vec<SwitchConfig> {
    let anchor = topology.names.id(&testbed.service.anchor);
    let configure = |(&node, ports): (&NodeId, &Vec<_>)| {
        let remote = |(&server, &switch): (&NodeId, &NodeId)| Some((server, topology.towards(node, switch)?));
        let anchoring = if Some(node) == anchor {
            Some(Anchoring::Here(service.clone()))
        } else {
            let port = anchor.and_then(|anchor| topology.towards(node, anchor));
            port.map(|port| Anchoring::Beyond { id: service.id, endpoint: service.endpoint, port })
        };
        SwitchConfig {
            node,
            controller: topology.sdn,
            ports: ports.clone(),
            remote_hosts: topology.servers.iter().zip(&topology.server_switches).filter_map(remote).collect(),
            services: anchoring.into_iter().collect(),
            handover: testbed.controllers.handover,
        }
    };
    topology.switches.iter().zip(&topology.ports).map(configure).collect()
}

fn sdn(testbed: &Testbed, topology: &Topology) -> SdnConfig {
    let anchor = topology.names.id(&testbed.service.anchor);
    SdnConfig {
        node: topology.sdn,
        edge: topology.edge,
        switches: topology.switches.clone(),
        anchors: anchor.map(|anchor| BTreeMap::from([(SERVICE, anchor)])).unwrap_or_default(),
        handover: testbed.controllers.handover,
        decision_time: DecisionTime(testbed.controllers.decision_time.0),
        refresh: testbed.controllers.refresh.0,
    }
}

fn edge(testbed: &Testbed, topology: &Topology) -> EdgeConfig {
    let c = &testbed.controllers;
    let at = |switch: NodeId| {
        let here = topology.servers.iter().zip(&topology.server_switches).filter(move |(_, s)| **s == switch);
        here.map(|(server, _)| *server).collect::<Vec<_>>()
    };
    let sites = topology.switches.iter().map(|&switch| Site { switch, servers: at(switch) });
    EdgeConfig {
        node: topology.edge,
        sdn: topology.sdn,
        service: SERVICE,
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

fn servers(testbed: &Testbed, topology: &Topology, service: &ServiceConfig) -> Vec<ServerConfig> {
    let configure = |&node: &NodeId| ServerConfig {
        node,
        controller: topology.edge,
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
    topology.servers.iter().map(configure).collect()
}

fn agv(testbed: &Testbed, topology: &Topology, service: Endpoint) -> AgvConfig {
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
        node: topology.client,
        client: ClientId(1),
        incarnation: Incarnation::of_life(0),
        service,
        radio: topology.radio,
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
        access_points: topology
            .access_points
            .iter()
            .zip(&testbed.topology.access_points)
            .map(point)
            .collect(),
        hysteresis_mm: c.hysteresis_mm,
        lidar_beams: c.lidar_beams,
        intervals: intervals(testbed),
        threshold: testbed.threshold.0,
        give_up: c.give_up.0,
        max_speed_mm_s: c.max_speed_mm_s as i32,
        start_delay: c.start_delay.0,
    }
}
