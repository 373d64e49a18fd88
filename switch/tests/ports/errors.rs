//! What cannot be opened says what to do about it.

use crate::world::{Namespace, add_wire, next, set_down, set_up, wait_for_wire};
use zerogap_switch::io::{BUFFER_LEN, OffloadTap, PacketPort, PlainTap, Port as _};
use zerogap_switch::offload::{Offload, Partial};

#[test]
fn errors_say_what_to_do() {
    let Some(host) = Namespace::new() else { return };
    host.run(|| {
        add_wire("wire", "peer");
        let _held = PlainTap::create("held").unwrap();
        let plain = |name| PlainTap::create(name).map(drop).unwrap_err().to_string();
        let offload = |name| OffloadTap::create(name).map(drop).unwrap_err().to_string();
        let packet = |name| PacketPort::open(name).map(drop).unwrap_err().to_string();
        let table = [
            (plain("a-name-that-is-too-long"), "longer than 15 characters"),
            (offload("a-name-that-is-too-long"), "longer than 15 characters"),
            (plain("held"), "another process has it open"),
            (offload("held"), "another process has it open"),
            (plain("wire"), "attach to it by packet socket"),
            (offload("wire"), "attach to it by packet socket"),
            (packet("nowhere"), "there is no such interface in the network namespace"),
        ];
        for (error, hint) in table {
            assert!(error.contains(hint), "{error:?} does not say {hint:?}");
        }
    });
}

#[test]
fn a_plain_tap_refuses_a_frame_that_is_not_complete() {
    let Some(host) = Namespace::new() else { return };
    let tap = host.run(|| PlainTap::create("eth0").unwrap());
    let offload = Offload { checksum: Some(Partial { start: 14, offset: 2 }), gso: None };
    assert!(tap.send(&[0; 60], offload).unwrap_err().to_string().contains("complete frames only"));
}

#[test]
fn an_interface_that_goes_down_is_heard_again_once_it_is_up() {
    let Some(host) = Namespace::new() else { return };
    let (near, far) = host.run(|| {
        add_wire("near", "far");
        (PacketPort::open("near").unwrap(), PacketPort::open("far").unwrap())
    });
    let mut buffer = vec![0; BUFFER_LEN];
    host.run(|| set_down("far"));
    assert_eq!(far.receive(&mut buffer).unwrap(), None);
    assert_eq!(far.send(&[0xff; 60], Offload::default()).unwrap_err().raw_os_error(), Some(libc::EIO));
    host.run(|| {
        set_up("far");
        wait_for_wire("near");
    });
    near.send(&[0xff; 60], Offload::default()).unwrap();
    assert_eq!(next(&far, &mut buffer).len, 60);
}
