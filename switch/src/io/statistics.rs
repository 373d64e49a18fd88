//! What the kernel counts as dropped at an interface, and what a port knows besides. Counters are asked for by rtnetlink over a
//! socket that stays in the network namespace where the port was opened, while the switch itself may live in another.

use super::explain::statistics_error;
use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use parking_lot::Mutex;
use smoltcp::wire::EthernetAddress;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// The drop counters of one interface since the port was opened.
pub(super) struct Statistics {
    name: String,
    index: u32,
    socket: Mutex<Socket>,
    before: Dropped,
    refused: AtomicU64,
    unreadable: AtomicU64,
}

/// Dropped frames in the interface's own directions.
#[derive(Clone, Copy, Default)]
pub(super) struct Dropped {
    pub received: u64,
    pub sent: u64,
}

impl Statistics {
    /// For the interface of this name in the network namespace of the calling thread.
    pub(super) fn open(name: &str) -> io::Result<Self> {
        let find = || {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            let mut link = LinkMessage::default();
            link.attributes = vec![LinkAttribute::IfName(name.to_string())];
            let found = ask(&socket, link)?;
            Ok((socket, found))
        };
        let (socket, found) = find().map_err(|error: io::Error| statistics_error(name, &error))?;
        Ok(Self {
            name: name.to_string(),
            index: found.header.index,
            socket: Mutex::new(socket),
            before: dropped(&found),
            refused: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
        })
    }

    /// The interface's name when it was opened.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The interface's index.
    pub(super) const fn index(&self) -> u32 {
        self.index
    }

    /// What the kernel dropped at the interface since the port was opened.
    pub(super) fn dropped(&self) -> io::Result<Dropped> {
        let now = dropped(&self.link()?);
        Ok(Dropped {
            received: now.received.saturating_sub(self.before.received),
            sent: now.sent.saturating_sub(self.before.sent),
        })
    }

    /// Whether the interface is up and has a carrier.
    pub(super) fn is_up(&self) -> io::Result<bool> {
        let wanted = LinkFlags::Up | LinkFlags::Running;
        Ok(self.link()?.header.flags.contains(wanted))
    }

    /// The interface's MAC address.
    pub(super) fn mac(&self) -> io::Result<Option<EthernetAddress>> {
        let address = |attribute: &LinkAttribute| {
            let LinkAttribute::Address(bytes) = attribute else { return None };
            <[u8; 6]>::try_from(&bytes[..]).ok().map(EthernetAddress)
        };
        Ok(self.link()?.attributes.iter().find_map(address))
    }

    fn link(&self) -> io::Result<LinkMessage> {
        let mut link = LinkMessage::default();
        link.header.index = self.index;
        ask(&self.socket.lock(), link).map_err(|error| statistics_error(&self.name, &error))
    }

    /// Counts a frame whose sender was told that the kernel did not take it, and which the interface counts as dropped too.
    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many of these there were.
    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Counts frames that were lost between the kernel's queue and the switch.
    pub(super) fn count_unreadable(&self, frames: u64) {
        self.unreadable.fetch_add(frames, Ordering::Relaxed);
    }

    /// How many of these there were.
    pub(super) fn unreadable(&self) -> u64 {
        self.unreadable.load(Ordering::Relaxed)
    }
}

fn ask(socket: &Socket, link: LinkMessage) -> io::Result<LinkMessage> {
    let message = RouteNetlinkMessage::GetLink(link);
    let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(message));
    packet.header.flags = NLM_F_REQUEST;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    socket.send(&bytes, 0)?;
    let (answer, _) = socket.recv_from_full()?;
    let answer = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).map_err(io::Error::other)?;
    if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = answer.payload {
        return Ok(link);
    }
    let NetlinkPayload::Error(error) = answer.payload else {
        let message = format!("the kernel answered {:?} instead of a link", answer.payload);
        return Err(io::Error::other(message));
    };
    Err(error.to_io())
}

fn dropped(link: &LinkMessage) -> Dropped {
    let counted = |attribute: &LinkAttribute| {
        let LinkAttribute::Stats64(stats) = attribute else { return None };
        Some(Dropped { received: stats.rx_dropped, sent: stats.tx_dropped })
    };
    link.attributes.iter().find_map(counted).unwrap_or_default()
}
