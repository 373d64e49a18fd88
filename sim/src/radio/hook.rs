//! Where the air meets the world: frames between the AGV and its radio's station port go over the channel of the access point with
//! which the AGV is associated, at the distance at which it is.

use super::cell::Way;
use crate::world::{Actor, Happening, World};
use std::borrow::Cow;
use zerogap_proto::{Frame, Instant};
use zerogap_scenario::Scenario;
use zerogap_scenario::topology::{End, Topology};
use zerogap_switch::LinkConfig;
use zerogap_switch::radio::STATION;

/// The cables as they are beside the air: where it is modelled, what `radio.link` says of time is not; its loss, its doubles and
/// faults remain.
pub(crate) fn cables(scenario: &Scenario) -> Cow<'_, Topology> {
    let topology = &scenario.topology;
    if scenario.testbed.radio.wifi.is_none() {
        return Cow::Borrowed(topology);
    }
    let mut topology = topology.clone();
    let ours = End { node: topology.first().radio, port: STATION };
    for cable in topology.cables.iter_mut().filter(|cable| cable.ends.contains(&ours)) {
        let LinkConfig { loss, duplicate, .. } = cable.link;
        cable.link = LinkConfig { loss, duplicate, ..LinkConfig::default() };
    }
    Cow::Owned(topology)
}

impl World<'_> {
    /// Whether frames from one end to the other go by air.
    pub(crate) fn is_by_air(&self, from: End, to: End) -> bool {
        let ours = End { node: self.scenario.topology.first().radio, port: STATION };
        self.air.is_some() && (from == ours || to == ours)
    }

    /// Sends a frame by air; it comes out at `to`. The radio node counts what comes from a station that is not associated.
    pub(crate) fn send_by_air(&mut self, now: Instant, to: End, frame: Frame) {
        let topology = &self.scenario.topology;
        let radio = self.actors.get(&topology.first().radio);
        let point = if let Some(Actor::Radio(radio)) = radio { radio.access_point() } else { None };
        let (Some(point), Some(Actor::Agv(agv)), Some(air)) =
            (point, self.actors.get(&topology.first().client), &mut self.air)
        else {
            return self.queue.push(now, Happening::Frame(to, frame));
        };
        let place_mm = (agv.pose().x_mm, agv.pose().y_mm);
        let way = if to.node == topology.first().radio { Way::Up(0) } else { Way::Down(0) };
        air.send(now, point, way, place_mm, to, frame);
        self.after_air(now, point);
    }

    /// An access point's channel goes on.
    pub(crate) fn air_goes_on(&mut self, now: Instant, point: usize) {
        if let Some(air) = &mut self.air {
            air.wake(now, point);
        }
        self.after_air(now, point);
    }

    fn after_air(&mut self, now: Instant, point: usize) {
        let Some(air) = &mut self.air else { return };
        while let Some((to, frame)) = air.poll() {
            self.queue.push(now, Happening::Frame(to, frame));
        }
        if let Some(at) = air.wake_needed(point) {
            self.queue.push(at, Happening::Air(point));
        }
    }
}
