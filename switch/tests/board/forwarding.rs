//! Where frames go.

use crate::bench::{OPTIONS, board, frame};
use std::thread;
use zerogap_switch::io::{BoardOptions, Wait};
use zerogap_switch::table::Tables;

#[test]
fn a_frame_goes_everywhere_until_its_station_is_known_and_then_only_there() {
    for wait in [Wait::Block, Wait::Adaptive, Wait::Spin] {
        for workers in [1, 2, 3] {
            let (_board, far) = board(3, Tables::default(), BoardOptions { workers, wait, ..OPTIONS });
            assert!(far.send(0, &frame(1, 2, 7)));
            assert_eq!([1, 2].map(|port| far.receive(port)), [Some(7); 2], "nobody knows station 2");
            assert!(far.send(1, &frame(2, 1, 8)));
            assert_eq!(far.receive(0), Some(8));
            assert!(far.send(0, &frame(1, 2, 9)));
            assert_eq!(far.receive(1), Some(9));
            assert_eq!(far.receive(2), None, "{wait:?}, {workers} workers: only the first concerned port 2");
        }
    }
}

#[test]
fn every_flow_keeps_its_order() {
    let (_board, far) = board(3, Tables::default(), OPTIONS);
    far.send(2, &frame(3, 0, 0));
    assert_eq!([0, 1].map(|port| far.receive(port)), [Some(0); 2]);
    let count = 5_000;
    thread::scope(|scope| {
        for port in [0, 1] {
            let far = &far;
            scope.spawn(move || {
                (0..count)
                    .for_each(|n| while !far.send(port, &frame(port as u8 + 1, 3, n << 1 | port as u32)) {});
            });
        }
        let mut next = [0, 0];
        while let Some(number) = far.receive(2) {
            let flow = (number & 1) as usize;
            assert!(number >> 1 >= next[flow], "{number} of flow {flow} after {}", next[flow]);
            next[flow] = number >> 1;
        }
        assert!(next.iter().all(|last| *last > 0));
    });
}

#[test]
fn a_storm_is_cut_off_and_others_do_not_suffer() {
    let (board, far) = board(2, Tables::default(), BoardOptions { storm_limit: 10, ..OPTIONS });
    far.send(1, &frame(2, 1, 0));
    assert_eq!(far.receive(0), Some(0));
    (0..100).for_each(|n| while !far.send(0, &frame(1, 0, n)) {});
    assert!(far.send(0, &frame(1, 2, 1_000)));
    let got: Vec<u32> = std::iter::from_fn(|| far.receive(1)).collect();
    assert_eq!(got.last(), Some(&1_000));
    assert!(got.len() < 20, "{got:?}");
    assert_eq!(board.accounts()[0].dropped["storm"] as usize + got.len(), 101);
}
