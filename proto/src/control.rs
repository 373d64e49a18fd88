//! The messages between controllers, switches, servers, access points and clients beside the data path. They travel over
//! bounded channels that may lose them: whoever needs something asks again.

use crate::id::{ClientId, NodeId, PortId, ServiceId};
use crate::server::{ServerCommand, ServerStatus};
use crate::service::{Refusal, ServiceCommand, ServiceStatus};
use crate::time::Duration;
use serde::{Deserialize, Serialize};

/// A control message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Control {
    // SDN controller → switch
    /// Change the flow table.
    FlowMod(FlowMod),
    /// Answer with [`Control::BarrierDone`] when all that came before is in force.
    Barrier(u32),
    /// An order for a service that the switch anchors. Edge controller → SDN controller → anchor.
    Service(ServiceCommand),
    /// Report the service's status.
    QueryService(ServiceId),

    // switch → SDN controller
    /// A client's first frame at this switch.
    PacketIn(PacketIn),
    /// All that came before the barrier is in force.
    BarrierDone(u32),
    /// The service's status, unasked after each change. Anchor → SDN controller → edge controller.
    ServiceStatus(ServiceStatus),
    /// An order was not carried out. Anchor → SDN controller → edge controller.
    Refused {
        /// Which service.
        service: ServiceId,
        /// Why.
        refusal: Refusal,
    },

    // SDN controller → edge controller
    /// A client's frames now enter at this switch.
    ClientAt {
        /// The client's node.
        client: NodeId,
        /// The switch.
        switch: NodeId,
    },

    // edge controller ↔ server
    /// An order for a server.
    Server(ServerCommand),
    /// A server's report.
    ServerStatus(ServerStatus),

    // driver → edge controller
    /// The server's process has ended (its control connection is gone).
    ServerLost {
        /// The server.
        server: NodeId,
    },

    // client → radio, driver → client
    /// The client's station associates with this access point.
    Associate {
        /// The access point.
        ap: NodeId,
    },
    /// Send no further requests; report when the last one is answered or given up.
    Stop,
}

/// The client's first frame at a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PacketIn {
    /// The switch.
    pub switch: NodeId,
    /// The port it came in by.
    pub port: PortId,
    /// The client's node.
    pub client: NodeId,
    /// The client's name for itself.
    pub client_id: ClientId,
    /// The service it wants.
    pub service: ServiceId,
    /// Whether its frames are held until a route is set (`handover: reactive`).
    pub waiting: bool,
}

/// A change of a switch's flow table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FlowMod {
    /// The client is served by way of this switch: pass its frames on and release those that are held.
    Admit {
        /// The client's node.
        client: NodeId,
    },
    /// The client has left: its next frame is a first one again.
    Forget {
        /// The client's node.
        client: NodeId,
    },
}

/// Whether the switch that a client comes to waits for the SDN controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HandoverMode {
    /// The route to the anchor is there from the start; the packet-in is a notification.
    #[default]
    Notify,
    /// The first frames wait for the SDN controller's decision, as in the paper.
    Reactive,
}

impl HandoverMode {
    /// Both, the paper's first.
    pub const ALL: [Self; 2] = [Self::Reactive, Self::Notify];

    /// Its name in the testbed file, on the command line and in results: the same as serde's.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Reactive => "reactive",
        }
    }
}

/// How long the SDN controller thinks about a packet-in. The paper's figure is 4.6 ms; ours is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionTime(pub Duration);
