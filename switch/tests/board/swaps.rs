//! Tables that are swapped while frames pass.

use crate::bench::{OPTIONS, board, frame};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use zerogap_proto::{Instant, PortId};
use zerogap_switch::table::{Action, Bundle, Change, Filter, FlowSpec, Match, Output, Tables};

/// All frames to both of these ports.
fn actions(exits: [u16; 2]) -> Vec<Action> {
    exits.map(|exit| Action::Output(Output::Port(PortId(exit)))).to_vec()
}

fn to_both(exits: [u16; 2]) -> Tables {
    let flow = FlowSpec {
        priority: 1,
        matching: Match::default(),
        actions: actions(exits),
        cookie: 0,
        idle_timeout_s: 0,
        hard_timeout_s: 0,
    };
    Tables::default().with(Instant::ZERO, &Bundle(vec![Change::AddFlow(flow)])).expect("a sound flow")
}

#[test]
fn each_frame_goes_by_the_old_tables_or_by_the_new_and_none_is_lost_or_doubled() {
    let (board, far) = board(5, to_both([1, 2]), OPTIONS);
    let over = AtomicBool::new(false);
    let (mut by_old, mut by_new) = (0, 0);
    thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !over.load(Ordering::Relaxed) {
                let exits = if swaps.is_multiple_of(2) { [3, 4] } else { [1, 2] };
                let change = Change::ModifyFlows { filter: Filter::default(), actions: actions(exits) };
                board.apply(&Bundle(vec![change])).expect("swapped");
                swaps += 1;
            }
            swaps
        });
        for number in 0..3_000 {
            assert!(far.send(0, &frame(1, 2, number)));
            let pair = if far.is_next(1, 3) { [1, 2] } else { [3, 4] };
            assert_eq!(pair.map(|port| far.receive(port)), [Some(number); 2], "both copies, by one table");
            if pair == [1, 2] { by_old += 1 } else { by_new += 1 }
        }
        over.store(true, Ordering::Relaxed);
        assert!(swapper.join().expect("the swapper") > 100);
    });
    assert!(by_old > 0 && by_new > 0, "{by_old} and {by_new}");
    assert_eq!(board.accounts()[0].copies, 6_000);
    assert!((1..5).all(|port| !far.has(port)), "nothing came twice");
}

#[test]
fn when_a_change_has_been_made_no_later_frame_goes_by_the_old_tables() {
    let (board, far) = board(5, to_both([1, 2]), OPTIONS);
    for number in 0..500 {
        let exits = if number % 2 == 0 { [3, 4] } else { [1, 2] };
        let change = Change::ModifyFlows { filter: Filter::default(), actions: actions(exits) };
        board.apply(&Bundle(vec![change])).expect("swapped");
        assert!(far.send(0, &frame(1, 2, number)));
        assert_eq!(exits.map(|port| far.receive(port.into())), [Some(number); 2]);
    }
}
