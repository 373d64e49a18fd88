//! What all tests of the anchor share: one service with its cast, frames as clients and servers build them, and the events
//! in words. The `bench` answers by hand, one input at a time; the `world` has servers, a client and a network of its own.

pub(crate) mod bench;
pub(crate) mod guarantees;
pub(crate) mod server;
pub(crate) mod words;
pub(crate) mod world;

use zerogap_proto::address::{service_addr, service_mac, virtual_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{
    ClientId, Duration, Endpoint, Frame, Incarnation, Kind, Message, NodeId, Sequence, ServiceId, Stamp,
};
use zerogap_switch::{Selection, ServiceConfig};

/// The primary and its standby, the two targets, and a third server for votes.
pub(crate) const P: NodeId = NodeId(1);
pub(crate) const S: NodeId = NodeId(2);
pub(crate) const T: NodeId = NodeId(3);
pub(crate) const U: NodeId = NodeId(4);
pub(crate) const V: NodeId = NodeId(5);
pub(crate) const CLIENT: NodeId = NodeId(20);
/// The anchor, and the switch beyond its trunk.
pub(crate) const S1: NodeId = NodeId(30);
pub(crate) const S2: NodeId = NodeId(31);
pub(crate) const SERVICE: ServiceId = ServiceId(1);

pub(crate) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(crate) fn virtual_endpoint() -> Endpoint {
    Endpoint { addr: [10, 90, 255, 1].into(), port: 7_000 }
}

/// The life that each server starts with: no two are alike, so an answer's stamp tells who gave it.
pub(crate) const fn life(server: NodeId) -> Incarnation {
    Incarnation::of_life(server.0)
}

/// A service of these servers: fail-over after 3 ms, promotion after 3 absences, a window of 4, a log of 16.
pub(crate) fn config(servers: &[NodeId], selection: Selection) -> ServiceConfig {
    ServiceConfig {
        id: SERVICE,
        endpoint: virtual_endpoint(),
        servers: servers.iter().map(|&server| (server, life(server))).collect(),
        selection,
        failover_after: ms(3),
        absences_to_promote: 3,
        window: 4,
        resend_after: ms(2),
        log_entries: 16,
        admission_window: 64,
        clients_max: 2,
    }
}

/// A client's request. Its body is its number, so that states which applied others differ.
pub(crate) fn request_frame(client: NodeId, sequence: Sequence) -> Frame {
    let mut body = [0; BODY_LEN];
    body[..8].copy_from_slice(&sequence.0.to_be_bytes());
    let message = Message {
        kind: Kind::Request,
        client: ClientId(u32::from(client.0)),
        client_incarnation: Incarnation(0),
        sequence,
        stamp: Stamp::default(),
        body: &body,
    };
    Datagram {
        src_mac: service_mac(client),
        dst_mac: virtual_mac(SERVICE),
        src: client_endpoint(client),
        dst: virtual_endpoint(),
        payload_at: 0,
        payload: &message.to_bytes(),
    }
    .build()
}

/// What a server says: as its kernel sends it, from the service's address to the client's.
pub(crate) fn server_frame(server: NodeId, message: &Message<'_>) -> Frame {
    let client = NodeId(message.client.0 as u16);
    Datagram {
        src_mac: service_mac(server),
        dst_mac: service_mac(client),
        src: virtual_endpoint(),
        dst: client_endpoint(client),
        payload_at: 0,
        payload: &message.to_bytes(),
    }
    .build()
}

fn client_endpoint(client: NodeId) -> Endpoint {
    Endpoint { addr: service_addr(client), port: 40_000 }
}

/// The datagram and message in a frame that must hold them, with a right checksum.
pub(crate) fn open(frame: &Frame) -> (Datagram<'_>, Message<'_>) {
    assert!(Datagram::checksum_ok(frame), "a host would drop this frame");
    let datagram = Datagram::parse(frame).expect("a datagram");
    (datagram, Message::parse(datagram.payload).expect("a message"))
}

/// The order of an edge controller that has seen this epoch.
pub(crate) fn command(
    epoch: zerogap_proto::Epoch,
    order: zerogap_proto::ServiceOrder,
) -> zerogap_proto::ServiceCommand {
    zerogap_proto::ServiceCommand { service: SERVICE, epoch, order }
}
