//! A service that the switch by itself anchors, end to end on real TAPs: the testbed's server as two programs would run it, a client
//! that asks, and what a user is told about it all.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it waits for another program")]

use crate::lab::{Switch, in_namespace, said, shown, wait_for, zerogap};
use serde_json::json;
use smoltcp::wire::{EthernetAddress, Ipv4Address};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use zerogap_proto::address::virtual_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{
    ClientId, Endpoint, Frame, Incarnation, Input, Kind, Message, Node as _, NodeId, Output, Sequence,
    ServiceId, Stamp,
};
use zerogap_server_app::{Prior, Server, ServerConfig, SparseMemory};
use zerogap_switch::io::{BUFFER_LEN, PacketPort, Port as _};
use zerogap_switch::offload::Offload;

const ENDPOINT: Endpoint = Endpoint { addr: Ipv4Address::new(10, 0, 0, 100), port: 7_000 };
const CLIENT: Endpoint = Endpoint { addr: Ipv4Address::new(10, 0, 0, 2), port: 40_000 };
const CLIENT_MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 2]);
const STATE_BYTES: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
const FILE: &str = r#"
ports: [{name: c}, {name: p}, {name: s}]
services:
  - {id: 1, endpoint: "10.0.0.100:7000", servers: [{port: p}, {port: s}]}
flows:
  - {match: {eth_type: 0x88b5}, actions: [controller], cookie: 5}
  - {priority: 0, actions: [{output: normal}]}
"#;

/// The file of a switch, under a name of the test's own.
fn file(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.yaml"));
    std::fs::write(&path, FILE).expect("written");
    path
}

/// The next frame, if one comes in time.
fn receive(port: &PacketPort, until: Instant) -> Option<Vec<u8>> {
    let mut buffer = vec![0; BUFFER_LEN];
    while Instant::now() < until {
        if let Some(received) = port.receive(&mut buffer).expect("the TAP is there") {
            return Some(buffer[..received.len].to_vec());
        }
        thread::sleep(Duration::from_micros(50));
    }
    None
}

/// The testbed's server at this port, until it is told to die.
fn serve(port: &PacketPort, node: u16, dead: &AtomicBool) {
    let config = ServerConfig {
        node: NodeId(node),
        controller: NodeId(9),
        service: ENDPOINT,
        state_bytes: STATE_BYTES as u64,
        floor_w_mm: 20_000,
        floor_h_mm: 20_000,
        prior: Prior::Unknown,
        service_time: zerogap_proto::Duration::ZERO,
        life: 0,
        answers_remembered: 256,
        holds_state: true,
        scrub_interval: zerogap_proto::Duration::ZERO,
    };
    let mut server = Server::new(config, SparseMemory::new(STATE_BYTES, Prior::Unknown)).expect("sound");
    while !dead.load(Ordering::SeqCst) {
        let Some(frame) = receive(port, Instant::now() + Duration::from_millis(20)) else { continue };
        let Some(datagram) = Datagram::parse(&frame).filter(|datagram| datagram.dst == ENDPOINT) else {
            continue;
        };
        assert_eq!(datagram.src_mac, virtual_mac(ServiceId(1)), "it comes from the service");
        let (from, payload) = (datagram.src, datagram.payload);
        server.handle(zerogap_proto::Instant::ZERO, Input::Datagram { from, payload });
        while let Some(output) = server.poll() {
            let Output::Datagram { to, payload } = output else { continue };
            let (src_mac, dst_mac) = (datagram.dst_mac, CLIENT_MAC);
            let answer =
                Datagram { src_mac, dst_mac, src: ENDPOINT, dst: to, payload_at: 0, payload: &payload };
            port.send(&answer.build(), Offload::default()).expect("sent");
        }
    }
}

fn request(sequence: u64) -> Frame {
    let (kind, sequence) = (Kind::Request, Sequence(sequence));
    let (client, client_incarnation) = (ClientId(7), Incarnation(0));
    let body = &[1; BODY_LEN];
    let message = Message { kind, client, client_incarnation, sequence, stamp: Stamp::default(), body };
    let (src_mac, dst_mac) = (CLIENT_MAC, virtual_mac(ServiceId(1)));
    let payload = &message.to_bytes();
    Datagram { src_mac, dst_mac, src: CLIENT, dst: ENDPOINT, payload_at: 0, payload }.build()
}

/// Asks once and waits for the one answer.
fn ask(port: &PacketPort, sequence: u64) {
    port.send(&request(sequence), Offload::default()).expect("sent");
    let until = Instant::now() + PATIENCE;
    loop {
        let frame = receive(port, until).unwrap_or_else(|| panic!("request {sequence} is not answered"));
        let Some(datagram) = Datagram::parse(&frame).filter(|datagram| datagram.src == ENDPOINT) else {
            continue;
        };
        let answer = Message::parse(datagram.payload).expect("a message");
        assert_eq!((answer.kind, answer.sequence), (Kind::Answer, Sequence(sequence)), "one answer to each");
        assert_eq!(datagram.src_mac, virtual_mac(ServiceId(1)), "from the service, not from a server");
        return;
    }
}

#[test]
fn when_the_primary_dies_no_answer_is_lost_and_the_standby_serves() {
    in_namespace(|| {
        let path = file("primary-dies");
        let capture = path.with_extension("pcapng");
        let (config, recorded) = (path.display().to_string(), format!("c={}", capture.display()));
        let switch = Switch::start(&["--config", &config, "--capture", &recorded]);
        let [client, primary, standby] = ["c", "p", "s"].map(|port| PacketPort::open(port).expect("a TAP"));
        let [primary_dead, standby_dead] = [AtomicBool::new(false), AtomicBool::new(false)];
        thread::scope(|scope| {
            scope.spawn(|| serve(&standby, 2, &standby_dead));
            let first = scope.spawn(|| serve(&primary, 1, &primary_dead));
            (1..=50).for_each(|sequence| ask(&client, sequence));
            primary_dead.store(true, Ordering::SeqCst);
            first.join().expect("it dies");
            (51..=100).for_each(|sequence| ask(&client, sequence));
            standby_dead.store(true, Ordering::SeqCst);
        });
        let service = &shown("services")[0];
        assert_eq!((&service["head"], &service["released"]), (&json!(100), &json!(100)), "{service}");
        assert_eq!((&service["disagreed"], &service["held"]), (&json!(0), &json!(0)), "{service}");
        assert!(service["agreed"].as_u64() >= Some(45), "{service}");
        let servers = [&service["servers"][0], &service["servers"][1]];
        let stand = servers.map(|server| (&server["name"], &server["health"]));
        assert_eq!(stand, [(&json!("s"), &json!("healthy")), (&json!("p"), &json!("absent"))]);
        let report = switch.end();
        assert_eq!(report["balanced"], json!(true), "{report}");
        assert!(report["ports"]["c"]["taken"].as_u64() >= Some(100), "{report}");
        let bytes = std::fs::read(&capture).expect("the capture");
        let count =
            |comment: &str| bytes.windows(comment.len()).filter(|at| *at == comment.as_bytes()).count();
        let told = ["service 1: request 42", "service 1: from p, answer 42 of p"].map(count);
        assert_eq!(told, [1, 1], "the request as it came in, the answer as it left");
    });
}

#[test]
fn frames_for_the_controller_go_to_whoever_listens() {
    in_namespace(|| {
        let config = file("listen").display().to_string();
        let _switch = Switch::start(&["--config", &config]);
        let station = crate::lab::Station::at("c");
        station.send(1, 2, 3);
        wait_for(0, &["dropped/nobody-listens"], 3);
        let mut listening = zerogap(&["ctl", "listen", "--json", "--count", "2"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(listening.stdout.take().expect("its output")).lines();
        let until = Instant::now() + PATIENCE;
        while shown("ports")[0]["taken"].as_u64() < Some(2) {
            assert!(Instant::now() < until, "nobody hears");
            station.send(1, 2, 1);
            thread::sleep(Duration::from_millis(5));
        }
        let line = lines.next().expect("a line").expect("text");
        let frame: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!((&frame["port"], &frame["cookie"], &frame["len"]), (&json!("c"), &json!(5), &json!(60)));
        assert!(
            frame["bytes"].as_str().is_some_and(|bytes| bytes.starts_with("02000000000202000000000188b5"))
        );
        assert!(listening.wait().expect("it ends").success(), "after two frames");
    });
}

#[test]
fn a_bundle_that_leads_to_a_service_that_is_not_there_is_refused() {
    in_namespace(|| {
        let config = file("no-service").display().to_string();
        let _switch = Switch::start(&["--config", &config]);
        let refused = crate::lab::ctl(&["apply", "-"], "- add_flow: {actions: [{service: 7}]}");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(told.contains("changes[0]: there is no service 7; there are 1"), "{told}");
        let table = said(&crate::lab::ctl(&["show", "services"], ""));
        assert!(table.starts_with("service  endpoint         head"), "{table}");
    });
}
