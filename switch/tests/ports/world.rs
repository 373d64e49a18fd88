//! Network namespaces without names, and what stands in them: interfaces, addresses, packets of a host.

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use nix::net::if_::if_nametoindex;
use nix::sched::{CloneFlags, setns, unshare};
use std::fs::{self, File};
use std::io;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};
use zerogap_switch::io::{BUFFER_LEN, PlainTap, Port, Received};

const PATIENCE: Duration = Duration::from_secs(10);

/// A network namespace; it goes with its last holder.
pub(crate) struct Namespace(File);

impl Namespace {
    /// A new one in which no interface says anything of its own accord, or `None`, and a line that says so, where that is not
    /// allowed.
    pub(crate) fn new() -> Option<Self> {
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            // Absent in a kernel without IPv6, and then not needed.
            let _ = fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
            PlainTap::create("probe")?;
            File::open("/proc/thread-self/ns/net")
        };
        match thread::scope(|scope| scope.spawn(make).join().unwrap()) {
            Ok(file) => Some(Self(file)),
            Err(error) => {
                assert!(std::env::var_os("CI").is_none(), "CI must be able to make TAPs: {error}");
                println!("skipped: no namespaces or TAPs here ({error}): run as root with /dev/net/tun");
                None
            }
        }
    }

    /// Runs `work` in it, in a thread of its own.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let inside = || {
            setns(&self.0, CloneFlags::CLONE_NEWNET).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join().unwrap())
    }
}

/// Waits for the next frame of a port.
pub(crate) fn next(port: &dyn Port, buffer: &mut [u8]) -> Received {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(received) = port.receive(buffer).unwrap() {
            return received;
        }
        assert!(Instant::now() < until, "waited in vain for a frame at {}", port.name());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Takes all frames that wait at a port, and returns how many there were.
pub(crate) fn drain(port: &dyn Port) -> u64 {
    let mut buffer = vec![0; BUFFER_LEN];
    let mut frames = 0;
    while port.receive(&mut buffer).unwrap().is_some() {
        frames += 1;
    }
    frames
}

/// Gives an interface of the calling thread's namespace an address of a network of 24 bits.
pub(crate) fn add_address(name: &str, addr: Ipv4Addr) {
    let mut message = AddressMessage::default();
    message.header.family = AddressFamily::Inet;
    message.header.index = if_nametoindex(name).unwrap();
    message.header.prefix_len = 24;
    message.attributes = vec![AddressAttribute::Local(addr.into()), AddressAttribute::Address(addr.into())];
    request(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE);
}

/// Sets an interface of the calling thread's namespace up.
pub(crate) fn set_up(name: &str) {
    set_flags(name, LinkFlags::Up);
}

/// Sets an interface of the calling thread's namespace down.
pub(crate) fn set_down(name: &str) {
    set_flags(name, LinkFlags::empty());
}

fn set_flags(name: &str, flags: LinkFlags) {
    let mut link = LinkMessage::default();
    link.header.index = if_nametoindex(name).unwrap();
    link.header.flags = flags;
    link.header.change_mask = LinkFlags::Up;
    request(RouteNetlinkMessage::SetLink(link), 0);
}

/// Makes two interfaces joined by a wire in the calling thread's namespace, both up.
pub(crate) fn add_wire(name: &str, peer: &str) {
    let named = |name: &str| LinkAttribute::IfName(name.to_string());
    let mut far = LinkMessage::default();
    far.attributes = vec![named(peer)];
    let mut near = LinkMessage::default();
    let data = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far)));
    near.attributes = vec![named(name), LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), data])];
    request(RouteNetlinkMessage::NewLink(near), NLM_F_CREATE | NLM_F_EXCL);
    set_up(name);
    set_up(peer);
    wait_for_wire(name);
    wait_for_wire(peer);
}

/// Waits until an interface of the calling thread's namespace sends: the kernel notices a moment later that both ends of its
/// wire are up, and drops frames until then.
pub(crate) fn wait_for_wire(name: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let mut link = LinkMessage::default();
        link.header.index = if_nametoindex(name).unwrap();
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) =
            ask(RouteNetlinkMessage::GetLink(link), 0)
        else {
            panic!("{name} is not there");
        };
        if link.attributes.contains(&LinkAttribute::Qdisc("noqueue".to_string())) {
            return;
        }
        assert!(Instant::now() < until, "waited in vain for the wire of {name}");
        thread::sleep(Duration::from_millis(1));
    }
}

fn request(message: RouteNetlinkMessage, flags: u16) {
    let asked = format!("{message:?}");
    let NetlinkPayload::Error(acknowledgement) = ask(message, NLM_F_ACK | flags) else { panic!("{asked}") };
    let refused = acknowledgement.code.map(|code| io::Error::from_raw_os_error(-code.get()));
    assert!(refused.is_none(), "{asked}: {refused:?}");
}

fn ask(message: RouteNetlinkMessage, flags: u16) -> NetlinkPayload<RouteNetlinkMessage> {
    let mut socket = Socket::new(NETLINK_ROUTE).unwrap();
    socket.bind_auto().unwrap();
    socket.connect(&SocketAddr::new(0, 0)).unwrap();
    let mut packet = NetlinkMessage::new(NetlinkHeader::default(), NetlinkPayload::from(message));
    packet.header.flags = NLM_F_REQUEST | flags;
    packet.finalize();
    let mut bytes = vec![0; packet.buffer_len()];
    packet.serialize(&mut bytes);
    socket.send(&bytes, 0).unwrap();
    let (answer, _) = socket.recv_from_full().unwrap();
    NetlinkMessage::<RouteNetlinkMessage>::deserialize(&answer).unwrap().payload
}
