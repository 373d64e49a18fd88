//! A packet socket gives a frame as it was sent: with its VLAN tag, which the kernel takes out, and with what it still needs.

use crate::world::{Namespace, add_wire, next};
use zerogap_switch::io::{BUFFER_LEN, PacketPort, Port as _};
use zerogap_switch::offload::{Gso, GsoKind, Offload, Partial};

/// A TCP segment over IPv4 with `tag` behind the MAC addresses and 3,000 bytes of payload.
fn frame(tag: &[u8]) -> Vec<u8> {
    let mut frame = [&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1][..], tag, &[0x08, 0]].concat();
    let len = 20 + 20 + 3_000_u16;
    frame.extend([0x45, 0, (len >> 8) as u8, len as u8, 0, 0, 0x40, 0, 64, 6, 0, 0]);
    frame.extend([10, 93, 0, 1, 10, 93, 0, 2]);
    frame.extend([0x10, 0, 0x20, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10, 2, 0, 0, 0, 0, 0]);
    frame.resize(frame.len() + 3_000, 7);
    frame
}

#[test]
fn frames_arrive_as_they_were_sent() {
    let Some(host) = Namespace::new() else { return };
    let (near, far) = host.run(|| {
        add_wire("near", "far");
        (PacketPort::open("near").unwrap(), PacketPort::open("far").unwrap())
    });
    let mut buffer = vec![0; BUFFER_LEN];
    for tag in [&[][..], &[0x81, 0x00, 0x60, 0x2a], &[0x88, 0xa8, 0x00, 0x07]] {
        let sent = frame(tag);
        let start = 34 + tag.len() as u16;
        let offload = Offload {
            checksum: Some(Partial { start, offset: 16 }),
            gso: Some(Gso { kind: GsoKind::TcpV4, size: 1_448, header_len: start + 20, ecn: false }),
        };
        near.send(&sent, offload).unwrap();
        let received = next(&far, &mut buffer);
        let gso = received.offload.gso.map(|gso| Gso { header_len: start + 20, ..gso });
        assert_eq!(Offload { gso, ..received.offload }, offload, "apart from the length that is a hint");
        assert!(buffer[..received.len] == sent, "{} bytes instead of {}", received.len, sent.len());
    }
    assert_eq!(near.receive(&mut buffer).unwrap(), None, "what a port sends it does not hear");
}
