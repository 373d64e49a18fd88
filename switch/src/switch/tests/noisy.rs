//! One client that asks far more than the servers' hosts can take, beside some that ask as they should, in virtual time. What it may
//! have under way is bounded by its own service's window and log, so the others wait for that much and no more.

use super::many::{SERVICES, anchor_of, process, request_to};
use super::wire::{agv, message};
use super::*;
use std::collections::BTreeMap;
use zerogap_proto::address::service_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::{Kind, Message, Stamp};

const NOISY: u16 = 0;
/// What a host needs for a request, whichever of its processes it is for; they take turns in the order of arrival.
const WORK: Duration = Duration::from_micros(20);
/// Four times what a host can take.
const NOISY_EVERY: Duration = Duration::from_micros(5);
const QUIET_EVERY: Duration = Duration::from_millis(1);
const LASTS: Duration = Duration::from_millis(100);

enum Happening {
    Asks(u16, u64),
    Answers(PortId, Frame),
}

/// A switch, two hosts and their clients.
struct World {
    switch: Switch,
    queue: BTreeMap<(Instant, u64), Happening>,
    queued: u64,
    busy_until: [Instant; 2],
    asked: BTreeMap<(u16, u64), Instant>,
    /// How long each answer took, by service.
    took: BTreeMap<u16, Vec<Duration>>,
}

impl World {
    fn run(clients: impl Iterator<Item = (u16, Duration)>) -> Self {
        let mut world = Self {
            switch: anchor_of(0..SERVICES),
            queue: BTreeMap::new(),
            queued: 0,
            busy_until: [Instant::ZERO; 2],
            asked: BTreeMap::new(),
            took: BTreeMap::new(),
        };
        for (service, every) in clients {
            for sequence in 0..LASTS.as_nanos() / every.as_nanos() {
                world.push(Instant::ZERO + every.times(sequence), Happening::Asks(service, sequence));
            }
        }
        while let Some(((now, _), happening)) = world.queue.pop_first() {
            world.wake_until(now);
            let (port, frame) = match happening {
                Happening::Asks(service, sequence) => {
                    world.asked.insert((service, sequence), now);
                    (AP, request_to(service, sequence))
                }
                Happening::Answers(port, frame) => (port, frame),
            };
            let outputs = give(&mut world.switch, now, Input::Frame { port, frame });
            world.carry(now, outputs);
        }
        world
    }

    fn push(&mut self, at: Instant, happening: Happening) {
        self.queued += 1;
        self.queue.insert((at, self.queued), happening);
    }

    fn wake_until(&mut self, now: Instant) {
        while let Some((at, timer)) = self.switch.deadline().filter(|(at, _)| *at <= now) {
            let outputs = give(&mut self.switch, at, Input::Wake(timer));
            self.carry(at, outputs);
        }
    }

    fn carry(&mut self, now: Instant, outputs: Vec<Output>) {
        for (port, frame) in frames(outputs) {
            let datagram = Datagram::parse(&frame).expect("requests and answers");
            let message = Message::parse(datagram.payload).expect("a message");
            if port == AP {
                let service = datagram.src.port - ENDPOINT.port;
                let asked = self.asked[&(service, message.sequence.0)];
                self.took.entry(service).or_default().push(now.since(asked));
            } else {
                let host = usize::from(port.0);
                let done = self.busy_until[host].max(now) + WORK;
                self.busy_until[host] = done;
                self.push(done, Happening::Answers(port, answer_to(&datagram, &message, port.0)));
            }
        }
    }

    fn longest(&self, service: u16) -> Duration {
        self.took[&service].iter().copied().max().expect("an answer")
    }
}

fn answer_to(copy: &Datagram<'_>, asked: &Message<'_>, host: u16) -> Frame {
    let service = copy.dst.port - ENDPOINT.port;
    let stamp =
        Stamp { incarnation: Incarnation::of_life(host + 1), offset: asked.stamp.offset, ..Stamp::default() };
    let payload = message(Kind::Answer, asked.sequence.0, stamp);
    let (src_mac, dst_mac) = (service_mac(process(service, host)), service_mac(AGV));
    Datagram { src_mac, dst_mac, src: copy.dst, dst: agv(), payload_at: 0, payload: &payload }.build()
}

#[test]
fn one_noisy_client_cannot_starve_the_rest() {
    let quiet = || (1..SERVICES).map(|service| (service, QUIET_EVERY));
    let (alone, beside) = (World::run(quiet()), World::run(quiet().chain([(NOISY, NOISY_EVERY)])));
    let asked = (LASTS.as_nanos() / QUIET_EVERY.as_nanos()) as usize;
    let window = service().window as u64;
    for (service, _) in quiet() {
        assert_eq!(beside.took[&service].len(), asked, "each of its requests is answered, once");
        let more = beside.longest(service) - alone.longest(service);
        assert!(more <= WORK.times(window + 1), "service {service} waits {more} longer");
    }
    let (answered, sent) = (beside.took[&NOISY].len() as u64, LASTS.as_nanos() / NOISY_EVERY.as_nanos());
    let refused = dropped(&beside.switch, DropReason::LogFull);
    assert_eq!(answered + refused, sent, "what its log had no room for is counted");
    assert!(refused > sent / 2);
    let log = |service| beside.switch.service(ServiceId(service)).expect("it is here").log_peak();
    assert!(log(NOISY) <= super::service().log_entries);
    assert!((1..SERVICES).all(|service| log(service) <= 2), "no other log grows");
}
