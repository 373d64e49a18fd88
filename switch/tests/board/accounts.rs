//! Every frame is accounted for, whenever the switch is stopped.

use crate::bench::{OPTIONS, board, frame};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;
use zerogap_switch::bridge::copies_balance;
use zerogap_switch::table::Tables;

#[test]
fn the_sums_are_right_when_it_is_stopped_under_load() {
    let (mut board, far) = board(4, Tables::default(), OPTIONS);
    let (over, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for port in 0..4 {
            let (far, over, sent) = (&far, &over, &sent);
            scope.spawn(move || {
                let mut n = 0;
                while !over.load(Ordering::Relaxed) {
                    // To known and unknown stations, to all, to its own port, and no frames at all.
                    let bytes = match n % 7 {
                        0 => vec![0; 5],
                        1 => frame(port as u8 + 1, 0, n),
                        2 => frame(port as u8 + 1, port as u8 + 1, n),
                        _ => frame(port as u8 + 1, (n % 5) as u8 + 1, n),
                    };
                    sent.fetch_add(u64::from(far.send(port, &bytes)), Ordering::Relaxed);
                    n += 1;
                }
            });
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    far.receive(port);
                }
            });
        }
        thread::sleep(Duration::from_millis(200));
        board.stop();
        over.store(true, Ordering::Relaxed);
    });
    let accounts = board.accounts();
    let came_in: u64 = accounts.iter().map(|account| account.frames_in).sum();
    assert!(came_in > 1_000 && came_in <= sent.load(Ordering::Relaxed), "{came_in} came in");
    for account in &accounts {
        assert!(account.is_balanced(), "{account:?}");
        assert!(account.dropped.contains_key("hairpin") && account.dropped.contains_key("malformed"));
    }
    assert!(copies_balance(&accounts), "{accounts:?}");
}
