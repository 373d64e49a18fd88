//! Bulk transfers between two hosts, each on a port of its own kind: every byte arrives, where a port has offload the frames
//! are large, and where it has none they are cut.

use crate::world::{Namespace, add_address, add_wire, set_up};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::UdpGsoSegment;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use zerogap_switch::io::{BUFFER_LEN, OffloadTap, PacketPort, PlainTap, Port};
use zerogap_switch::offload::{Offload, segment};

const SENDER: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 1);
const RECEIVER: Ipv4Addr = Ipv4Addr::new(10, 91, 0, 2);
const BROADCAST: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 91, 0, 255), 5_002);
const TCP_PORT: u16 = 5_001;
const LEN: usize = 4 << 20;
/// A full Ethernet frame without FCS.
const WIRE_MAX: usize = 1_514;

type Opened = Box<dyn Port>;

/// What went from the sender's port to the receiver's.
#[derive(Default)]
struct Seen {
    large: AtomicU64,
    longest_sent: AtomicU64,
}

fn plain(name: &str) -> Opened {
    Box::new(PlainTap::create(name).unwrap())
}

fn offload(name: &str) -> Opened {
    Box::new(OffloadTap::create(name).unwrap())
}

/// The host's interface is the one end of a wire, the port holds on to the other.
fn packet(name: &str) -> Opened {
    add_wire(name, "far");
    Box::new(PacketPort::open("far").unwrap())
}

/// Carries frames from `from` to `to` until `done`, and does what `to` leaves to the sender.
fn carry(from: &dyn Port, to: &dyn Port, done: &AtomicBool, seen: &Seen) {
    let (mut buffer, mut scratch) = (vec![0; BUFFER_LEN], Vec::new());
    let send = |frame: &[u8], offload| {
        seen.longest_sent.fetch_max(frame.len() as u64, Ordering::Relaxed);
        // A full queue drops the frame, as a switch may; TCP repeats it.
        let _ = to.send(frame, offload);
    };
    while !done.load(Ordering::Relaxed) {
        let Some(received) = from.receive(&mut buffer).unwrap() else {
            thread::sleep(Duration::from_micros(50));
            continue;
        };
        let frame = &buffer[..received.len];
        seen.large.fetch_add(u64::from(received.offload.gso.is_some()), Ordering::Relaxed);
        if to.takes_offload() {
            send(frame, received.offload);
        } else {
            segment(frame, received.offload, &mut scratch, &mut |frame| send(frame, Offload::default()))
                .unwrap();
        }
    }
}

/// Two hosts, each with an address on a port of its own.
fn hosts(open: [fn(&str) -> Opened; 2]) -> Option<([Namespace; 2], [Opened; 2])> {
    let hosts = [Namespace::new()?, Namespace::new()?];
    let ports = [0, 1].map(|n| {
        hosts[n].run(|| {
            let port = open[n]("eth0");
            add_address("eth0", [SENDER, RECEIVER][n]);
            set_up("eth0");
            port
        })
    });
    Some((hosts, ports))
}

/// Sends [`LEN`] bytes by TCP from a host on one port to a host on the other.
fn transfer(open: [fn(&str) -> Opened; 2]) -> Option<Seen> {
    let (hosts, ports) = hosts(open)?;
    let listener = hosts[1].run(|| TcpListener::bind((RECEIVER, TCP_PORT)).unwrap());
    let bytes: Vec<u8> = (0..LEN as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let (done, forth, back) = (AtomicBool::new(false), Seen::default(), Seen::default());
    thread::scope(|scope| {
        scope.spawn(|| carry(&*ports[0], &*ports[1], &done, &forth));
        scope.spawn(|| carry(&*ports[1], &*ports[0], &done, &back));
        let received = scope.spawn(|| {
            let mut received = Vec::new();
            listener.accept().unwrap().0.read_to_end(&mut received).unwrap();
            received
        });
        hosts[0].run(|| TcpStream::connect((RECEIVER, TCP_PORT)).unwrap().write_all(&bytes).unwrap());
        let received = received.join().unwrap();
        done.store(true, Ordering::Relaxed);
        assert!(received == bytes, "{} of {LEN} bytes arrived, or others", received.len());
    });
    Some(forth)
}

/// Sends a datagram of 1,000 bytes and one of 500 by one call from a host on a packet socket to a host on another port.
fn datagrams(open: fn(&str) -> Opened) {
    let Some((hosts, ports)) = hosts([packet, open]) else { return };
    let receiver = hosts[1].run(|| UdpSocket::bind(BROADCAST).unwrap());
    receiver.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    hosts[0].run(|| {
        let sender = UdpSocket::bind((SENDER, 0)).unwrap();
        sender.set_broadcast(true).unwrap();
        setsockopt(&sender, UdpGsoSegment, &1_000).unwrap();
        sender.send_to(&[7; 1_500], BROADCAST).unwrap();
    });
    let (done, seen, mut buffer) = (AtomicBool::new(false), Seen::default(), [0; 2_000]);
    thread::scope(|scope| {
        scope.spawn(|| carry(&*ports[0], &*ports[1], &done, &seen));
        let received = [(); 2].map(|()| receiver.recv(&mut buffer));
        done.store(true, Ordering::Relaxed);
        assert_eq!(received.map(|len| len.map_err(|error| error.kind())), [Ok(1_000), Ok(500)]);
    });
    assert_eq!(seen.large.into_inner(), 1);
}

#[test]
fn datagrams_that_come_in_one_frame_arrive_one_by_one() {
    for open in [plain, offload] {
        datagrams(open);
    }
}

#[test]
fn large_frames_cross_uncut_between_taps_with_offload() {
    let Some(seen) = transfer([offload, offload]) else { return };
    assert!(seen.large.into_inner() > 0);
    assert!(seen.longest_sent.into_inner() > WIRE_MAX as u64);
}

#[test]
fn towards_a_plain_tap_large_frames_are_cut() {
    let Some(seen) = transfer([offload, plain]) else { return };
    assert!(seen.large.into_inner() > 0);
    assert_eq!(seen.longest_sent.into_inner(), WIRE_MAX as u64);
}

#[test]
fn a_plain_tap_gives_complete_frames_of_the_wires_size() {
    let Some(seen) = transfer([plain, offload]) else { return };
    assert_eq!(seen.large.into_inner(), 0);
    assert_eq!(seen.longest_sent.into_inner(), WIRE_MAX as u64);
}

#[test]
fn an_interface_that_is_already_there_gives_and_takes_large_frames() {
    let Some(seen) = transfer([packet, packet]) else { return };
    assert!(seen.large.into_inner() > 0);
    assert!(seen.longest_sent.into_inner() > WIRE_MAX as u64);
}
