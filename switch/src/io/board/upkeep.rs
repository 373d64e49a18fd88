//! What is to be done now and then, beside the frames: looking at the clock, which ports are up and where servers are, and ending
//! flows whose time is over.

use super::{Shared, clock};
use crate::table::{Bundle, Change};
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// How long a port may be down before groups that watch it know.
const EVERY: Duration = Duration::from_millis(50);

/// Until the switch ends.
#[expect(clippy::disallowed_methods, reason = "its work is to sleep and look")]
pub(super) fn run(shared: &Shared) {
    while !shared.ending.load(Ordering::Relaxed) {
        for (port, up) in shared.ports.iter().zip(&shared.up) {
            // A port of which the kernel tells nothing is as good as gone.
            up.store(port.is_up().unwrap_or(false), Ordering::Relaxed);
        }
        shared.services.follow(&shared.ports);
        let now = clock::exactly();
        shared.now_s.store(clock::seconds(now), Ordering::Relaxed);
        let expired = shared.rules.tables().expired(now, &shared.flow_counters);
        if !expired.is_empty() {
            // To delete a flow that is gone already is no mistake, so this cannot fail.
            let _ = shared.rules.change(now, &Bundle(expired.into_iter().map(Change::DeleteFlow).collect()));
        }
        thread::sleep(EVERY);
    }
}
