//! What leaves the anchor: a request on its way to one server, and the answer that a client gets. A copy shares the frame that the
//! log keeps; its bytes are written only when it is sent, so whoever sends several can do so from one buffer.

use smoltcp::wire::EthernetAddress;
use zerogap_proto::address::{service_mac, virtual_mac};
use zerogap_proto::message::stamp_frame;
use zerogap_proto::{Frame, NodeId, Offset, PortId, ServiceId, Stamp};

/// A logged request on its way to one server.
#[derive(Clone, Debug)]
pub struct RequestCopy {
    /// To whom.
    pub server: NodeId,
    /// What the anchor writes into it.
    pub stamp: Stamp,
    pub(super) service: ServiceId,
    pub(super) request: Frame,
}

/// The one answer to a request that goes to the client.
#[derive(Clone, Debug)]
pub struct Released {
    /// Where the client's newest request came in.
    pub port: PortId,
    /// Whose answer it is.
    pub server: NodeId,
    /// Of which request.
    pub offset: Offset,
    /// As the client gets it: from the service, not from the server.
    pub frame: Frame,
}

impl RequestCopy {
    /// Its bytes, for a server whose MAC address is `mac`. Whatever `out` holds is replaced; its room is used again.
    pub fn write(&self, mac: EthernetAddress, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(&self.request);
        out[0..6].copy_from_slice(&mac.0);
        out[6..12].copy_from_slice(&virtual_mac(self.service).0);
        stamp_frame(out, self.stamp);
    }

    /// The frame, for a server whose MAC address follows the address plan.
    pub fn to_frame(&self) -> Frame {
        let mut bytes = Vec::with_capacity(self.request.len());
        self.write(service_mac(self.server), &mut bytes);
        bytes.into()
    }
}
