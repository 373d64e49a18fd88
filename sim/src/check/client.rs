//! Guarantee 1, as the client sees it: where nothing between the client and the anchor loses or doubles frames, no request is lost
//! and no answer comes twice. Beyond the anchor frames are counted, not repaired, so on other paths this says nothing.

use super::scene::Scene;
use super::{Found, Guarantee};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{DropReason, Duration, Instant};
use zerogap_scenario::file::{Fault, Testbed};
use zerogap_scenario::results::RunResult;
use zerogap_scenario::{Finished, Scenario};

/// More than a request takes to the anchor by the air, a trunk and the messages of controllers.
const ON_THE_WAY: Duration = Duration::from_millis(3);

/// Judges what the client measured.
pub(super) fn judge(scene: &Scene<'_>, finished: &Finished, found: &mut Found) {
    let result = &finished.result;
    let at = finished.recorder.records.iter().map(|r| r.answered.unwrap_or(r.due)).max();
    let at = at.unwrap_or(Instant::ZERO);
    let requests = result.requests;
    let path = Path::of(scene.scenario, finished);
    if path.doubles_nothing && requests.duplicated > 0 {
        let what = format!("{} answers came twice to the client", requests.duplicated);
        found.add(Guarantee::OneAnswer, at, what);
    }
    if path.loses_nothing && requests.lost > 0 && !scene.is_service_lost() && !refused(result) {
        let what = format!("{} requests were lost although somebody serves", requests.lost);
        found.add(Guarantee::OneAnswer, at, what);
    }
}

/// What lies between the client and the anchor.
struct Path {
    loses_nothing: bool,
    doubles_nothing: bool,
}

impl Path {
    fn of(scenario: &Scenario, finished: &Finished) -> Self {
        let testbed = &scenario.testbed;
        let servers = &testbed.topology.servers;
        let between = |name: &str| servers.iter().all(|server| server.name != name);
        let mut links = scenario.topology.cables.iter().filter(|cable| between(&cable.name));
        let down =
            testbed.faults.iter().any(|fault| matches!(fault, Fault::LinkDown { link, .. } if between(link)));
        Self {
            loses_nothing: !down
                && !radio_loses(testbed)
                && !lets_go_early(testbed, longest_gap(finished))
                && links.clone().all(|cable| cable.link.loss == 0.0),
            doubles_nothing: links.all(|cable| cable.link.duplicate == 0.0),
        }
    }
}

/// A station without any radio for a while may find its frames dropped.
fn radio_loses(testbed: &Testbed) -> bool {
    testbed.radio.handover_interruption.0 > Duration::ZERO
}

/// From the client's next request the anchor learns where it is now. Where the old access point lets go of it before that, an
/// answer that is late is sent to where the client no longer is.
fn lets_go_early(testbed: &Testbed, gap: Duration) -> bool {
    let held = match testbed.controllers.handover {
        HandoverMode::Reactive => testbed.controllers.decision_time.0,
        HandoverMode::Notify => Duration::ZERO,
    };
    testbed.radio.overlap.0 < gap + held + ON_THE_WAY
}

/// The longest time from one of the client's requests to the next.
fn longest_gap(finished: &Finished) -> Duration {
    let records = &finished.recorder.records;
    records.windows(2).map(|pair| pair[1].due.since(pair[0].due)).max().unwrap_or_default()
}

/// Requests or answers were dropped on purpose: queues and logs are bounded, and the air gives up what it cannot carry.
fn refused(result: &RunResult) -> bool {
    let bounded = [
        DropReason::LogFull,
        DropReason::QueueFull,
        DropReason::HoldQueueFull,
        DropReason::StaleRequest,
        DropReason::TooManyClients,
    ];
    let dropped = |reason: &DropReason| {
        result.switches.values().any(|switch| switch.dropped.get(reason).is_some_and(|count| *count > 0))
    };
    let dropped_on_air = result.radio.values().any(|point| point.dropped_ours > 0);
    dropped_on_air || bounded.iter().any(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::scenario;

    #[test]
    fn an_access_point_lets_go_early_if_a_request_and_the_decision_about_it_outlast_the_overlap() {
        let reactive = "controllers.handover=reactive";
        let table: [(&[&str], u64, bool); 4] = [
            (&["radio.overlap=13 ms"], 10, false),
            (&["radio.overlap=13 ms"], 11, true),
            (&["radio.overlap=16 ms", reactive, "controllers.decision_time=3 ms"], 10, false),
            (&["radio.overlap=16 ms", reactive, "controllers.decision_time=4 ms"], 10, true),
        ];
        for (sets, gap_ms, early) in table {
            let gap = Duration::from_millis(gap_ms);
            assert_eq!(lets_go_early(&scenario(sets).testbed, gap), early, "{sets:?}, {gap_ms} ms");
        }
    }
}
