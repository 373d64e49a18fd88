//! What types cannot say: ranges, names that must exist, timers that must fit together. Loading calls it, so a loaded
//! [`Testbed`] has passed; it stops at the first mistake and points at the field to change.

use super::error::Problem;
use super::values::VALUES_MAX;
use super::{At, Distribution, Fault, Floor, Link, Obstacle, Point, Testbed, wifi};
use crate::size::{Size, Span};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// Nodes of a testbed, all kinds together.
const NODES_MAX: usize = 64;
/// Length of a name: that of a Linux interface.
const NAME_LEN_MAX: usize = 15;
/// Nodes that every testbed has beside those of the file.
const RESERVED: [&str; 4] = ["radio", "sdn-controller", "edge-controller", "driver"];

pub(super) type Checked = Result<(), Problem>;

/// The first mistake.
pub(super) fn check(testbed: &Testbed) -> Checked {
    general(testbed)?;
    names(testbed)?;
    wiring(testbed)?;
    service(testbed)?;
    timers(testbed)?;
    links(testbed)?;
    client(testbed)?;
    floor(&testbed.floor, &testbed.client.route)?;
    super::fleet::check(testbed)?;
    review(testbed)?;
    testbed.faults.iter().enumerate().try_for_each(|(index, fault)| self::fault(testbed, index, fault))?;
    sim(testbed)
}

fn general(testbed: &Testbed) -> Checked {
    within("duration", testbed.duration, Span::ms(1)..=Span::s(24 * 3_600))?;
    within("state.size", testbed.state.size, Size(4 << 10)..=Size(64 << 30))?;
    within("threshold", testbed.threshold, Span::us(1)..=Span::s(60))?;
    within("migrations", testbed.migrations, 0..=10_000)
}

fn names(testbed: &Testbed) -> Checked {
    let topology = &testbed.topology;
    let switches = topology.switches.iter().enumerate();
    let mut all: Vec<(String, &str)> =
        switches.map(|(i, name)| (format!("topology.switches.{i}"), name.as_str())).collect();
    let points = topology.access_points.iter().enumerate();
    all.extend(points.map(|(i, point)| (format!("topology.access_points.{i}.name"), point.name.as_str())));
    let servers = topology.servers.iter().enumerate();
    all.extend(servers.map(|(i, server)| (format!("topology.servers.{i}.name"), server.name.as_str())));
    all.push(("client.name".into(), &testbed.client.name));
    if all.len() > NODES_MAX {
        let wrong = format!("there are {} nodes", all.len());
        return refuse("topology", wrong, format!("{NODES_MAX} are the most"));
    }
    let mut seen = BTreeSet::new();
    for (path, name) in &all {
        let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
        if name.is_empty() || name.len() > NAME_LEN_MAX || !name.bytes().all(plain) {
            let right = format!("use 1 to {NAME_LEN_MAX} of a-z, 0-9 and -");
            return refuse(path, format!("`{name}` cannot be a name"), right);
        }
        if RESERVED.contains(name) {
            return refuse(path, format!("every testbed has a `{name}` of its own"), "use another name");
        }
        if !seen.insert((*name).to_string()) {
            return refuse(path, format!("there are two nodes called `{name}`"), "give each its own name");
        }
    }
    for (index, trunk) in topology.trunks.iter().enumerate() {
        let name = trunk.name();
        if !seen.insert(name.clone()) {
            let wrong = format!("`{name}` is the name of this trunk and of something else");
            return refuse(&format!("topology.trunks.{index}"), wrong, "give each its own name");
        }
    }
    Ok(())
}

fn wiring(testbed: &Testbed) -> Checked {
    let topology = &testbed.topology;
    let switches = &topology.switches;
    if switches.is_empty() {
        return refuse("topology.switches", "there is no switch", "name at least one");
    }
    if topology.access_points.is_empty() {
        return refuse("topology.access_points", "there is no access point", "name at least one");
    }
    for (index, point) in topology.access_points.iter().enumerate() {
        known(&format!("topology.access_points.{index}.switch"), "a switch", &point.switch, switches)?;
    }
    for (index, server) in topology.servers.iter().enumerate() {
        known(&format!("topology.servers.{index}.switch"), "a switch", &server.switch, switches)?;
    }
    // A tree: each trunk joins two parts that were apart, and in the end there is one part.
    let mut part_of: Vec<usize> = (0..switches.len()).collect();
    for (index, trunk) in topology.trunks.iter().enumerate() {
        let mut parts = [0; 2];
        for (end, name) in trunk.between.iter().enumerate() {
            let at = known(&format!("topology.trunks.{index}.between.{end}"), "a switch", name, switches)?;
            parts[end] = part_of[at];
        }
        if parts[0] == parts[1] {
            let wrong = format!("the trunk {} closes a loop", trunk.name());
            return refuse(&format!("topology.trunks.{index}"), wrong, "leave it out: switches form a tree");
        }
        for part in part_of.iter_mut().filter(|part| **part == parts[1]) {
            *part = parts[0];
        }
    }
    match part_of.iter().position(|part| *part != part_of[0]) {
        Some(apart) => {
            let wrong = format!("no trunk leads from {} to {}", switches[0], switches[apart]);
            refuse(
                "topology.trunks",
                wrong,
                format!("add one, such as {{between: [{}, {}]}}", switches[0], switches[apart]),
            )
        }
        None => Ok(()),
    }
}

fn service(testbed: &Testbed) -> Checked {
    let service = &testbed.service;
    let [a, b, c, last] = service.address.octets();
    if [a, b, c] != [10, 90, 255] || last == 255 {
        let wrong = format!("{} is not an address for a service", service.address);
        return refuse("service.address", wrong, "use 10.90.255.0 to 10.90.255.254");
    }
    within("service.port", service.port, 1..=u16::MAX)?;
    if service.serving.is_empty() {
        return refuse("service.serving", "nobody serves at the start", "name at least one server");
    }
    let servers = server_names(testbed);
    for (index, name) in service.serving.iter().enumerate() {
        let path = format!("service.serving.{index}");
        known(&path, "a server", name, &servers)?;
        if service.serving[..index].contains(name) {
            return refuse(&path, format!("{name} is named twice"), "name each server once");
        }
    }
    known("service.anchor", "a switch", &service.anchor, &testbed.topology.switches)?;
    within("service.absences_to_promote", service.absences_to_promote, 1..=1_000_000)?;
    within("service.log_entries", service.log_entries, 1..=1 << 20)?;
    within("service.admission_window", service.admission_window, 1..=1 << 20)?;
    within("service.clients_max", service.clients_max, 1..=65_536)?;
    within("service.answers_remembered", service.answers_remembered, 1..=1_024)?;
    within("service.window", service.window, 1..=1 << 20)?;
    if service.window > service.log_entries {
        let wrong =
            format!("a window of {} is larger than the log ({})", service.window, service.log_entries);
        let right = "make it at most service.log_entries";
        return Err(Problem::at("service.window", wrong, right).with(&["service.log_entries"]));
    }
    if service.answers_remembered < service.window {
        let (answers, window) = (service.answers_remembered, service.window);
        let wrong = format!("{answers} remembered answers are fewer than the window ({window})");
        let right = "make it at least service.window";
        return Err(Problem::at("service.answers_remembered", wrong, right).with(&["service.window"]));
    }
    Ok(())
}

/// DESIGN.md, "Timers fit the threshold": a request that is lost once and whose primary has died is still in time.
fn timers(testbed: &Testbed) -> Checked {
    let service = &testbed.service;
    let (resend, failover, time) = (service.resend_after, service.failover_after, service.service_time);
    for (path, timer) in [("service.failover_after", failover), ("service.resend_after", resend)] {
        if timer <= time {
            let wrong = format!("{timer} is over before any answer can be there (service_time is {time})");
            let right = "make it longer than service.service_time";
            return Err(Problem::at(path, wrong, right).with(&["service.service_time"]));
        }
    }
    let sum = Span(resend.0 + failover.0 + time.0);
    let half = Span(testbed.threshold.0.half());
    if sum < half {
        return Ok(());
    }
    let wrong = format!(
        "resend_after ({resend}) + failover_after ({failover}) + service_time ({time}) are {sum}, \
         not less than half the threshold ({half})"
    );
    let right = "shorten service.resend_after, service.failover_after or service.service_time";
    let others = ["service.failover_after", "service.service_time", "threshold"];
    Err(Problem::at("service.resend_after", wrong, right).with(&others))
}

fn links(testbed: &Testbed) -> Checked {
    link("links.defaults", &testbed.links.defaults)?;
    let wires = testbed.topology.wires();
    for name in testbed.links.overrides.keys() {
        let path = format!("links.overrides.{name}");
        known(&path, "a wire", name, &wires)?;
        link(&path, &testbed.links.of(name))?;
    }
    link("radio.link", &testbed.radio.link)?;
    testbed.radio.wifi.as_ref().map_or(Ok(()), wifi::check)
}

fn link(path: &str, link: &Link) -> Checked {
    for (field, value) in [("loss", link.loss), ("duplicate", link.duplicate), ("reorder", link.reorder)] {
        if !(0.0..=1.0).contains(&value) {
            return refuse(
                &format!("{path}.{field}"),
                format!("{value} is not a probability"),
                "write 0 to 1",
            );
        }
    }
    Ok(())
}

fn client(testbed: &Testbed) -> Checked {
    let client = &testbed.client;
    distribution("client.interval", &client.interval)?;
    let mean = Span(client.interval.mean());
    if !(Span::us(100)..=Span::s(60)).contains(&mean) {
        return refuse("client.interval", format!("its mean is {mean}"), "make it 100 us to 60 s");
    }
    if client.give_up <= testbed.threshold {
        let wrong = format!("{} is not longer than the threshold ({})", client.give_up, testbed.threshold);
        let right = "make it longer: what is late must still be seen";
        return Err(Problem::at("client.give_up", wrong, right).with(&["threshold"]));
    }
    within("client.give_up", client.give_up, Span::ns(1)..=Span::s(60))?;
    within("client.start_delay", client.start_delay, Span::ns(0)..=Span::s(60))?;
    within("client.hysteresis_mm", client.hysteresis_mm, 0..=100_000)?;
    within("client.max_speed_mm_s", client.max_speed_mm_s, 1..=20_000)?;
    within("client.reach_mm", client.reach_mm, 1..=10_000)?;
    if !client.lidar_beams.is_power_of_two() || client.lidar_beams > 256 {
        let wrong = format!("a lidar of {} beams cannot be spread evenly", client.lidar_beams);
        return refuse("client.lidar_beams", &wrong, "give it a power of two, at most 256");
    }
    within("client.dwell", client.dwell, Span::ns(0)..=Span::s(3_600))?;
    if client.route.len() < 2 {
        return refuse("client.route", "the route leads nowhere", "give it at least two waypoints");
    }
    Ok(())
}

fn floor(floor: &Floor, route: &[Point]) -> Checked {
    within("floor.width_mm", floor.width_mm, 1_000..=10_000_000)?;
    within("floor.height_mm", floor.height_mm, 1_000..=10_000_000)?;
    let inside = |x: i64, y: i64| {
        (0..=i64::from(floor.width_mm)).contains(&x) && (0..=i64::from(floor.height_mm)).contains(&y)
    };
    for (index, o) in floor.obstacles.iter().enumerate() {
        let (x, y) = (i64::from(o.x_mm), i64::from(o.y_mm));
        let (east, north) = (x + i64::from(o.width_mm), y + i64::from(o.height_mm));
        if x >= east || y >= north || !inside(x, y) || !inside(east, north) {
            let path = format!("floor.obstacles.{index}");
            return refuse(&path, "it has no area or is not wholly on the floor", "move or resize it");
        }
    }
    for (index, &Point { x_mm, y_mm }) in route.iter().enumerate() {
        let (x, y) = (i64::from(x_mm), i64::from(y_mm));
        let blocks = |o: &Obstacle| {
            let (dx, dy) = (x - i64::from(o.x_mm), y - i64::from(o.y_mm));
            0 < dx && dx < i64::from(o.width_mm) && 0 < dy && dy < i64::from(o.height_mm)
        };
        if !inside(x, y) || floor.obstacles.iter().any(blocks) {
            let path = format!("client.route.{index}");
            return refuse(&path, "the AGV cannot be here: off the floor or in an obstacle", "move it");
        }
    }
    Ok(())
}

fn review(testbed: &Testbed) -> Checked {
    let review = &testbed.review;
    within("review.agreements", review.agreements, 1..=1_000_000)?;
    let least = Span(testbed.client.interval.mean().times(review.agreements.into()));
    if review.deadline <= least {
        let wrong = format!("{} cannot suffice: the agreements alone take {least}", review.deadline);
        let right = "make it longer, or review.agreements fewer";
        let others = ["review.agreements", "client.interval"];
        return Err(Problem::at("review.deadline", wrong, right).with(&others));
    }
    let controllers = &testbed.controllers;
    let timeouts = controllers.timeouts;
    let hour = Span::s(3_600);
    within("controllers.refresh", controllers.refresh, Span::ms(1)..=Span::s(60))?;
    within("controllers.decision_time", controllers.decision_time, Span::ns(0)..=Span::s(60))?;
    for (phase, time) in [
        ("prepare", timeouts.prepare),
        ("rounds", timeouts.rounds),
        ("snapshot", timeouts.snapshot),
        ("transfer", timeouts.transfer),
        ("restore", timeouts.restore),
    ] {
        within(&format!("controllers.timeouts.{phase}"), time, Span::ms(1)..=hour)?;
    }
    let copying = testbed.copying;
    within("copying.downtime_budget", copying.downtime_budget, Span::ns(1)..=hour)?;
    within("copying.rounds_max", copying.rounds_max, 1..=10_000)?;
    within("copying.time_max", copying.time_max, Span::ms(1)..=hour)?;
    within("copying.hybrid_rounds", copying.hybrid_rounds, 1..=10_000)
}

fn fault(testbed: &Testbed, index: usize, fault: &Fault) -> Checked {
    let path = |field: &str| format!("faults.{index}.{field}");
    if let At::Phase { migration: 0, .. } = fault.at() {
        return refuse(&path("at.migration"), "there is no migration 0", "count them from 1");
    }
    if let At::Phase { phase, .. } = fault.at()
        && !super::words::PHASES.contains(&phase)
    {
        return refuse(&path("at.phase"), format!("no migration enters {phase}"), "name a later phase");
    }
    match fault {
        Fault::Kill { node, .. } | Fault::Stop { node, .. } => {
            known(&path("node"), "a server", node, &server_names(testbed))?;
        }
        Fault::FlipBit { node, bit, .. } => {
            known(&path("node"), "a server", node, &server_names(testbed))?;
            within(&path("bit"), *bit, 0..=7)?;
        }
        Fault::LinkDown { link, .. } => {
            let mut links = testbed.topology.wires();
            links.push(testbed.client.name.clone());
            known(&path("link"), "a link", link, &links)?;
        }
        Fault::RestartControllers { .. } => {}
    }
    Ok(())
}

fn sim(testbed: &Testbed) -> Checked {
    let sim = &testbed.sim;
    for (path, times) in [
        ("sim.snapshot.base", &sim.snapshot.base),
        ("sim.snapshot.per_mb", &sim.snapshot.per_mb),
        ("sim.round.base", &sim.round.base),
        ("sim.round.per_mb", &sim.round.per_mb),
        ("sim.copy.base", &sim.copy.base),
        ("sim.copy.per_mb", &sim.copy.per_mb),
        ("sim.transfer.base", &sim.transfer.base),
        ("sim.transfer.per_mb", &sim.transfer.per_mb),
        ("sim.pull.base", &sim.pull.base),
        ("sim.pull.per_mb", &sim.pull.per_mb),
        ("sim.restore.base", &sim.restore.base),
        ("sim.restore.per_mb", &sim.restore.per_mb),
        ("sim.replay", &sim.replay),
        ("sim.host_latency", &sim.host_latency),
        ("sim.control_delay", &sim.control_delay),
    ] {
        distribution(path, times)?;
    }
    Ok(())
}

fn distribution(path: &str, distribution: &Distribution) -> Checked {
    match distribution {
        Distribution::Constant { .. } => Ok(()),
        Distribution::Uniform { from, to } if from <= to => Ok(()),
        Distribution::Uniform { from, to } => {
            refuse(&format!("{path}.from"), format!("{from} is more than `to` ({to})"), "exchange them")
        }
        Distribution::Normal { variance_ms2: Some(variance), std_dev: None, .. } => {
            if (0.0..=1e12).contains(variance) {
                return Ok(());
            }
            let wrong = format!("{variance} is not a variance in ms²");
            refuse(&format!("{path}.variance_ms2"), wrong, "write 0 to 1e12")
        }
        Distribution::Normal { variance_ms2: None, std_dev: Some(_), .. } => Ok(()),
        Distribution::Normal { .. } => {
            let wrong = "a normal distribution has one spread";
            refuse(path, wrong, "give either variance_ms2 or std_dev")
        }
        Distribution::LogNormal { sigma, .. } => within(&format!("{path}.sigma"), *sigma, 0.0..=10.0),
        // Loading has put the file's values here.
        Distribution::Empirical { values, .. } if values.is_empty() => {
            refuse(path, "there is no measured value", "give a file or values")
        }
        Distribution::Empirical { values, .. } if values.len() > VALUES_MAX => {
            refuse(path, format!("{} values", values.len()), format!("give {VALUES_MAX} at the most"))
        }
        Distribution::Empirical { .. } => Ok(()),
    }
}

fn server_names(testbed: &Testbed) -> Vec<String> {
    testbed.topology.servers.iter().map(|server| server.name.clone()).collect()
}

/// The index of `name` in `names`.
fn known(path: &str, what: &str, name: &str, names: &[String]) -> Result<usize, Problem> {
    names.iter().position(|known| known == name).ok_or_else(|| {
        let right = format!("known are {}", names.join(", "));
        Problem::at(path, format!("`{name}` is not {what} of the topology"), right)
    })
}

pub(super) fn within<T: PartialOrd + Display>(path: &str, value: T, range: RangeInclusive<T>) -> Checked {
    if range.contains(&value) {
        return Ok(());
    }
    let right = format!("write {} to {}", range.start(), range.end());
    refuse(path, format!("{value} is out of range"), right)
}

pub(super) fn refuse(path: &str, wrong: impl Into<String>, right: impl Into<String>) -> Checked {
    Err(Problem::at(path, wrong, right))
}
