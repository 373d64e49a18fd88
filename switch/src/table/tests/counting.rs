//! Counters of flows, and the time-outs that follow from them; counters of groups' buckets.

use super::super::{Arrival, Count, Destination, Flow, FlowCounters, Group, Key, Outlet, Tables};
use super::frames::udp;
use super::{changed, secs, tables};
use crate::offload::Offload;
use std::sync::Arc;
use zerogap_proto::{Instant, PortId};

fn first(tables: &Tables) -> &Flow {
    tables.flows().next().expect("a flow")
}

fn workers() -> Vec<Arc<FlowCounters>> {
    vec![Arc::default(), Arc::default()]
}

#[test]
fn what_all_workers_counted_is_added_up() {
    let (tables, workers) = (tables(r#"[{"add_flow": {"actions": []}}]"#), workers());
    assert_eq!(Count::total(&workers, first(&tables)), Count::default());
    workers[0].count(first(&tables), secs(1), 100);
    workers[1].count(first(&tables), secs(3), 60);
    workers[0].count(first(&tables), secs(2), 40);
    assert_eq!(workers[0].of(first(&tables)), Count { packets: 2, bytes: 140, used: Some(secs(2)) });
    let total = Count { packets: 3, bytes: 200, used: Some(secs(3)) };
    assert_eq!(Count::total(&workers, first(&tables)), total);
}

#[test]
fn a_modified_flow_goes_on_counting_and_a_replaced_one_begins_anew() {
    let (before, workers) = (tables(r#"[{"add_flow": {"actions": []}}]"#), workers());
    workers[0].count(first(&before), secs(1), 100);
    let modified = changed(&before, secs(2), r#"[{"modify_flows": {"actions": ["drop"]}}]"#).expect("sound");
    assert_eq!(first(&modified).id(), first(&before).id());
    assert_eq!(workers[0].of(first(&modified)).packets, 1);
    let replaced = changed(&modified, secs(3), r#"[{"add_flow": {"actions": []}}]"#).expect("sound");
    assert_eq!(replaced.flows().len(), 1);
    assert_eq!(workers[0].of(first(&replaced)), Count::default());
    workers[0].count(first(&replaced), secs(4), 7);
    assert_eq!(workers[0].of(first(&replaced)).bytes, 7);
    assert_eq!(workers[0].of(first(&modified)), Count::default(), "its place is another's now");
}

#[test]
fn the_place_of_a_deleted_flow_is_used_again_with_counters_at_zero() {
    let workers = workers();
    let mut tables = tables(r#"[{"add_flow": {"actions": []}}]"#);
    for _ in 0..100_000 {
        workers[0].count(first(&tables), secs(1), 1);
        tables = changed(&tables, secs(1), r#"[{"delete_flows": {}}, {"add_flow": {"actions": []}}]"#)
            .expect("sound");
        assert_eq!(workers[0].of(first(&tables)), Count::default());
    }
}

#[test]
fn idle_flows_and_old_flows_expire_and_used_ones_stay() {
    let workers = workers();
    let before = tables(
        r#"[{"add_flow": {"priority": 3, "actions": [], "idle_timeout_s": 10}},
        {"add_flow": {"priority": 2, "actions": [], "hard_timeout_s": 15, "idle_timeout_s": 20}},
        {"add_flow": {"priority": 1, "actions": []}}]"#,
    );
    let [idle, hard, _] = before.flows().collect::<Vec<_>>()[..] else { panic!("three flows") };
    assert_eq!(before.expired(secs(9), &workers), []);
    workers[1].count(idle, secs(9), 1);
    workers[0].count(hard, secs(14), 1);
    let expired = [10, 15, 18, 19].map(|now| before.expired(secs(now), &workers));
    assert_eq!(expired, [vec![], vec![hard.id()], vec![hard.id()], vec![idle.id(), hard.id()]]);
    assert_eq!(before.expired(Instant::FAR_FUTURE, &workers).len(), 2, "without time-outs a flow stays");
}

#[test]
fn a_reader_on_another_thread_never_sees_one_flow_with_the_counts_of_another() {
    let counters = FlowCounters::default();
    let mut generations = vec![tables(r#"[{"add_flow": {"actions": []}}]"#)];
    for _ in 0..50 {
        let last = generations.last().expect("one");
        let next = changed(last, secs(1), r#"[{"add_flow": {"actions": []}}]"#).expect("sound");
        generations.push(next);
    }
    // A frame length of its own for each flow, a prime above the number of its frames: the bytes of no other are divisible by it.
    let primes = (53_usize..).filter(|n| (2..*n).all(|divisor| n % divisor != 0));
    let flows: Vec<_> = generations.iter().map(first).zip(primes).collect();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..200 {
                for (flow, len) in &flows {
                    assert_eq!(counters.of(flow).bytes % *len as u64, 0);
                }
            }
        });
        for (flow, len) in &flows {
            for _ in 0..50 {
                counters.count(flow, secs(1), *len);
            }
        }
        reader.join().expect("no mixture");
    });
}

#[test]
fn each_bucket_counts_what_it_was_handed_until_its_group_is_replaced() {
    let before = tables(
        r#"[{"add_group": {"id": 1, "type": "fast_failover", "buckets": [
            {"watch_port": "b", "actions": [{"output": "b"}]}, {"watch_port": "c", "actions": []}]}},
        {"add_group": {"id": 2, "type": "all", "buckets": [{"actions": [{"output": "b"}]}, {"actions": []}]}},
        {"add_flow": {"actions": [{"group": 1}, {"group": 2}]}}]"#,
    );
    let frame = udp(1, 5_000, b"hello");
    let key = Key::parse(PortId(0), &frame).expect("whole");
    let arrival = Arrival { key: &key, frame: &frame, offload: Offload::default() };
    for up in [true, false, false] {
        before.execute(secs(1), arrival, first(&before).actions(), &mut Vec::new(), &mut Nowhere { up });
    }
    let counted = |tables: &Tables| -> Vec<u64> {
        let counts: Vec<_> = tables.groups().flat_map(Group::counts).collect();
        assert!(counts.iter().all(|count| count.bytes == count.packets * frame.len() as u64));
        counts.iter().map(|count| count.packets).collect()
    };
    assert_eq!(counted(&before), [1, 0, 3, 3], "no bucket of the first is live while ports are down");
    let after = changed(
        &before,
        secs(2),
        r#"[{"modify_flows": {"actions": ["drop"]}},
        {"modify_group": {"id": 2, "type": "all", "buckets": [{"actions": []}]}}]"#,
    );
    assert_eq!(counted(&after.expect("sound")), [1, 0, 0]);
}

/// Where frames go in these tests.
struct Nowhere {
    up: bool,
}

impl Outlet for Nowhere {
    fn send(&mut self, _: Destination, _: &[u8], _: Offload) {}
    fn is_up(&self, _: PortId) -> bool {
        self.up
    }
}
