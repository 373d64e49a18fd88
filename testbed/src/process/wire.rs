//! What the testbed and a node's process say to each other over the control socket, in postcard.

use crate::place::{Placement, Work};
use crate::sys::clock::Clock;
use serde::{Deserialize, Serialize};
use zerogap_client_agv::AgvConfig;
use zerogap_proto::{Control, Endpoint, Event, Instant, NodeId, Record};
use zerogap_server_app::ServerConfig;

/// From the testbed to a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Down {
    /// Comes first, once for each node: what the process is. It answers [`Up::Ready`] when it could begin.
    Setup(Box<Setup>),
    /// Begin.
    Start,
    /// A control message for a node.
    Control {
        /// Who sent it.
        from: NodeId,
        /// To which of the process's nodes.
        to: NodeId,
        /// The message.
        message: Control,
    },
}

/// What a process is: one of its nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The run's clock.
    pub clock: Clock,
    /// What runs where.
    pub placement: Placement,
    /// What this process counts as.
    pub work: Work,
    /// Its node.
    pub node: NodeConfig,
    /// Whether another node follows that this process plays as well.
    pub more: bool,
}

/// A node and where it listens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeConfig {
    /// An edge server; it answers on its service's address.
    Server {
        /// The node.
        config: ServerConfig,
        /// Where it waits for transfers.
        transfer: Endpoint,
    },
    /// An AGV.
    Agv {
        /// The node.
        config: AgvConfig,
        /// The address and port from which it asks.
        bind: Endpoint,
    },
}

/// From a process to the testbed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Up {
    /// Its sockets are bound and its memory is populated.
    Ready,
    /// A control message from a node.
    Control {
        /// Which one.
        from: NodeId,
        /// To whom.
        to: NodeId,
        /// The message.
        message: Control,
    },
    /// Something for the journal.
    Event {
        /// When.
        at: Instant,
        /// Which node reports it.
        who: NodeId,
        /// What.
        #[serde(with = "as_json")]
        event: Event,
    },
    /// Measurements, and whose they are.
    Records(Vec<(NodeId, Record)>),
    /// What has not arrived or not been sent so far; sent when it has grown.
    Lost(Lost),
}

/// What a process could not pass on, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lost {
    /// Control messages for which the socket to the testbed had no room.
    pub controls: u64,
    /// Events likewise.
    pub events: u64,
    /// Records likewise. Then the measurement has a hole.
    pub records: u64,
    /// Datagrams that the kernel did not take.
    pub datagrams: u64,
    /// Errors on the datagram socket: what ICMP said about earlier datagrams.
    pub socket_errors: u64,
}

/// Events name their kind inside themselves, which only self-describing formats can read back: they travel as JSON.
mod as_json {
    use serde::de::{Deserialize as _, Deserializer, Error as _};
    use serde::ser::{Error as _, Serialize as _, Serializer};
    use serde_json::Value;
    use zerogap_proto::Event;
    use zerogap_proto::id::NODE_KEY;

    pub(super) fn serialize<S: Serializer>(event: &Event, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::to_string(event).map_err(S::Error::custom)?.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Event, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut value = serde_json::from_str(&text).map_err(D::Error::custom)?;
        number_nodes(&mut value);
        serde_json::from_value(value).map_err(D::Error::custom)
    }

    /// In text a node is written so that names can take its place; it is read as the number alone.
    fn number_nodes(value: &mut Value) {
        match value {
            Value::Object(map) if map.len() == 1 && map.contains_key(NODE_KEY) => {
                *value = map[NODE_KEY].take();
            }
            Value::Object(map) => map.values_mut().for_each(number_nodes),
            Value::Array(values) => values.iter_mut().for_each(number_nodes),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::plan::{AbortReason, Goal, Outcome, ReviewTally, Scheme};
    use zerogap_proto::{Incarnation, MigrationId, Offset, Sequence, ServerStatus, ServiceId, Task};

    fn survives(up: &Up) {
        let bytes = postcard::to_stdvec(up).unwrap();
        assert_eq!(&postcard::from_bytes::<Up>(&bytes).unwrap(), up);
    }

    #[test]
    fn events_of_every_shape_survive_the_socket() {
        let (service, migration) = (ServiceId(1), MigrationId(2));
        let at = Instant::from_nanos(u64::MAX - 1);
        let events = [
            Event::Cut { server: NodeId(3), migration, mark: Offset(u64::MAX), digest: u64::MAX - 7 },
            Event::Begun {
                service,
                migration,
                scheme: Scheme::HotStandby,
                goal: Goal::SwitchOver,
                snapshotter: NodeId(1),
                targets: vec![NodeId(2), NodeId(3)],
                pinned: Offset(9),
            },
            Event::Ended {
                service,
                migration,
                outcome: Outcome::Aborted(AbortReason::TargetLost),
                review: ReviewTally::default(),
                replayed: 4,
            },
            Event::Fault { node: NodeId(1), what: "killed".to_string() },
        ];
        for event in events {
            survives(&Up::Event { at, who: NodeId(4), event });
        }
    }

    #[test]
    fn reports_and_records_survive_the_socket() {
        let status = ServerStatus {
            server: NodeId(1),
            incarnation: Incarnation::of_life(2),
            holds_state: true,
            next: Offset(3),
            digest: 4,
            scrub_failed: false,
            task: Task::Receiving { migration: MigrationId(5) },
        };
        survives(&Up::Control { from: NodeId(1), to: NodeId(9), message: Control::ServerStatus(status) });
        let at = Instant::from_nanos(7);
        let record = Record {
            sequence: Sequence(1),
            due: at,
            sent: at,
            answered: None,
            duplicates: 0,
            reordered: true,
        };
        survives(&Up::Records(vec![(NodeId(1), record)]));
    }
}
