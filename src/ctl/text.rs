//! A switch's state and rates for people.

use super::protocol::{Applied, FlowState, HandedFrame, MeterState, PortState, State, StationState};
use super::rates::Rates;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use zerogap_switch::anchor::ServiceAccount;
use zerogap_switch::table::GroupSpec;

/// Columns, the first to the left, numbers to the right; what is in no column (the last) as it is.
struct Table {
    rows: Vec<Vec<String>>,
    /// How many columns, from the left, are words.
    words: usize,
}

/// All that is there, a table each.
pub(super) fn state(state: &State) -> String {
    let tables = [
        state.ports.as_deref().map(ports),
        state.flows.as_deref().map(flows),
        state.groups.as_deref().map(groups),
        state.meters.as_deref().map(meters),
        state.services.as_deref().map(services),
        state.stations.as_deref().map(stations),
    ];
    tables.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

/// What a bundle has made.
pub(super) fn applied(applied: &Applied) -> String {
    let Applied { changes, flows, groups, meters } = applied;
    format!("{changes} changes made; flows: {flows}, groups: {groups}, meters: {meters}")
}

/// A frame that a flow has handed to the controller.
pub(super) fn handed(frame: &HandedFrame) -> String {
    let HandedFrame { time_ns, port, flow, cookie, len, bytes } = frame;
    let (seconds, micros) = (time_ns / 1_000_000_000, time_ns % 1_000_000_000 / 1_000);
    format!("{seconds}.{micros:06} {port} flow {flow} cookie {cookie} {len} bytes: {bytes}")
}

/// A line a port.
pub(super) fn rates(rates: &Rates) -> String {
    let mut table = Table::new("port frames-in/s bits-in/s frames-out/s bits-out/s drops/s state", 1);
    for port in &rates.ports {
        let numbers = [port.frames_in, port.bits_in, port.frames_out, port.bits_out, port.drops];
        table.row([port.name.clone()].into_iter().chain(numbers.map(short)).chain([up(port.up)]));
    }
    table.text()
}

fn ports(ports: &[PortState]) -> String {
    let mut table = Table::new("port state in forwarded out lost dropped and refused", 2);
    for port in ports {
        let counts = [port.frames_in, port.forwarded, port.frames_out, port.kernel_lost()];
        let dropped = port.dropped.iter().map(|(reason, count)| format!("{reason}: {count}"));
        let refused = port.refused.iter().map(|(reason, count)| format!("out {reason}: {count}"));
        let reasons = dropped.chain(refused).collect::<Vec<_>>().join(" ");
        let row = [port.name.clone(), up(port.up)].into_iter().chain(counts.map(|count| count.to_string()));
        table.row(row.chain([reasons]));
    }
    table.text()
}

fn flows(flows: &[FlowState]) -> String {
    let mut table = Table::new("flow priority packets bytes age idle match and actions", 0);
    for FlowState { id, flow, packets, bytes, age_ms, idle_ms } in flows {
        let seconds = |ms: u64| format!("{} s", ms / 1_000);
        let mut what = format!("{} -> {}", fields(&flow.matching), actions(&flow.actions));
        let limits = [("idle", flow.idle_timeout_s.into()), ("hard", flow.hard_timeout_s.into())];
        for (name, value) in limits.into_iter().chain([("cookie", flow.cookie)]) {
            if value > 0 {
                what += &format!("  {name}: {value}");
            }
        }
        let idle = idle_ms.map_or("-".to_owned(), seconds);
        let counts = [id.to_string(), flow.priority.to_string(), packets.to_string(), bytes.to_string()];
        table.row(counts.into_iter().chain([seconds(*age_ms), idle, what]));
    }
    table.or_none("no flows: it learns")
}

fn groups(groups: &[GroupSpec<String>]) -> String {
    let mut table = Table::new("group type buckets", 2);
    for GroupSpec { id, kind, buckets } in groups {
        let buckets = buckets.iter().map(|bucket| {
            let watch =
                bucket.watch_port.as_ref().map_or(String::new(), |port| format!(" while {port} is up"));
            let weight =
                if bucket.weight == 1 { String::new() } else { format!(" weight {}", bucket.weight) };
            format!("[{}{watch}{weight}]", actions(&bucket.actions))
        });
        let kind = text(&json(kind));
        table.row([id.to_string(), kind, buckets.collect::<Vec<_>>().join(" ")]);
    }
    table.or_none("no groups")
}

fn meters(meters: &[MeterState]) -> String {
    let mut table = Table::new("meter passed dropped limit", 0);
    for MeterState { meter, passed, dropped } in meters {
        let mut limit = json(meter);
        limit.as_object_mut().map(|fields| fields.remove("id"));
        table.row([meter.id.to_string(), passed.to_string(), dropped.to_string(), fields(&limit)]);
    }
    table.or_none("no meters")
}

/// A line a service, and one for each of its servers.
fn services(services: &[ServiceAccount]) -> String {
    let mut table = Table::new("service endpoint head waiting released duplicates agreed disagreed", 2);
    for service in services {
        let counts = [service.head.0, service.held, service.released, service.duplicates];
        let counts = counts.into_iter().chain([service.agreed, service.disagreed]);
        let row = [service.id.0.to_string(), service.endpoint.clone()].into_iter();
        table.row(row.chain(counts.map(|count| count.to_string())));
    }
    let mut servers = Table::new("service server health offset behind absences released agreed", 3);
    for (service, server) in services.iter().flat_map(|s| s.servers.iter().map(move |server| (s, server))) {
        let health = server.health.map_or("given up".to_owned(), |health| text(&json(&health)));
        let behind = service.head.0 - server.unanswered.0;
        let counts = [server.unanswered.0, behind, server.absences.into(), server.released, server.agreed];
        let row = [service.id.0.to_string(), server.name.clone(), health].into_iter();
        servers.row(row.chain(counts.map(|count| count.to_string())));
    }
    if services.is_empty() { "no services\n".to_owned() } else { table.text() + "\n" + &servers.text() }
}

fn stations(stations: &[StationState]) -> String {
    let mut table = Table::new("station port heard", 2);
    for StationState { mac, port, age_s } in stations {
        table.row([mac.to_string(), port.clone(), format!("{age_s} s ago")]);
    }
    table.or_none("no stations yet")
}

fn up(up: bool) -> String {
    if up { "up" } else { "down" }.to_owned()
}

/// A rate in three or four digits.
fn short(rate: f64) -> String {
    let units = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    match units.iter().find(|(worth, _)| rate >= 10.0 * worth) {
        Some((worth, unit)) => format!("{:.1}{unit}", rate / worth),
        None => format!("{rate:.0}"),
    }
}

/// A match's fields; `any` if there is none.
fn fields(matching: &impl Serialize) -> String {
    let fields = text(&json(matching));
    if fields.is_empty() { "any".to_owned() } else { fields }
}

fn actions(actions: &[impl Serialize]) -> String {
    let actions: Vec<String> = actions.iter().map(|action| text(&json(action))).collect();
    if actions.is_empty() { "drop".to_owned() } else { actions.join(", ") }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// JSON without what only programs need.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}: {}", text(value))).collect();
            fields.join(" ")
        }
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

impl Table {
    /// With this first line, its words a column each; those beyond the numbers belong to the last column.
    fn new(heading: &str, words: usize) -> Self {
        Self { rows: vec![heading.split(' ').map(str::to_owned).collect()], words }
    }

    fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn or_none(self, none: &str) -> String {
        if self.rows.len() == 1 { format!("{none}\n") } else { self.text() }
    }

    fn text(&self) -> String {
        let columns = self.rows.iter().skip(1).map(Vec::len).max().unwrap_or_default();
        let mut widths = BTreeMap::new();
        for row in &self.rows {
            for (column, cell) in row.iter().take(columns.saturating_sub(1)).enumerate() {
                let width = widths.entry(column).or_insert(0);
                *width = cell.chars().count().max(*width);
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line += &match widths.get(&column) {
                    Some(width) if column < self.words => format!("{cell:width$}  "),
                    Some(width) => format!("{cell:>width$}  "),
                    None => format!("{cell} "),
                };
            }
            text += line.trim_end();
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
