//! From frames to requests and answers: what every anchor asks of a frame before its service sees it.

use super::admission::Ingress;
use super::{Disposition, Service};
use smoltcp::wire::Ipv4Packet;
use zerogap_proto::frame::{Datagram, ETHERNET_LEN, HEADERS_LEN};
use zerogap_proto::{DropReason, Frame, Instant, Kind, Message, NodeId};

impl Service {
    /// Takes a frame that was sent to the service. `datagram` was parsed from it.
    pub fn request_frame(
        &mut self,
        now: Instant,
        frame: &Frame,
        datagram: &Datagram<'_>,
        ingress: Ingress,
    ) -> Disposition {
        let message = Message::parse(datagram.payload)
            .filter(|message| message.kind == Kind::Request && hosts_would_take(frame, datagram));
        self.request(now, frame, datagram, &message.ok_or(DropReason::Malformed)?, ingress)
    }

    /// Takes a frame that a server sent in the service's name. `datagram` was parsed from it.
    pub fn answer_frame(
        &mut self,
        now: Instant,
        server: NodeId,
        frame: &Frame,
        datagram: &Datagram<'_>,
    ) -> Disposition {
        let message = Message::parse(datagram.payload).ok_or(DropReason::Malformed)?;
        self.answer(now, server, frame, datagram, &message)
    }
}

/// Whether a server's host hands this request to its server. One that it would not must get no offset: every server would
/// wait for it for ever. Options would also shift the place of the stamp.
fn hosts_would_take(frame: &Frame, datagram: &Datagram<'_>) -> bool {
    let header_ok = Ipv4Packet::new_checked(&frame[ETHERNET_LEN..]).is_ok_and(|ip| ip.verify_checksum());
    datagram.payload_at == HEADERS_LEN && header_ok && Datagram::checksum_ok(frame)
}
