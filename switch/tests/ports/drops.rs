//! What the kernel drops at a port is counted by the port, whatever namespace the switch is in by then.

use crate::world::{Namespace, add_address, add_wire, drain, next, set_up};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use zerogap_switch::io::{Lost, OffloadTap, PacketPort, PlainTap, Port};
use zerogap_switch::offload::Offload;

const ADDR: Ipv4Addr = Ipv4Addr::new(10, 92, 0, 1);
const BROADCAST: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 92, 0, 255), 9);
const FRAMES: u64 = 20_000;
const FRAME: [u8; 60] = [0xff; 60];

/// A host says more than its TAP's queue holds, to a switch that does not listen.
fn overflow(open: impl FnOnce() -> Box<dyn Port> + Send) {
    let Some(host) = Namespace::new() else { return };
    let port = host.run(|| {
        let port = open();
        add_address(port.name(), ADDR);
        set_up(port.name());
        port
    });
    host.run(|| {
        let socket = UdpSocket::bind((ADDR, 0)).unwrap();
        socket.set_broadcast(true).unwrap();
        for _ in 0..FRAMES {
            socket.send_to(b"request", BROADCAST).unwrap();
        }
    });
    let received = drain(&*port);
    let lost = port.lost().unwrap();
    assert!(lost.rx > 0);
    assert_eq!((received + lost.rx, lost.tx), (FRAMES, 0));
}

#[test]
fn what_does_not_fit_a_taps_queue_is_counted() {
    overflow(|| Box::new(PlainTap::create("eth0").unwrap()));
}

#[test]
fn what_does_not_fit_the_queue_of_a_tap_with_offload_is_counted() {
    overflow(|| Box::new(OffloadTap::create("eth0").unwrap()));
}

#[test]
fn what_does_not_fit_a_packet_sockets_queue_is_counted() {
    let Some(host) = Namespace::new() else { return };
    let (near, far) = host.run(|| {
        add_wire("near", "far");
        (PacketPort::open("near").unwrap(), PacketPort::open("far").unwrap())
    });
    let mut refused = 0;
    for _ in 0..FRAMES {
        match near.send(&FRAME, Offload::default()) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                refused += 1;
            }
        }
    }
    let received = drain(&far);
    let lost = far.lost().unwrap();
    assert!(lost.rx > 0);
    assert_eq!(received + lost.rx, FRAMES, "{refused} of them the sender was told of");
    assert_eq!(
        near.lost().unwrap(),
        Lost { rx: 0, tx: 0 },
        "frames that were refused are the caller's to count"
    );
    assert_eq!(far.lost().unwrap(), lost, "asking again forgets nothing");
}

#[test]
fn what_an_interface_that_is_down_refuses_is_the_callers_to_count() {
    let Some(host) = Namespace::new() else { return };
    let tap = |name| PlainTap::create(name).map(|tap| Box::new(tap) as Box<dyn Port>);
    let offload_tap = |name| OffloadTap::create(name).map(|tap| Box::new(tap) as Box<dyn Port>);
    let ports = host.run(|| [tap("tap0").unwrap(), offload_tap("tap1").unwrap()]);
    for port in ports {
        for _ in 0..3 {
            let refused = port.send(&FRAME, Offload::default()).unwrap_err();
            assert_eq!(refused.raw_os_error(), Some(libc::EIO));
        }
        assert_eq!(port.lost().unwrap(), Lost { rx: 0, tx: 0 });
    }
}

#[test]
fn a_frame_that_does_not_fit_the_buffer_is_lost_and_not_cut() {
    let Some(host) = Namespace::new() else { return };
    let (near, far) = host.run(|| {
        add_wire("near", "far");
        (PacketPort::open("near").unwrap(), PacketPort::open("far").unwrap())
    });
    near.send(&[0xff; 1_000], Offload::default()).unwrap();
    near.send(&FRAME, Offload::default()).unwrap();
    let received = next(&far, &mut [0; 500]);
    assert_eq!((received.len, far.lost().unwrap().rx), (FRAME.len(), 1));
}
