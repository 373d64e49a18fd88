//! Tables that are swapped while frames pass as fast as the stations can take them. Each table has a mark, which it leaves in two
//! places of every frame: its flow in the source address, its group's buckets in the destination address.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "drives another program for a while")]

use crate::lab::{PATIENCE, Station, Switch, ask, in_namespace};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use zerogap_switch::io::{BUFFER_LEN, Port as _};
use zerogap_switch::offload::Offload;

/// Swaps that are made, and how often one; where the machine is too busy, fewer until the patience is over.
const SWAPS: u64 = 4_000;
const SWAP_EVERY: Duration = Duration::from_millis(1);
/// Fewer would show little.
const SWAPS_LEAST: u64 = 500;
/// Frames under way at the most: fewer than any queue holds, so the sender goes as fast as the slower station.
const UNDER_WAY_MAX: u64 = 64;

/// How far everybody is.
#[derive(Default)]
struct Progress {
    /// The newest table that is in force.
    applied: AtomicU64,
    sent: AtomicU64,
    came: [AtomicU64; 2],
    all_swapped: AtomicBool,
    all_sent: AtomicBool,
}

/// What came to a station: by the frames' numbers, the marks.
type Came = BTreeMap<u64, u64>;

#[test]
fn a_thousand_swaps_a_second_lose_no_frame_double_none_and_none_is_handled_by_two_tables() {
    in_namespace(|| {
        let switch = Switch::start(&["--tap", "a", "--tap", "b", "--tap", "c"]);
        let [a, b, c] = ["a", "b", "c"].map(Station::at);
        apply(&table("add_group", "add_flow", 0));
        let progress = &Progress::default();
        let (at_b, at_c) = thread::scope(|scope| {
            let [at_b, at_c] =
                [(0, &b), (1, &c)].map(|(nth, station)| scope.spawn(move || receive(station, nth, progress)));
            scope.spawn(|| swap(progress));
            send(&a, progress);
            (at_b.join().expect("b"), at_c.join().expect("c"))
        });
        let [sent, swaps] = [&progress.sent, &progress.applied].map(|count| count.load(Ordering::Acquire));
        let report = switch.end();
        assert_eq!(report["balanced"], true, "{report}");
        for (name, came) in [("b", &at_b), ("c", &at_c)] {
            let counted = drops(&report, "a", "in") + drops(&report, name, "out");
            assert_eq!(sent - came.len() as u64, counted, "what did not come to {name} is counted: {report}");
        }
        for (number, mark) in &at_b {
            assert!(
                at_c.get(number).is_none_or(|other| other == mark),
                "the copies of {number} have one mark"
            );
        }
        assert!(swaps >= SWAPS_LEAST && sent > swaps, "{swaps} swaps, {sent} frames");
    });
}

/// One swap every millisecond; the next only when the last is in force.
fn swap(progress: &Progress) {
    let began = Instant::now();
    for mark in 1..=SWAPS {
        let due = began + SWAP_EVERY * mark as u32;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        apply(&table("modify_group", "modify_flows", mark));
        progress.applied.store(mark, Ordering::Release);
        if began.elapsed() > PATIENCE {
            break;
        }
    }
    let swaps = progress.applied.load(Ordering::Acquire);
    println!("{swaps} swaps, {:.0} a second", swaps as f64 / began.elapsed().as_secs_f64());
    progress.all_swapped.store(true, Ordering::Release);
}

/// A table with this mark, as two changes of one bundle.
fn table(group: &str, flow: &str, mark: u64) -> Value {
    let buckets =
        ["b", "c"].map(|port| json!({"actions": [{"set": {"eth_dst": mac(mark)}}, {"output": port}]}));
    json!([
        {group: {"id": 1, "type": "all", "buckets": buckets}},
        {flow: {"actions": [{"set": {"eth_src": mac(mark)}}, {"group": 1}]}},
    ])
}

fn apply(bundle: &Value) {
    let answer = ask(&json!({ "apply": bundle }));
    assert_eq!(answer["applied"]["changes"], 2, "{answer}");
}

/// Sends numbered frames until all swaps are made; each says which table was in force already.
fn send(station: &Station, progress: &Progress) {
    let mut number = 0;
    while !progress.all_swapped.load(Ordering::Acquire) {
        let came = progress.came.each_ref().map(|came| came.load(Ordering::Acquire));
        if number - came[0].min(came[1]) >= UNDER_WAY_MAX {
            thread::yield_now();
            continue;
        }
        let applied = progress.applied.load(Ordering::Acquire);
        let words = [number, applied].map(u64::to_be_bytes).concat();
        let frame = [&[2; 12][..], &[0x88, 0xb5], &words[..], &[0; 30][..]].concat();
        station.0.send(&frame, Offload::default()).expect("there is room");
        number += 1;
        progress.sent.store(number, Ordering::Release);
    }
    println!("{number} frames");
    progress.all_sent.store(true, Ordering::Release);
}

/// What comes to one of the stations until everything has come, or nothing more does.
fn receive(station: &Station, nth: usize, progress: &Progress) -> Came {
    let (mut came, mut last) = (Came::new(), None);
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        while let Some(received) = station.0.receive(&mut buffer).expect("the station works") {
            let (number, mark) = read(&buffer[..received.len]);
            let is_next = last.is_none_or(|(before, older)| before < number && older <= mark);
            assert!(is_next, "frame {number} by table {mark} came after {last:?}");
            last = Some((number, mark));
            came.insert(number, mark);
            progress.came[nth].store(came.len() as u64, Ordering::Release);
        }
        let is_over = progress.all_sent.load(Ordering::Acquire);
        if is_over && came.len() as u64 == progress.sent.load(Ordering::Acquire) {
            return came;
        }
        let mut fds = [PollFd::new(station.0.as_fd(), PollFlags::POLLIN)];
        let is_silent = poll(&mut fds, PollTimeout::from(1_000_u16)).expect("it can wait") == 0;
        if is_over && is_silent {
            return came;
        }
    }
}

/// The number and the mark of a frame that has been handled.
fn read(frame: &[u8]) -> (u64, u64) {
    let bits = |at: usize, len| frame[at..at + len].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    let (dst, src, number, applied) = (bits(2, 4), bits(8, 4), bits(14, 8), bits(22, 8));
    assert_eq!(dst, src, "frame {number} was handled by the group of one table and the flow of another");
    assert!(src >= applied, "frame {number}: table {src} handled it when {applied} was in force already");
    (number, src)
}

fn mac(mark: u64) -> String {
    let [.., a, b, c, d] = mark.to_be_bytes();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

/// Frames that the switch or the kernel dropped at a port, on their way in or out.
fn drops(report: &Value, port: &str, direction: &str) -> u64 {
    let port = &report["ports"][port];
    let reasons = if direction == "in" { &port["dropped"] } else { &port["refused"] };
    let by_switch: u64 =
        reasons.as_object().into_iter().flatten().filter_map(|(_, count)| count.as_u64()).sum();
    by_switch + port[format!("kernel_lost_{direction}")].as_u64().expect("the kernel tells")
}
