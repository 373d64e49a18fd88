//! A small server, a client that knows how to ask, and what they say to each other.

use zerogap_proto::agv::{BEAMS, Command, Pose, Report};
use zerogap_proto::{
    ClientId, Control, Duration, Endpoint, Epoch, Event, Incarnation, Input, Instant, Job, JobResult, Kind,
    Message, MigrationId, Node, NodeId, Offset, Output, Sequence, ServerCommand, ServerStatus, Stamp,
};
use zerogap_server_app::transfer::{Decoder, Encoder, End, Progress};
use zerogap_server_app::{Memory, PageSet, Prior, Server, ServerConfig, SparseMemory};

pub(crate) const STATE_BYTES: u64 = 300_000;
pub(crate) const ANSWERS: u32 = 8;
pub(crate) const LIFE: Incarnation = Incarnation::of_life(1);
pub(crate) const AGV: Endpoint = endpoint(1, 40_000);

pub(crate) type Sparse = Server<SparseMemory>;

pub(crate) const fn endpoint(host: u8, port: u16) -> Endpoint {
    Endpoint { addr: std::net::Ipv4Addr::new(10, 90, 0, host), port }
}

pub(crate) fn config(holds_state: bool) -> ServerConfig {
    ServerConfig {
        node: NodeId(4),
        controller: NodeId(9),
        service: endpoint(100, 7_000),
        state_bytes: STATE_BYTES,
        floor_w_mm: 20_000,
        floor_h_mm: 15_000,
        prior: Prior::FloorPlan,
        service_time: Duration::ZERO,
        life: 1,
        answers_remembered: ANSWERS,
        holds_state,
        scrub_interval: Duration::ZERO,
    }
}

pub(crate) fn server_of(config: ServerConfig) -> Sparse {
    let memory = SparseMemory::new(config.state_bytes as usize, config.prior);
    Server::new(config, memory).expect("a sane configuration")
}

/// The request that stands at `offset` of the log: no two are alike.
pub(crate) fn report_at(offset: u64) -> Report {
    let step = offset as i32;
    let odometry = Pose { x_mm: 3_000 + 20 * step, y_mm: 7_000, heading_mrad: step % 6_283 };
    let scan_mm = std::array::from_fn(|beam| 1_000 + (beam as u16 * 37 + offset as u16 * 11) % 4_000);
    assert_eq!(scan_mm.len(), BEAMS);
    Report { odometry, speed_mm_s: 900, goal_x_mm: 18_000, goal_y_mm: 7_500, scan_mm }
}

pub(crate) fn stamp(incarnation: Incarnation, offset: u64) -> Stamp {
    Stamp { incarnation, epoch: Epoch(3), offset: Offset(offset), replayed: false }
}

pub(crate) fn request(stamp: Stamp) -> Vec<u8> {
    let body = report_at(stamp.offset.0).to_body();
    Message {
        kind: Kind::Request,
        client: ClientId(7),
        client_incarnation: Incarnation(2),
        sequence: Sequence(1_000 + stamp.offset.0),
        stamp,
        body: &body,
    }
    .to_bytes()
}

pub(crate) fn give(server: &mut Sparse, now: Instant, input: Input<'_>) -> Vec<Output> {
    server.handle(now, input);
    std::iter::from_fn(|| server.poll()).collect()
}

pub(crate) fn order(server: &mut Sparse, command: ServerCommand) -> Vec<Output> {
    let message = Control::Server(command);
    give(server, Instant::ZERO, Input::Control { from: NodeId(9), message })
}

/// Asks once and returns what comes back at once.
pub(crate) fn ask(server: &mut Sparse, now: Instant, stamp: Stamp) -> Option<Reply> {
    let outputs = give(server, now, Input::Datagram { from: AGV, payload: &request(stamp) });
    replies(&outputs).pop()
}

/// Asks for each of these offsets and is answered.
pub(crate) fn serve(server: &mut Sparse, life: Incarnation, offsets: std::ops::Range<u64>) {
    for offset in offsets {
        ask(server, Instant::ZERO, stamp(life, offset)).expect("an answer");
    }
}

/// A reply, read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) kind: Kind,
    pub(crate) stamp: Stamp,
    pub(crate) sequence: Sequence,
    pub(crate) command: Command,
}

pub(crate) fn replies(outputs: &[Output]) -> Vec<Reply> {
    let read = |payload: &Vec<u8>| {
        let message = Message::parse(payload).expect("a message");
        assert_eq!((message.client, message.client_incarnation), (ClientId(7), Incarnation(2)));
        Reply {
            kind: message.kind,
            stamp: message.stamp,
            sequence: message.sequence,
            command: Command::from_body(message.body),
        }
    };
    let mut replies = Vec::new();
    for output in outputs {
        if let Output::Datagram { to, payload } = output {
            assert_eq!(*to, AGV);
            replies.push(read(payload));
        }
    }
    replies
}

/// The last report among the outputs.
pub(crate) fn reported(outputs: &[Output]) -> Option<ServerStatus> {
    outputs.iter().rev().find_map(|output| {
        let Output::Control { to: NodeId(9), message: Control::ServerStatus(status) } = output else {
            return None;
        };
        Some(*status)
    })
}

pub(crate) fn started(outputs: &[Output]) -> Option<&Job> {
    outputs.iter().find_map(|output| if let Output::Start(job) = output { Some(job) } else { None })
}

pub(crate) fn cancelled(outputs: &[Output]) -> Option<MigrationId> {
    outputs.iter().find_map(|output| if let Output::CancelJob(id) = output { Some(*id) } else { None })
}

pub(crate) fn events(outputs: &[Output]) -> Vec<&Event> {
    outputs
        .iter()
        .filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None })
        .collect()
}

/// A server that has applied the first `count` requests.
pub(crate) fn served(count: u64) -> Sparse {
    let mut server = server_of(config(true));
    serve(&mut server, LIFE, 0..count);
    server
}

/// What drivers do: all of `image` and the header go through the bytes of a transfer into the target.
pub(crate) fn transfer(
    migration: MigrationId,
    header: &[u8],
    image: &SparseMemory,
    target: &mut Sparse,
) -> JobResult {
    let all = PageSet::all(image.pages());
    let bytes = part(migration, image, &all, true, End::Complete(header));
    let mut decoder = Decoder::new(migration, STATE_BYTES);
    match decoder.push(&mut &bytes[..], target) {
        Ok(Progress::Complete(header)) => JobResult::Received { header },
        Ok(other) => panic!("not complete: {other:?}"),
        Err(error) => JobResult::Failed(error.into()),
    }
}

/// One part of a transfer.
pub(crate) fn part(
    migration: MigrationId,
    memory: &SparseMemory,
    pages: &PageSet,
    hello: bool,
    end: End<'_>,
) -> Vec<u8> {
    let mut encoder = Encoder::new(migration, memory, pages, hello, end).expect("what can be sent");
    let (mut record, mut bytes) = (Vec::new(), Vec::new());
    while encoder.next_record(&mut record) {
        bytes.extend_from_slice(&record);
    }
    bytes
}
