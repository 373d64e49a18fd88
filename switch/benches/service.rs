//! What a service costs a request in the switch, at the sizes of the paper's messages (624 bytes at the IP layer): the way
//! from bytes to a message, the log, the ballot, and all of it together. `cargo bench -p zerogap-switch --bench service`.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use std::iter::from_fn;
use zerogap_proto::address::{service_addr, service_mac, virtual_mac};
use zerogap_proto::frame::Datagram;
use zerogap_proto::message::{BODY_LEN, stamp_frame};
use zerogap_proto::{
    ClientId, Duration, Endpoint, Frame, Incarnation, Instant, Kind, Message, NodeId, Offset, PortId,
    Sequence, ServiceId, Stamp,
};
use zerogap_switch::service::ballot::{Answer, Ballot};
use zerogap_switch::service::log::{Entry, Log};
use zerogap_switch::service::{ClientKey, Effect, Ingress};
use zerogap_switch::{Selection, Service, ServiceConfig};

fn main() {
    divan::main();
}

/// Calls a sample: what takes some nanoseconds is measured with the clock read seldom.
const CALLS: u32 = 10_000;
const PRIMARY: NodeId = NodeId(1);
const STANDBY: NodeId = NodeId(2);
const CLIENT: NodeId = NodeId(20);
const SERVICE: ServiceId = ServiceId(1);

fn client() -> Endpoint {
    Endpoint { addr: service_addr(CLIENT), port: 40_000 }
}

fn service() -> Endpoint {
    Endpoint { addr: [10, 90, 255, 1].into(), port: 7_000 }
}

fn message(kind: Kind, sequence: u64, stamp: Stamp) -> Vec<u8> {
    let body = &[0xa5; BODY_LEN];
    let (client, client_incarnation) = (ClientId(CLIENT.0.into()), Incarnation(0));
    Message { kind, client, client_incarnation, sequence: Sequence(sequence), stamp, body }.to_bytes()
}

/// A request as the client's kernel sends it.
fn request(sequence: u64) -> Frame {
    let payload = &message(Kind::Request, sequence, Stamp::default());
    let (src_mac, dst_mac) = (service_mac(CLIENT), virtual_mac(SERVICE));
    Datagram { src_mac, dst_mac, src: client(), dst: service(), payload_at: 0, payload }.build()
}

/// The answer of a server to the request at an offset, whose number is the same.
fn answer(server: NodeId, offset: u64) -> Frame {
    let incarnation = Incarnation::of_life(server.0);
    let stamp = Stamp { incarnation, offset: Offset(offset), ..Stamp::default() };
    let payload = &message(Kind::Answer, offset, stamp);
    let (src_mac, dst_mac) = (service_mac(server), service_mac(CLIENT));
    Datagram { src_mac, dst_mac, src: service(), dst: client(), payload_at: 0, payload }.build()
}

fn entry(frame: &Frame, sequence: u64) -> Entry {
    let client = ClientKey { endpoint: client(), id: ClientId(CLIENT.0.into()) };
    Entry { client, sequence: Sequence(sequence), frame: frame.clone(), ballot: Ballot::default() }
}

fn vote(server: NodeId) -> Answer {
    Answer { server, frame: answer(server, 0), payload_at: 42 }
}

#[divan::bench(sample_size = CALLS)]
fn find_the_datagram_in_a_frame(bencher: Bencher<'_, '_>) {
    let frame = request(1);
    bencher.bench_local(|| Datagram::parse(black_box(&frame)).is_some());
}

#[divan::bench(sample_size = CALLS)]
fn find_the_message_in_a_datagram(bencher: Bencher<'_, '_>) {
    let frame = request(1);
    let payload = Datagram::parse(&frame).expect("a datagram").payload;
    bencher.bench_local(|| Message::parse(black_box(payload)).is_some());
}

#[divan::bench(sample_size = CALLS)]
fn copy_and_stamp_a_request_for_a_reader(bencher: Bencher<'_, '_>) {
    let frame = request(1);
    bencher.bench_local(|| {
        let mut copy = black_box(&frame).to_vec();
        stamp_frame(&mut copy, black_box(Stamp { offset: Offset(7), ..Stamp::default() }));
        // Freed here, as soon as it is sent: a benchmark that kept its results would measure fresh memory.
        drop(black_box(copy));
    });
}

/// A full log, as it is under load: what comes in at the head makes room at the tail.
const LOG_ENTRIES: usize = 4_096;

fn full_log() -> Log {
    let (mut log, frame) = (Log::new(LOG_ENTRIES), request(1));
    (0..LOG_ENTRIES as u64).for_each(|sequence| {
        log.append(entry(&frame, sequence)).expect("room");
    });
    log
}

#[divan::bench(sample_size = CALLS)]
fn append_to_the_log_and_forget_the_oldest(bencher: Bencher<'_, '_>) {
    let (mut log, frame) = (full_log(), request(1));
    bencher.bench_local(|| {
        log.trim(log.base().next());
        log.append(entry(black_box(&frame), 7)).is_some()
    });
}

#[divan::bench(sample_size = CALLS)]
fn read_the_log_from_end_to_end(bencher: Bencher<'_, '_>) {
    let log = full_log();
    let mut offsets = (0..LOG_ENTRIES as u64).cycle();
    bencher.bench_local(|| {
        let offset = Offset(offsets.next().expect("endless"));
        log.get(black_box(offset)).map(|entry| entry.sequence)
    });
}

#[divan::bench]
fn take_the_first_vote(bencher: Bencher<'_, '_>) {
    let answer = vote(PRIMARY);
    bencher
        .with_inputs(|| (Ballot::default(), answer.clone()))
        .bench_local_values(|(mut ballot, answer)| (ballot.vote(answer), ballot));
}

#[divan::bench]
fn release_an_answer(bencher: Bencher<'_, '_>) {
    let mut voted = Ballot::default();
    voted.vote(vote(PRIMARY));
    bencher
        .with_inputs(|| voted.clone())
        .bench_local_values(|mut ballot| (ballot.release(black_box(PRIMARY)).is_some(), ballot));
}

#[divan::bench(sample_size = CALLS)]
fn compare_two_equal_answers(bencher: Bencher<'_, '_>) {
    let mut ballot = Ballot::default();
    for server in [PRIMARY, STANDBY] {
        ballot.vote(vote(server));
    }
    ballot.release(PRIMARY);
    bencher.bench_local(|| ballot.compare(black_box(STANDBY)));
}

/// One request after the other through a whole service of two servers: admitted, logged, sent to both, answered by both,
/// released, compared, forgotten.
#[divan::bench(sample_count = 20)]
fn serve_a_thousand_requests(bencher: Bencher<'_, '_>) {
    let frames: Vec<[Frame; 3]> =
        (0..1_000).map(|n| [request(n), answer(PRIMARY, n), answer(STANDBY, n)]).collect();
    bencher.counter(ItemsCount::new(frames.len())).with_inputs(new_service).bench_local_values(
        |mut service| {
            let released: usize = frames.iter().map(|frames| serve(&mut service, frames)).sum();
            assert_eq!(released, frames.len());
            service
        },
    );
}

fn new_service() -> Service {
    Service::new(ServiceConfig {
        id: SERVICE,
        endpoint: service(),
        servers: [PRIMARY, STANDBY].map(|server| (server, Incarnation::of_life(server.0))).to_vec(),
        selection: Selection::Preferred,
        failover_after: Duration::from_millis(3),
        absences_to_promote: 3,
        window: 64,
        resend_after: Duration::from_millis(2),
        log_entries: LOG_ENTRIES,
        admission_window: 1_024,
        clients_max: 64,
    })
}

/// What went to the client of all that the service wanted done.
fn serve(service: &mut Service, [request, answers @ ..]: &[Frame; 3]) -> usize {
    let (now, ingress) = (Instant::ZERO, Ingress { port: PortId(0), switch: NodeId(30) });
    let datagram = Datagram::parse(request).expect("a datagram");
    let message = Message::parse(datagram.payload).expect("a request");
    service.request(now, request, &datagram, &message, ingress).expect("admitted");
    for (server, answer) in [PRIMARY, STANDBY].into_iter().zip(answers) {
        let datagram = Datagram::parse(answer).expect("a datagram");
        let message = Message::parse(datagram.payload).expect("an answer");
        service.answer(now, server, answer, &datagram, &message).expect("taken");
    }
    from_fn(|| service.poll()).filter(|effect| matches!(effect, Effect::ToClient(..))).count()
}
