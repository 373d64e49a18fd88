//! What a running switch does when it is asked: a request and the switch in, an answer out. The socket is elsewhere.

use crate::ctl::protocol::{
    Answer, Applied, FlowState, GroupState, HandedFrame, MeterState, PortState, Request, State, StationState,
    What,
};
use std::sync::Arc;
use zerogap_proto::Instant;
use zerogap_switch::anchor::ServiceAccount;
use zerogap_switch::bridge::Station;
use zerogap_switch::io::{ApplyError, Board, Handed};
use zerogap_switch::table::{Bundle, Count, Flow, Group, Mac, PortNames, Tables};

/// A switch, as far as it can be asked.
pub(super) trait Works {
    /// The clock of its flows and stations.
    fn now(&self) -> Instant;
    /// Its ports, in their order.
    fn ports(&self) -> Vec<PortState>;
    /// Its tables as they are.
    fn tables(&self) -> Arc<Tables>;
    /// What was counted of a flow.
    fn count(&self, flow: &Flow) -> Count;
    /// Its services, by number.
    fn services(&self) -> Vec<ServiceAccount>;
    /// The addresses that it knows.
    fn stations(&self, now_s: u32) -> Vec<Station>;
    /// Makes all changes or none.
    fn apply(&self, bundle: &Bundle) -> Result<(), ApplyError>;
}

/// The answer to a request, which is a line of JSON.
pub(super) fn answer(request: &[u8], names: &PortNames, switch: &impl Works) -> Answer {
    match serde_json::from_slice(request) {
        Ok(Request::Show(what)) => Answer::State(Box::new(show(what, names, switch))),
        Ok(Request::Apply(bundle)) => apply(bundle, names, switch),
        Ok(Request::Listen) => Answer::Listening,
        Err(error) => Answer::Refused(format!("the request is not understood: {error}")),
    }
}

/// How things stand, as far as it is asked for.
fn show(what: What, names: &PortNames, switch: &impl Works) -> State {
    let is_wanted = |part| what == part || what == What::All;
    let (now, tables) = (switch.now(), switch.tables());
    let mut state = State { time_ns: now.as_nanos(), ..State::default() };
    if is_wanted(What::Ports) {
        state.ports = Some(switch.ports());
    }
    if is_wanted(What::Flows) {
        state.flows =
            Some(tables.flows().map(|flow| flow_state(flow, switch.count(flow), now, names)).collect());
    }
    if is_wanted(What::Groups) {
        let groups = tables.groups();
        let state_of =
            |group: &Group| GroupState { group: names.group(group.spec()), counts: group.counts().collect() };
        state.groups = Some(groups.map(state_of).collect());
    }
    if is_wanted(What::Meters) {
        let meters = tables.meters().map(|meter| {
            let (passed, dropped) = meter.counts();
            MeterState { meter: *meter.spec(), passed, dropped }
        });
        state.meters = Some(meters.collect());
    }
    if is_wanted(What::Services) {
        state.services = Some(switch.services());
    }
    if is_wanted(What::Stations) {
        state.stations = Some(stations(now, names, switch));
    }
    state
}

fn flow_state(flow: &Flow, count: Count, now: Instant, names: &PortNames) -> FlowState {
    let ms_since = |then: Instant| now.since(then).as_nanos() / 1_000_000;
    FlowState {
        id: flow.id(),
        flow: names.flow(flow.spec()),
        packets: count.packets,
        bytes: count.bytes,
        age_ms: ms_since(flow.added()),
        idle_ms: count.used.map(ms_since),
    }
}

/// By port and address, so that two answers can be compared.
fn stations(now: Instant, names: &PortNames, switch: &impl Works) -> Vec<StationState> {
    let now_s = (now.as_nanos() / 1_000_000_000) as u32;
    let mut all = switch.stations(now_s);
    all.sort_by_key(|station| (station.port, station.mac.0));
    let state = |station: Station| StationState {
        mac: Mac(station.mac),
        port: names.name(station.port),
        age_s: now_s.saturating_sub(station.heard_s),
    };
    all.into_iter().map(state).collect()
}

fn apply(bundle: Bundle<String>, names: &PortNames, switch: &impl Works) -> Answer {
    let changes = bundle.0.len();
    let made = names.resolve(bundle).map_err(ApplyError::from).and_then(|bundle| switch.apply(&bundle));
    match made {
        Ok(()) => {
            let tables = switch.tables();
            let (flows, groups) = (tables.flows().len(), tables.groups().len());
            Answer::Applied(Applied { changes, flows, groups, meters: tables.meters().len() })
        }
        Err(error) => Answer::Refused(error.to_string()),
    }
}

/// A frame that was handed to the controller, as whoever listens is told.
pub(super) fn told(handed: &Handed, names: &PortNames) -> HandedFrame {
    let Handed { time, port, flow, cookie, len, bytes } = handed;
    let bytes = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let (time_ns, port) = (time.as_nanos(), names.name(*port));
    HandedFrame { time_ns, port, flow: *flow, cookie: *cookie, len: *len, bytes }
}

impl Works for Board {
    fn now(&self) -> Instant {
        Self::now()
    }

    fn ports(&self) -> Vec<PortState> {
        let known = self.accounts().into_iter().zip(self.lost()).zip(self.up());
        let named = self.ports().iter().zip(known);
        named.map(|(port, ((account, lost), up))| PortState::new(port.name(), up, account, lost)).collect()
    }

    fn tables(&self) -> Arc<Tables> {
        self.tables()
    }

    fn count(&self, flow: &Flow) -> Count {
        self.count(flow)
    }

    fn services(&self) -> Vec<ServiceAccount> {
        self.services()
    }

    fn stations(&self, now_s: u32) -> Vec<Station> {
        self.bridge().macs().stations(now_s).collect()
    }

    fn apply(&self, bundle: &Bundle) -> Result<(), ApplyError> {
        self.apply(bundle)
    }
}

#[cfg(test)]
#[path = "control_tests.rs"]
mod tests;
