//! The AGV as a whole, in virtual time: it drives by its service's answers, measures them, stops when one is late.

mod world;

use world::{AGV, AP_EAST, AP_WEST, World, at_ms, config, endpoint, ms, perfect};
use zerogap_client_agv::{Agv, AgvConfig, ConfigError, Floor, Ignored, Obstacle, Point, Route};
use zerogap_proto::agv::Command;
use zerogap_proto::message::BODY_LEN;
use zerogap_proto::{
    ClientId, Control, Duration, Event, Incarnation, Input, Instant, Kind, Message, Node, Output, Record,
    Sequence, Stamp, Timer,
};

const STOPPED: Event = Event::AgvStopped { client: AGV };
const RESUMED: Event = Event::AgvResumed { client: AGV };
const DONE: Event = Event::ClientDone { client: AGV };

fn sequences(records: &[Record]) -> Vec<u64> {
    records.iter().map(|record| record.sequence.0).collect()
}

fn speed(speed_mm_s: i32) -> [u8; BODY_LEN] {
    Command { speed_mm_s, ..Command::default() }.to_body()
}

fn answer(sequence: u64, body: &[u8; BODY_LEN]) -> Message<'_> {
    Message {
        kind: Kind::Answer,
        client: ClientId(7),
        client_incarnation: Incarnation(3),
        sequence: Sequence(sequence),
        stamp: Stamp::default(),
        body,
    }
}

#[test]
fn it_shuttles_between_the_ends_of_its_route_and_roams_on_the_way() {
    let mut world = World::new(config(), perfect);
    world.run(90_000);
    assert!(world.agv.arrivals() >= 3, "only {} ends in 90 s", world.agv.arrivals());
    let reached = |x_mm, y_mm| {
        let near = |at: Point| at.distance_mm(Point::new(x_mm, y_mm)) <= 300;
        world.reports.iter().any(|(at, report)| *at > at_ms(10_000) && near(report.odometry.into()))
    };
    assert!(reached(27_000, 2_000) && reached(3_000, 2_000));
    assert!(world.reports.iter().all(|(_, report)| config().floor.is_free(report.odometry.into())));
    assert!(world.reports.iter().all(|(_, report)| report.speed_mm_s.abs() <= 2_000));
    let associations = world.associations();
    assert_eq!(associations[..3], [AP_WEST, AP_EAST, AP_WEST]);
    assert_eq!(world.controls[0].0, Instant::ZERO, "the first at the start");
    let events = world.events.iter().filter(|(_, event)| matches!(event, Event::Associated { .. })).count();
    assert_eq!(events, associations.len());
    assert_eq!((world.times(&STOPPED), world.agv.ignored()), (vec![], Ignored::default()));
}

#[test]
fn the_same_inputs_give_the_same_outputs() {
    let run = || {
        let mut world = World::new(config(), |sequence, _| match sequence % 7 {
            0 => vec![],
            1 => vec![ms(3), ms(30)],
            _ => vec![ms(sequence % 5 * 4)],
        });
        world.run(10_000);
        (world.events, world.controls, world.records, world.reports)
    };
    assert_eq!(run(), run());
}

#[test]
fn it_stops_on_a_late_answer_and_goes_on_with_the_next_one_in_time() {
    // Requests of the fourth second are answered after 15 ms.
    let slow = |_, sent| vec![if (at_ms(4_000)..at_ms(5_000)).contains(&sent) { ms(15) } else { ms(2) }];
    let mut world = World::new(config(), slow);
    world.run(8_000);
    let [stopped] = world.times(&STOPPED)[..] else { panic!("{:?}", world.events) };
    let [resumed] = world.times(&RESUMED)[..] else { panic!("{:?}", world.events) };
    assert!((4_010..4_021).contains(&stopped), "the first late one is due in the first interval: {stopped}");
    assert!((5_002..5_013).contains(&resumed), "{resumed}");
    let speed_at = |at| world.reports.iter().find(|(sent, _)| *sent >= at_ms(at)).map(|(_, r)| r.speed_mm_s);
    assert!(speed_at(4_000) > Some(500), "it was driving");
    assert_eq!(speed_at(4_990), Some(0), "late answers do not move it");
    assert!(speed_at(7_000) > Some(500), "it drives again");
}

#[test]
fn a_lost_answer_stops_it_exactly_one_nanosecond_past_the_threshold() {
    let mut world = World::new(config(), |sequence, _| if sequence == 5 { vec![] } else { vec![ms(2)] });
    world.run(1_500);
    let lost = world.records[4];
    assert_eq!((lost.sequence, lost.answered), (Sequence(5), None));
    let stopped = world.events.iter().find(|(_, event)| *event == STOPPED).map(|(at, _)| *at);
    assert_eq!(stopped, Some(lost.due + ms(10) + Duration::from_nanos(1)));
}

#[test]
fn an_answer_that_was_overtaken_is_measured_but_not_followed() {
    let config = AgvConfig { intervals: vec![ms(3)], ..config() };
    let mut world = World::new(config, |_, _| vec![]);
    world.run(104);
    world.datagram(endpoint(50), &answer(2, &speed(1_000)).to_bytes());
    world.datagram(endpoint(50), &answer(1, &speed(-1_000)).to_bytes());
    world.run(1_200);
    let fate = |index: usize| (world.records[index].answered, world.records[index].reordered);
    assert_eq!([fate(0), fate(1)], [(Some(at_ms(104)), true), (Some(at_ms(104)), false)]);
    let speeds = || world.reports.iter().map(|(_, report)| report.speed_mm_s);
    assert!(speeds().max() > Some(0) && speeds().min() == Some(0), "both in time, the newer one counts");
}

#[test]
fn an_answer_after_its_request_was_given_up_is_too_late_even_if_nobody_woke_the_agv_before() {
    let mut world = World::new(config(), |_, _| vec![]);
    world.run(105);
    let payload = answer(1, &speed(0)).to_bytes();
    let mut agv = world.agv;
    agv.handle(at_ms(1_100), Input::Datagram { from: endpoint(50), payload: &payload });
    assert_eq!(agv.ignored().unknown, 1);
    let records = std::iter::from_fn(|| agv.poll())
        .filter_map(|output| if let Output::Record(record) = output { Some(record.answered) } else { None });
    assert_eq!(records.collect::<Vec<_>>(), [None]);
}

#[test]
fn a_stalled_driver_omits_no_request_and_hides_no_delay() {
    let mut punctual = World::new(config(), perfect);
    let mut stalled = World::new(config(), perfect).stalled(2_000, 3_000);
    for world in [&mut punctual, &mut stalled] {
        world.run(6_000);
    }
    let dues = |world: &World| world.records.iter().map(|r| (r.sequence, r.due)).collect::<Vec<_>>();
    let (in_time, late) = (dues(&punctual), dues(&stalled));
    let both = in_time.len().min(late.len());
    assert!(both > 450);
    assert_eq!(in_time[..both], late[..both], "the schedule does not move");
    let overdue: Vec<&Record> =
        stalled.records.iter().filter(|r| (at_ms(2_000)..at_ms(3_000)).contains(&r.due)).collect();
    assert!(overdue.len() >= 99, "a second's worth of requests");
    for record in overdue {
        assert_eq!(record.sent, at_ms(3_000), "all at once");
        assert_eq!(record.service_rtt(), Some(ms(2)));
        assert_eq!(record.response_rtt(), Some(at_ms(3_002).since(record.due)), "the stall counts");
    }
    assert_eq!(stalled.times(&STOPPED), [3_000]);
}

#[test]
fn a_long_stall_does_not_pile_up_outputs() {
    let mut agv = Agv::new(config()).expect("a sound configuration");
    agv.handle(Instant::ZERO, Input::Start);
    let later = Instant::ZERO + Duration::from_secs(600);
    let mut wakes = 0;
    while agv.deadline().is_some_and(|(at, _)| at <= later) {
        agv.handle(later, Input::Wake(Timer::Request));
        // At most 32 requests, the records they crowd out, and an event or two.
        assert!(std::iter::from_fn(|| agv.poll()).count() <= 70);
        wakes += 1;
    }
    assert!(wakes > 1_800);
    assert!(agv.crowded_out() > 51_000, "and the open records are bounded");
}

#[test]
fn after_a_stop_it_closes_all_records_once_waits_for_late_duplicates_and_is_done() {
    let mut world = World::new(config(), |_, _| vec![ms(2), ms(40)]);
    world.run(2_005);
    world.stop();
    world.stop();
    let sent = world.reports.len();
    world.run(10_000);
    assert_eq!(world.reports.len(), sent, "no more requests");
    assert_eq!(sequences(&world.records), (1..=sent as u64).collect::<Vec<_>>());
    assert!(world.records.iter().all(|r| r.answered.is_some() && r.duplicates == 1));
    let [done] = world.times(&DONE)[..] else { panic!("{:?}", world.events) };
    assert!((2_050..2_070).contains(&done), "50 ms after the last answer: {done}");
    assert!(world.agv.deadline().is_none());
}

#[test]
fn after_a_stop_it_waits_for_missing_answers_until_it_gives_them_up() {
    let silent = |_, sent| if sent >= at_ms(1_900) { vec![] } else { vec![ms(2)] };
    let mut world = World::new(config(), silent);
    world.run(2_000);
    world.stop();
    world.run(10_000);
    let last = world.records[world.records.len() - 1];
    assert_eq!(last.answered, None);
    let done = world.events.iter().find(|(_, event)| *event == DONE).map(|(at, _)| *at);
    assert_eq!(done, Some(last.sent + ms(1_000)));
}

#[test]
fn after_a_stop_it_stands_whatever_is_answered_or_late() {
    // Around the stop at 3 s, several requests are on their way: some are answered in time, the last are lost.
    let fate = |_, sent| if sent >= at_ms(2_997) { vec![] } else { vec![ms(8)] };
    let mut world = World::new(AgvConfig { intervals: vec![ms(3)], ..config() }, fate);
    world.run(3_000);
    let (_, last) = world.reports[world.reports.len() - 1].clone();
    assert!(last.speed_mm_s > 1_000);
    world.stop();
    world.run(10_000);
    assert!(
        world.records.iter().any(|r| r.answered > Some(at_ms(3_000)) && r.response_rtt() <= Some(ms(10)))
    );
    let rolled_mm = Point::from(last.odometry).distance_mm(world.agv.pose().into());
    // From 2 m/s at most, braking takes v² / 2a = 1 m, and 6 mm it drove since its last request; unbraked it were 2 m.
    assert!((200..=1_010).contains(&rolled_mm), "{rolled_mm} mm from {} mm/s", last.speed_mm_s);
    assert_eq!(world.times(&STOPPED), [], "not because of a late answer");
}

#[test]
fn stopped_before_it_has_started_it_is_done_at_once() {
    let mut agv = Agv::new(config()).expect("a sound configuration");
    agv.handle(Instant::ZERO, Input::Control { from: AGV, message: Control::Stop });
    let outputs: Vec<String> =
        std::iter::from_fn(|| agv.poll()).map(|output| format!("{output:?}")).collect();
    assert_eq!(outputs, ["Event(ClientDone { client: n0 })"]);
    agv.handle(Instant::ZERO, Input::Start);
    assert!(agv.poll().is_none() && agv.deadline().is_none());
}

#[test]
fn what_is_not_an_answer_to_it_is_counted_and_changes_nothing() {
    let mut world = World::new(config(), |_, _| vec![]);
    world.run(105);
    let body = speed(1_000);
    let answer = answer(1, &body);
    world.datagram(endpoint(51), &answer.to_bytes());
    world.datagram(endpoint(50), &[1, 2, 3]);
    world.datagram(endpoint(50), &Message { kind: Kind::Expect, ..answer }.to_bytes());
    world.datagram(endpoint(50), &Message { client: ClientId(8), ..answer }.to_bytes());
    world.datagram(endpoint(50), &Message { client_incarnation: Incarnation(2), ..answer }.to_bytes());
    world.datagram(endpoint(50), &Message { sequence: Sequence(2), ..answer }.to_bytes());
    world.agv.handle(at_ms(105), Input::Control { from: AGV, message: Control::Barrier(1) });
    let ignored = Ignored { strangers: 1, not_answers: 2, other_lives: 2, unknown: 1, inputs: 1 };
    assert_eq!(world.agv.ignored(), ignored);
    world.run(109);
    assert_eq!(world.reports.len(), 1);
    world.datagram(endpoint(50), &answer.to_bytes());
    assert_eq!(world.agv.ignored(), ignored, "the right one is not ignored");
    world.run(1_200);
    let speeds = world.reports.iter().map(|(_, report)| report.speed_mm_s);
    assert!(speeds.max() > Some(0), "and it drove by it until the next was missing");
    assert_eq!(world.records[0].answered, Some(at_ms(109)));
}

#[test]
fn while_no_answer_comes_it_asks_for_its_association_again_every_second() {
    let mut world = World::new(config(), |_, _| vec![]);
    world.run(4_500);
    assert_eq!(world.associations(), [AP_WEST; 5]);
    let told = world.events.iter().filter(|(_, event)| matches!(event, Event::Associated { .. })).count();
    assert_eq!(told, 1, "it is no other one");
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_with_the_reason() {
    let obstacle = Obstacle { x_mm: 0, y_mm: 0, width_mm: 0, height_mm: 5 };
    let floor = |width_mm, obstacles| Floor { width_mm, height_mm: 10_000, obstacles };
    let route = |x_mm| Route::new(vec![Point::new(3_000, 2_000), Point::new(x_mm, 2_000)]);
    let table: [(AgvConfig, ConfigError); 11] = [
        (
            AgvConfig { floor: floor(0, vec![]), ..config() },
            ConfigError::EmptyFloor { width_mm: 0, height_mm: 10_000 },
        ),
        (
            AgvConfig { floor: floor(30_000, vec![obstacle]), ..config() },
            ConfigError::EmptyObstacle { index: 0 },
        ),
        (
            AgvConfig { route: Route::new(vec![Point::new(3_000, 2_000)]), ..config() },
            ConfigError::ShortRoute,
        ),
        (
            AgvConfig { route: route(12_000), ..config() },
            ConfigError::WaypointNotFree { index: 1, x_mm: 12_000, y_mm: 2_000 },
        ),
        (AgvConfig { access_points: vec![], ..config() }, ConfigError::NoAccessPoint),
        (AgvConfig { intervals: vec![Duration::ZERO], ..config() }, ConfigError::NoInterval),
        (AgvConfig { max_speed_mm_s: 0, ..config() }, ConfigError::NoSpeed(0)),
        (AgvConfig { lidar_beams: 0, ..config() }, ConfigError::LidarBeams(0)),
        (AgvConfig { lidar_beams: 96, ..config() }, ConfigError::LidarBeams(96)),
        (AgvConfig { lidar_beams: 512, ..config() }, ConfigError::LidarBeams(512)),
        (
            AgvConfig { give_up: ms(10), ..config() },
            ConfigError::GivesUpTooSoon { give_up: ms(10), threshold: ms(10) },
        ),
    ];
    for (config, error) in table {
        assert_eq!(Agv::new(config).err(), Some(error));
    }
}
