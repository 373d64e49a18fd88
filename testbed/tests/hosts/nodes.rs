//! Real nodes in real processes, with the testbed's side played by the tests.

use crate::bench::{SERVICE, name, next_report, wait_for};
use std::time::{Duration as StdDuration, Instant as StdInstant};
use zerogap_client_agv::{AccessPoint, AgvConfig, Floor, Point, Route};
use zerogap_proto::address::{service_addr, service_mac, transfer_addr};
use zerogap_proto::agv::{Pose, Report as Scan};
use zerogap_proto::frame::Datagram;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::*;
use zerogap_server_app::{Prior, ServerConfig};
use zerogap_testbed::doctor::{Checkup, Needs};
use zerogap_testbed::host::{Host, HostSpec, Neighbour, Nic, Report};
use zerogap_testbed::place::{Placement, Work};
use zerogap_testbed::process::{Down, NodeConfig, Setup, Up};
use zerogap_testbed::sys::clock::Clock;
use zerogap_testbed::sys::packet::{Packets, Received};

pub(crate) const CONTROLLER: NodeId = NodeId(900);
const CLIENT: NodeId = NodeId(40);
const PORT: u16 = 9_000;

/// A node's process and the testbed's end of its control socket.
pub(crate) struct Process {
    pub(crate) host: Host,
    pub(crate) control: Packets,
}

impl Process {
    /// Starts the node, waits until it is ready and lets it begin.
    fn start(spec: &HostSpec, node: NodeConfig) -> Self {
        let mut host = Host::start(spec).unwrap();
        let control = host.start_process(1, &[]).unwrap();
        assert!(matches!(next_report(&mut host), Report::Started { life: 1, .. }));
        let placement = Placement::of_this_machine().unwrap();
        let setup = Setup { clock: Clock::starting_now(), placement, work: Work::Request, node, more: false };
        control.send(&Down::Setup(Box::new(setup)), &[]).unwrap();
        let process = Self { host, control };
        process.hear("ready", |up| (*up == Up::Ready).then_some(()));
        process.control.send(&Down::Start, &[]).unwrap();
        process
    }

    /// Waits until it says what `wanted` picks, passing over everything else.
    pub(crate) fn hear<T>(&self, what: &str, mut wanted: impl FnMut(&Up) -> Option<T>) -> T {
        let until = StdInstant::now() + StdDuration::from_secs(20);
        while StdInstant::now() < until {
            match self.control.try_receive::<Up>().unwrap() {
                Received::Message(up, _) => match wanted(&up) {
                    Some(found) => return found,
                    None => continue,
                },
                Received::Nothing => std::thread::sleep(StdDuration::from_millis(1)),
                Received::End => panic!("{} ended while {what} was waited for", self.host.name),
            }
        }
        panic!("waited in vain for {what}");
    }

    pub(crate) fn order(&self, command: ServerCommand) {
        let message = Control::Server(command);
        self.control.send(&Down::Control { from: CONTROLLER, to: self.host.node, message }, &[]).unwrap();
    }

    /// Waits for a status whose task `is` the one wanted.
    pub(crate) fn status(&self, what: &str, is: impl Fn(&Task) -> bool) -> ServerStatus {
        self.hear(what, |up| match up {
            Up::Control { to: CONTROLLER, message: Control::ServerStatus(status), .. } => {
                is(&status.task).then_some(*status)
            }
            Up::Ready | Up::Control { .. } | Up::Event { .. } | Up::Records(_) | Up::Lost(_) => None,
        })
    }
}

/// A server with a state of this size.
pub(crate) fn start_server(number: u16, state_bytes: u64, holds_state: bool) -> Process {
    let node = NodeId(number);
    let mut spec = HostSpec::server(node, &name(&format!("edge{number}")), SERVICE);
    spec.neighbours.push(Neighbour {
        nic: Nic::Eth0,
        addr: service_addr(CLIENT),
        mac: service_mac(CLIENT).0,
    });
    let config = ServerConfig {
        node,
        controller: CONTROLLER,
        service: Endpoint { addr: SERVICE, port: PORT },
        state_bytes,
        floor_w_mm: 50_000,
        floor_h_mm: 20_000,
        prior: Prior::FloorPlan,
        service_time: Duration::from_micros(100),
        life: 1,
        answers_remembered: 64,
        holds_state,
        scrub_interval: Duration::ZERO,
    };
    let transfer = Endpoint { addr: transfer_addr(node), port: address::TRANSFER_PORT };
    Process::start(&spec, NodeConfig::Server { config, transfer })
}

/// Sends the requests with these offsets to a server in its first life, as its switch would, and gives the digests of
/// its answers.
pub(crate) fn ask(server: &Process, offsets: std::ops::Range<u64>) -> Vec<u64> {
    ask_life(server, Incarnation::of_life(1), offsets)
}

/// The same for a server in a later life.
pub(crate) fn ask_life(server: &Process, life: Incarnation, offsets: std::ops::Range<u64>) -> Vec<u64> {
    let port = server.host.eth0.as_ref().unwrap();
    let mut digests = Vec::new();
    for offset in offsets {
        port.send(&request(server.host.node, life, offset)).unwrap();
        let mut buffer = [0; 2_000];
        wait_for("an answer", || {
            let Ok(len) = port.recv(&mut buffer) else { return false };
            let datagram = Datagram::parse(&buffer[..len]).unwrap();
            assert_eq!((datagram.src.addr, datagram.dst.addr), (SERVICE, service_addr(CLIENT)));
            let answer = Message::parse(datagram.payload).unwrap();
            assert_eq!((answer.kind, answer.stamp.offset), (Kind::Answer, Offset(offset)));
            digests.push(agv::Command::from_body(answer.body).digest);
            true
        });
    }
    digests
}

pub(crate) fn request(server: NodeId, incarnation: Incarnation, offset: u64) -> Vec<u8> {
    let odometry = Pose { x_mm: 10_000 + 100 * offset as i32, y_mm: 10_000, heading_mrad: 0 };
    let scan = Scan {
        odometry,
        speed_mm_s: 500,
        goal_x_mm: 40_000,
        goal_y_mm: 10_000,
        scan_mm: [3_000; agv::BEAMS],
    };
    let body: [u8; BODY_LEN] = scan.to_body();
    let stamp = Stamp { incarnation, epoch: Epoch(0), offset: Offset(offset), replayed: false };
    let message = Message {
        kind: Kind::Request,
        client: ClientId(1),
        client_incarnation: Incarnation(1),
        sequence: Sequence(offset),
        stamp,
        body: &body,
    };
    let payload = message.to_bytes();
    let datagram = Datagram {
        src_mac: service_mac(CLIENT),
        dst_mac: service_mac(server),
        src: Endpoint { addr: service_addr(CLIENT), port: 40_000 },
        dst: Endpoint { addr: SERVICE, port: PORT },
        payload_at: 0,
        payload: &payload,
    };
    datagram.build().to_vec()
}

pub(crate) fn server() {
    let server = start_server(1, 4_000_000, true);
    let digests = ask(&server, 0..20);
    assert!(
        digests.windows(2).all(|pair| pair[0] != pair[1]),
        "each request changes the state: {digests:x?}"
    );
    server.order(ServerCommand::Report);
    let next = |up: &Up| match up {
        Up::Control { message: Control::ServerStatus(status), .. } => Some(status.next),
        Up::Ready | Up::Control { .. } | Up::Event { .. } | Up::Records(_) | Up::Lost(_) => None,
    };
    server.hear("a status with all of it", |up| next(up).filter(|next| *next == Offset(20)));
}

pub(crate) fn agv() {
    let (interval, count) = (Duration::from_millis(10), 30);
    let config = AgvConfig {
        node: CLIENT,
        client: ClientId(1),
        incarnation: Incarnation(1),
        service: Endpoint { addr: SERVICE, port: PORT },
        radio: NodeId(901),
        floor: Floor { width_mm: 50_000, height_mm: 20_000, obstacles: Vec::new() },
        route: Route {
            waypoints: vec![Point { x_mm: 5_000, y_mm: 5_000 }, Point { x_mm: 40_000, y_mm: 5_000 }],
            dwell: Duration::from_millis(500),
            reach_mm: 200,
        },
        access_points: vec![AccessPoint { node: NodeId(902), x_mm: 0, y_mm: 0 }],
        hysteresis_mm: 100,
        lidar_beams: 256,
        intervals: vec![interval],
        threshold: Duration::from_millis(10),
        give_up: Duration::from_millis(100),
        max_speed_mm_s: 1_000,
        start_delay: Duration::from_millis(5),
    };
    let mut spec = HostSpec::client(CLIENT, &name("agv-real"));
    spec.neighbours.push(Neighbour { nic: Nic::Eth0, addr: SERVICE, mac: [2, 0, 0, 0, 0, 1] });
    let bind = Endpoint { addr: service_addr(CLIENT), port: 40_000 };
    let client = Process::start(&spec, NodeConfig::Agv { config, bind });
    let mut records: Vec<Record> = Vec::new();
    while records.len() < count {
        let record = |up: &Up| {
            if let Up::Records(records) = up { records.first().map(|(_, record)| *record) } else { None }
        };
        records.push(client.hear("a record", record));
    }
    assert!(records.iter().all(|r| r.answered.is_none() && r.sent >= r.due));
    let due: Vec<u64> = records.iter().map(|r| r.due.as_nanos()).collect();
    assert!(due.windows(2).all(|pair| pair[1] - pair[0] == interval.as_nanos()), "open loop: {due:?}");
    let mut buffer = [0; 2_000];
    let port = client.host.eth0.as_ref().unwrap();
    let frames: Vec<Vec<u8>> =
        std::iter::from_fn(|| port.recv(&mut buffer).ok().map(|len| buffer[..len].to_vec())).collect();
    let requests = frames.iter().filter_map(|frame| Message::parse(Datagram::parse(frame)?.payload));
    assert!(requests.filter(|message| message.kind == Kind::Request).count() >= count);
    client
        .control
        .send(&Down::Control { from: CONTROLLER, to: CLIENT, message: Control::Stop }, &[])
        .unwrap();
    client.hear("its end", |up| match up {
        Up::Event { event: Event::ClientDone { client: CLIENT }, .. } => Some(()),
        Up::Ready | Up::Control { .. } | Up::Event { .. } | Up::Records(_) | Up::Lost(_) => None,
    });
}

pub(crate) fn doctor() {
    let checkup = Checkup::examine(&Needs::default());
    assert!(checkup.required_missing().is_empty(), "{checkup}");
    let impossible = Checkup::examine(&Needs { memory_bytes: u64::MAX, ..Needs::default() });
    let missing: Vec<_> = impossible.required_missing().iter().map(|check| check.name).collect();
    assert_eq!(missing, ["memory"]);
}
