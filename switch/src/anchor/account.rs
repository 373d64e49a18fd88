//! How a service stands, for whoever asks: `zerogap ctl show services`.

use super::{Anchor, ServerPlace};
use crate::service::{Reader, Tally};
use serde::{Deserialize, Serialize};
use zerogap_proto::{Epoch, Health, Instant, NodeId, Offset, ServiceId};

/// A service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Its number.
    pub id: ServiceId,
    /// Its virtual address and UDP port.
    pub endpoint: String,
    /// The offset that the next request gets: how many it has taken.
    pub head: Offset,
    /// Requests that wait for an answer to be released.
    pub held: u64,
    /// How often its roles have changed.
    pub epoch: Epoch,
    /// Answers that went to clients.
    pub released: u64,
    /// Copies of requests and of answers that it had already.
    pub duplicates: u64,
    /// Answers of serving servers that were equal to the one that went to the client.
    pub agreed: u64,
    /// And those that were not.
    pub disagreed: u64,
    /// Its readers, those that serve first and in order of preference; then servers that were given up.
    pub servers: Vec<ReaderAccount>,
    /// The latest events, each with its time in nanoseconds of the machine's monotonic clock.
    pub events: Vec<(u64, String)>,
}

/// A server and its reader in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderAccount {
    /// What it is called.
    pub name: String,
    /// How it does; absent if it was given up and is sent nothing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<Health>,
    /// The oldest offset that it has not answered.
    pub unanswered: Offset,
    /// The next offset that it is sent.
    pub next: Offset,
    /// Answers of it that were missing when they were due, in a row.
    pub absences: u32,
    /// Answers of it that went to clients.
    pub released: u64,
    /// Answers of it that were equal to another server's that went to the client.
    pub agreed: u64,
}

impl Anchor {
    /// How it stands.
    pub fn account(&self) -> ServiceAccount {
        let (service, config) = (self.service(), self.service().config());
        let Tally { released, duplicates, agreed, disagreed } = service.tally();
        let readers = service.readers().map(|reader| self.reader(reader));
        let nodes = (0..).map(NodeId);
        let given_up = self.servers().iter().zip(nodes).filter(|(_, node)| !service.has_reader(*node));
        let time = |at: &Instant| at.as_nanos();
        ServiceAccount {
            id: config.id,
            endpoint: config.endpoint.to_string(),
            head: service.head(),
            held: service.held(),
            epoch: service.status().epoch,
            released,
            duplicates,
            agreed,
            disagreed,
            servers: readers.chain(given_up.map(|(place, _)| gone(place))).collect(),
            events: self.events.iter().map(|(at, event)| (time(at), event.clone())).collect(),
        }
    }

    fn reader(&self, reader: &Reader) -> ReaderAccount {
        ReaderAccount {
            name: self.name(reader.server).to_owned(),
            health: Some(reader.health),
            unanswered: reader.unanswered(),
            next: reader.next(),
            absences: reader.absences,
            released: reader.released,
            agreed: reader.agreed,
        }
    }
}

fn gone(place: &ServerPlace) -> ReaderAccount {
    let name = place.name.clone();
    let (unanswered, next) = (Offset(0), Offset(0));
    ReaderAccount { name, health: None, unanswered, next, absences: 0, released: 0, agreed: 0 }
}
