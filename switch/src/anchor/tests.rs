//! An anchor between ports: what it sends for each frame, as transcripts. The client is at port 0, the servers `p` and `s` are at
//! ports 1 and 2; what the service decides has tests of its own.

use super::*;
use crate::icmp::parse_arp;
use crate::service::Selection;
use smoltcp::wire::Ipv4Address;
use zerogap_proto::frame::Datagram;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{ClientId, Duration, Endpoint, Health, Incarnation, Kind, Sequence, ServiceId, Stamp};

const ENDPOINT: Endpoint = Endpoint { addr: Ipv4Address::new(10, 0, 0, 100), port: 7_000 };
const CLIENT: Endpoint = Endpoint { addr: Ipv4Address::new(10, 0, 0, 2), port: 40_000 };
const SERVICE: ServiceId = ServiceId(1);
const HOSTS: [EthernetAddress; 3] = [mac(10), mac(11), mac(12)];

const fn mac(host: u8) -> EthernetAddress {
    EthernetAddress([2, 0, 0, 0, 0, host])
}

fn anchor() -> Anchor {
    let place = |(name, port)| ServerPlace { name: String::from(name), port: PortId(port), mac: None };
    let service = ServiceConfig {
        id: SERVICE,
        endpoint: ENDPOINT,
        servers: [0, 1].map(|node| (NodeId(node), Incarnation::of_life(0))).to_vec(),
        selection: Selection::Preferred,
        failover_after: Duration::from_millis(2),
        absences_to_promote: 3,
        window: 64,
        resend_after: Duration::from_millis(5),
        log_entries: 256,
        admission_window: 64,
        clients_max: 4,
    };
    let servers = [("p", 1), ("s", 2)].map(place).to_vec();
    Anchor::new(AnchorConfig { service, servers }, HOSTS[1..].to_vec())
}

fn at_ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

fn message(kind: Kind, sequence: u64, offset: u64, value: u8) -> Vec<u8> {
    let body = [value; BODY_LEN];
    let stamp = Stamp { offset: Offset(offset), ..Stamp::default() };
    let (client, client_incarnation) = (ClientId(7), Incarnation(0));
    Message { kind, client, client_incarnation, sequence: Sequence(sequence), stamp, body: &body }.to_bytes()
}

fn request(sequence: u64) -> Frame {
    let payload = message(Kind::Request, sequence, 0, 0);
    let (src_mac, dst_mac) = (HOSTS[0], virtual_mac(SERVICE));
    Datagram { src_mac, dst_mac, src: CLIENT, dst: ENDPOINT, payload_at: 0, payload: &payload }.build()
}

/// What the server at this port answers.
fn answer(port: usize, sequence: u64, offset: u64, value: u8) -> Frame {
    let payload = message(Kind::Answer, sequence, offset, value);
    let (src_mac, dst_mac) = (HOSTS[port], HOSTS[0]);
    Datagram { src_mac, dst_mac, src: ENDPOINT, dst: CLIENT, payload_at: 0, payload: &payload }.build()
}

/// Every frame that is sent, in words: why, by which port, to whom.
fn line(anchor: &Anchor, port: PortId, frame: &[u8], cause: Cause) -> String {
    let host = HOSTS.iter().position(|mac| mac.0 == frame[..6]).expect("a host");
    assert_eq!((host, &frame[6..12]), (usize::from(port.0), &virtual_mac(SERVICE).0[..]), "{cause:?}");
    let stamp = || {
        let datagram = Datagram::parse(frame).expect("a datagram");
        assert!(Datagram::checksum_ok(frame));
        Message::parse(datagram.payload).expect("a message").stamp
    };
    match cause {
        Cause::Request { server, offset, again } => {
            assert_eq!((stamp().offset, stamp().replayed), (offset, again));
            format!("{offset}{} to {}", if again { " again" } else { "" }, anchor.name(server))
        }
        Cause::Answer { server, offset } => {
            assert_eq!(stamp().offset, offset);
            format!("{offset} of {} to the client", anchor.name(server))
        }
        Cause::Reply => "reply".to_owned(),
    }
}

fn offer(anchor: &mut Anchor, ms: u64, port: u16, frame: &Frame) -> (Result<Taken, DropReason>, Vec<String>) {
    let mut sent = Vec::new();
    let mut keep = |port, frame: &[u8], cause| sent.push((port, frame.to_vec(), cause));
    let taken = anchor.frame(at_ms(ms), PortId(port), frame, &mut keep);
    (taken, sent.iter().map(|(port, frame, cause)| line(anchor, *port, frame, *cause)).collect())
}

/// What was there before.
fn given(anchor: &mut Anchor, ms: u64, port: u16, frame: &Frame) {
    assert!(offer(anchor, ms, port, frame).0.is_ok());
}

fn woken(anchor: &mut Anchor, ms: u64) -> Vec<String> {
    let mut sent = Vec::new();
    anchor.wake(at_ms(ms), &mut |port, frame, cause| sent.push((port, frame.to_vec(), cause)));
    sent.iter().map(|(port, frame, cause)| line(anchor, *port, frame, *cause)).collect()
}

#[test]
fn a_request_goes_to_the_primary_first_and_its_answer_to_the_client_and_the_standbys_is_compared() {
    let mut anchor = anchor();
    let (taken, sent) = offer(&mut anchor, 0, 0, &request(1));
    assert_eq!((taken, sent), (Ok(Taken::Request(Offset(0))), vec!["#0 to p".into(), "#0 to s".into()]));
    let first = Taken::Answer { server: NodeId(0), offset: Offset(0), agrees: None };
    let (taken, sent) = offer(&mut anchor, 1, 1, &answer(1, 1, 0, 9));
    assert_eq!((taken, sent), (Ok(first), vec!["#0 of p to the client".into()]));
    let second = Taken::Answer { server: NodeId(1), offset: Offset(0), agrees: Some(true) };
    assert_eq!(offer(&mut anchor, 1, 2, &answer(2, 1, 0, 9)), (Ok(second), vec![]));
    assert_eq!(anchor.deadline(), None, "nothing is awaited any more");
    let account = anchor.account();
    assert_eq!((account.released, account.agreed, account.disagreed, account.held), (1, 1, 0, 0));
    let servers = account.servers.iter().map(|server| (&server.name[..], server.released, server.agreed));
    assert_eq!(servers.collect::<Vec<_>>(), [("p", 1, 0), ("s", 0, 1)]);
}

#[test]
fn an_answer_that_differs_is_told_and_its_server_is_not_believed_any_more() {
    let mut anchor = anchor();
    given(&mut anchor, 0, 0, &request(1));
    given(&mut anchor, 1, 1, &answer(1, 1, 0, 9));
    let differs = Taken::Answer { server: NodeId(1), offset: Offset(0), agrees: Some(false) };
    assert_eq!(offer(&mut anchor, 1, 2, &answer(2, 1, 0, 8)).0, Ok(differs));
    let account = anchor.account();
    assert_eq!((account.disagreed, account.servers[1].health), (1, Some(Health::Quarantined)));
    let events: Vec<&str> = account.events.iter().map(|(_, words)| &words[..]).collect();
    assert_eq!(events, ["s differs at #0 from byte 44 on", "s quarantined"]);
}

#[test]
fn a_dead_primary_costs_no_answer() {
    let mut anchor = anchor();
    for sequence in 1..=4 {
        let ms = 10 * sequence;
        given(&mut anchor, ms, 0, &request(sequence));
        let by_standby = offer(&mut anchor, ms + 1, 2, &answer(2, sequence, sequence - 1, 9)).1;
        let released = vec![format!("#{} of s to the client", sequence - 1)];
        let (at_once, when_late) = if sequence <= 3 { (vec![], released) } else { (released, vec![]) };
        assert_eq!(by_standby, at_once, "request {sequence}");
        let mut late = woken(&mut anchor, ms + 2);
        // The dead one is asked again and again.
        late.retain(|line| !line.ends_with("again to p"));
        assert_eq!(late, when_late, "request {sequence}");
    }
    let servers = anchor.account().servers;
    assert_eq!((&servers[0].name[..], servers[1].health), ("s", Some(Health::Absent)), "s was promoted");
}

#[test]
fn what_is_lost_on_the_way_is_sent_again() {
    let mut anchor = anchor();
    given(&mut anchor, 0, 0, &request(1));
    assert_eq!(woken(&mut anchor, 4), [""; 0]);
    assert_eq!(woken(&mut anchor, 5), ["#0 again to p", "#0 again to s"]);
}

#[test]
fn only_a_server_at_its_own_port_speaks_for_the_service() {
    let mut anchor = anchor();
    given(&mut anchor, 0, 0, &request(1));
    let mut refused = |port, frame: &Frame| offer(&mut anchor, 0, port, frame).0;
    assert_eq!(refused(0, &answer(1, 1, 0, 9)), Err(DropReason::Spoofed), "another port");
    assert_eq!(refused(1, &answer(2, 1, 0, 9)), Err(DropReason::Spoofed), "another host");
    assert_eq!(refused(0, &request(1)), Err(DropReason::DuplicateRequest));
    assert_eq!(refused(1, &answer(1, 1, 5, 9)), Err(DropReason::RogueAnswer));
    assert_eq!(anchor.account().duplicates, 1);
    anchor.moved(NodeId(0), mac(99));
    assert_eq!(
        offer(&mut anchor, 0, 1, &answer(1, 1, 0, 9)).0,
        Err(DropReason::Spoofed),
        "it was the old one"
    );
}

#[test]
fn it_answers_for_its_address_and_nobody_else_does() {
    let mut anchor = anchor();
    let arp = |operation: u8, sender: [u8; 4], target: [u8; 4]| {
        let ethernet = [&[0xff; 6][..], &HOSTS[0].0, &[8, 6]].concat();
        let fixed = [0, 1, 8, 0, 6, 4, 0, operation];
        Frame::from([&ethernet[..], &fixed, &HOSTS[0].0, &sender, &[0; 6], &target].concat())
    };
    let (own, other) = (ENDPOINT.addr.octets(), [10, 0, 0, 2]);
    assert_eq!(offer(&mut anchor, 0, 0, &arp(1, other, own)), (Ok(Taken::Asked), vec!["reply".into()]));
    assert_eq!(offer(&mut anchor, 0, 0, &arp(1, own, other)).0, Err(DropReason::Spoofed));
    assert!(parse_arp(&arp(2, own, other)).is_some_and(|arp| !arp.is_request));
    assert_eq!(offer(&mut anchor, 0, 0, &arp(2, own, other)).0, Err(DropReason::Spoofed));
    let payload = [0; 10];
    let dst = Endpoint { port: 9, ..ENDPOINT };
    let (src_mac, dst_mac) = (HOSTS[0], virtual_mac(SERVICE));
    let elsewhere = Datagram { src_mac, dst_mac, src: CLIENT, dst, payload_at: 0, payload: &payload }.build();
    assert_eq!(
        offer(&mut anchor, 0, 0, &elsewhere).0,
        Err(DropReason::NoRoute),
        "another port of its address"
    );
}
