//! What a port does in a second, from its counters at two times.

use super::protocol::{PortState, State};
use serde::Serialize;
use zerogap_proto::{Duration, Instant};

/// All ports' rates over an interval.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Rates {
    /// When it ended, in nanoseconds of the machine's monotonic clock.
    pub(super) time_ns: u64,
    pub(super) interval_ns: u64,
    pub(super) ports: Vec<PortRates>,
}

/// A port's, each a second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct PortRates {
    pub(super) name: String,
    pub(super) up: bool,
    pub(super) frames_in: f64,
    pub(super) bits_in: f64,
    pub(super) frames_out: f64,
    pub(super) bits_out: f64,
    /// Frames that did not go on, by the switch or by the kernel.
    pub(super) drops: f64,
}

/// The rates between two times. A port that was not there before starts from nothing.
pub(super) fn rates(before: &State, after: &State) -> Rates {
    let interval = Instant::from_nanos(after.time_ns).since(Instant::from_nanos(before.time_ns));
    let old = before.ports.as_deref().unwrap_or_default();
    let ports = after.ports.iter().flatten().map(|port| {
        let nothing = PortState::default();
        let before = old.iter().find(|old| old.name == port.name).unwrap_or(&nothing);
        of_port(before, port, interval)
    });
    Rates { time_ns: after.time_ns, interval_ns: interval.as_nanos(), ports: ports.collect() }
}

fn of_port(before: &PortState, after: &PortState, interval: Duration) -> PortRates {
    let rate = |count: fn(&PortState) -> u64| {
        let seconds = interval.as_secs_f64();
        // A switch that was started anew in between has counted less.
        let more = count(after).saturating_sub(count(before)) as f64;
        if seconds > 0.0 { more / seconds } else { 0.0 }
    };
    PortRates {
        name: after.name.clone(),
        up: after.up,
        frames_in: rate(|port| port.frames_in),
        bits_in: 8.0 * rate(|port| port.bytes_in),
        frames_out: rate(|port| port.frames_out),
        bits_out: 8.0 * rate(|port| port.bytes_out),
        drops: rate(PortState::lost_in_all),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(time_ns: u64, frames_in: u64, lost: u64) -> State {
        let port = PortState {
            name: "a".to_owned(),
            frames_in,
            bytes_in: 100 * frames_in,
            kernel_lost_in: Some(lost),
            ..PortState::default()
        };
        State { time_ns, ports: Some(vec![port]), ..State::default() }
    }

    #[test]
    fn what_was_counted_in_between_is_told_by_the_second() {
        let rates = rates(&state(1_000_000_000, 100, 5), &state(1_500_000_000, 600, 7));
        let port = &rates.ports[0];
        assert_eq!((rates.interval_ns, port.frames_in, port.bits_in), (500_000_000, 1_000.0, 800_000.0));
        assert_eq!((port.frames_out, port.drops), (0.0, 4.0));
    }

    #[test]
    fn a_switch_that_was_started_anew_has_no_negative_rates() {
        let rates = rates(&state(1_000_000_000, 100, 5), &state(2_000_000_000, 20, 0));
        assert_eq!((rates.ports[0].frames_in, rates.ports[0].drops), (0.0, 0.0));
    }
}
