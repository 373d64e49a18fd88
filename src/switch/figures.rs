//! A switch's figures in Prometheus' text format (version 0.0.4): counters end in `_total`, everything else may go down.

use super::control::Works;
use crate::ctl::protocol::PortState;
use std::fmt::Write as _;
use zerogap_proto::Health;
use zerogap_switch::anchor::{ReaderAccount, ServiceAccount};
use zerogap_switch::table::Tables;

/// Name, kind, help, value.
type OfService = (&'static str, &'static str, &'static str, fn(&ServiceAccount) -> u64);

const OF_SERVICES: [OfService; 7] = [
    ("requests_total", "counter", "Requests that got an offset.", |service| service.head.0),
    ("held_requests", "gauge", "Requests that wait for an answer to be released.", |service| service.held),
    ("answers_total", "counter", "Answers that went to clients.", |service| service.released),
    ("duplicates_total", "counter", "Copies of requests and answers it had already.", |service| {
        service.duplicates
    }),
    ("agreed_answers_total", "counter", "Answers equal to the client's.", |service| service.agreed),
    ("disagreed_answers_total", "counter", "Answers that were not.", |service| service.disagreed),
    ("role_changes_total", "counter", "How often its roles have changed.", |service| service.epoch.0.into()),
];

/// Name, help, value; all may go down.
type OfServer = (&'static str, &'static str, fn(&ServiceAccount, &ReaderAccount) -> u64);

const OF_SERVERS: [OfServer; 2] = [
    ("up", "Whether the server answers and is believed.", |_, server| {
        (server.health == Some(Health::Healthy)).into()
    }),
    ("behind", "Requests that it has not answered; none of one that was given up.", |service, server| {
        server.health.map_or(0, |_| service.head.from(server.unanswered))
    }),
];

/// All figures of a switch.
pub(super) fn figures(switch: &impl Works) -> String {
    let mut page = Page::default();
    let tables = switch.tables();
    page.ports(&switch.ports());
    page.tables(&tables);
    page.services(&switch.services());
    let now_s = (switch.now().as_nanos() / 1_000_000_000) as u32;
    let sizes = [
        ("flows", "Flows in the table.", tables.flows().len()),
        ("groups", "Groups.", tables.groups().len()),
        ("stations", "Addresses that are known.", switch.stations(now_s).len()),
    ];
    for (name, help, size) in sizes {
        page.family(name, "gauge", help);
        page.line(name, &[], size as u64);
    }
    page.0
}

/// The page as far as it is written.
#[derive(Default)]
struct Page(String);

impl Page {
    fn ports(&mut self, ports: &[PortState]) {
        self.family("port_up", "gauge", "Whether frames can be sent by the port.");
        ports.iter().for_each(|port| self.line("port_up", &[("port", &port.name)], port.up.into()));
        self.family("port_frames_total", "counter", "Frames that came in and that were sent out.");
        for port in ports {
            self.both("port_frames_total", &port.name, [Some(port.frames_in), Some(port.frames_out)]);
        }
        self.family("port_bytes_total", "counter", "Their bytes, Ethernet headers included.");
        for port in ports {
            self.both("port_bytes_total", &port.name, [Some(port.bytes_in), Some(port.bytes_out)]);
        }
        self.family(
            "port_dropped_frames_total",
            "counter",
            "Frames that went no further (in), and copies that did not leave (out), by reason.",
        );
        for port in ports {
            for (direction, counts) in [("in", &port.dropped), ("out", &port.refused)] {
                for (reason, count) in counts {
                    let labels = [("port", &port.name[..]), ("direction", direction), ("reason", reason)];
                    self.line("port_dropped_frames_total", &labels, *count);
                }
            }
        }
        self.family("port_kernel_lost_frames_total", "counter", "Frames that the kernel lost at the port.");
        for port in ports {
            let lost = [port.kernel_lost_in, port.kernel_lost_out];
            self.both("port_kernel_lost_frames_total", &port.name, lost);
        }
    }

    fn tables(&mut self, tables: &Tables) {
        self.family("group_frames_total", "counter", "Frames that a bucket of a group took; the first is 0.");
        for group in tables.groups() {
            let id = group.spec().id.to_string();
            for (nth, count) in group.counts().enumerate() {
                let labels = [("group", &id[..]), ("bucket", &nth.to_string())];
                self.line("group_frames_total", &labels, count.packets);
            }
        }
        self.family("meter_frames_total", "counter", "Frames that a meter let pass or dropped.");
        for meter in tables.meters() {
            let (id, (passed, dropped)) = (meter.spec().id.to_string(), meter.counts());
            for (verdict, count) in [("passed", passed), ("dropped", dropped)] {
                self.line("meter_frames_total", &[("meter", &id), ("verdict", verdict)], count);
            }
        }
    }

    fn services(&mut self, services: &[ServiceAccount]) {
        for (name, kind, help, value) in OF_SERVICES {
            let name = format!("service_{name}");
            self.family(&name, kind, help);
            for service in services {
                self.line(&name, &[("service", &service.id.0.to_string())], value(service));
            }
        }
        for (name, help, value) in OF_SERVERS {
            let name = format!("service_server_{name}");
            self.family(&name, "gauge", help);
            for service in services {
                for server in &service.servers {
                    let labels = [("service", &service.id.0.to_string()[..]), ("server", &server.name)];
                    self.line(&name, &labels, value(service, server));
                }
            }
        }
    }

    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP zerogap_{name} {help}\n# TYPE zerogap_{name} {kind}");
    }

    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "zerogap_{name}{labels} {value}");
    }

    /// In and out, as far as they are known.
    fn both(&mut self, name: &str, port: &str, values: [Option<u64>; 2]) {
        for (direction, value) in ["in", "out"].into_iter().zip(values) {
            if let Some(value) = value {
                self.line(name, &[("port", port), ("direction", direction)], value);
            }
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::model::Model;

    #[test]
    fn a_label_cannot_break_the_format() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }

    #[test]
    fn every_figure_has_a_line_and_what_nobody_knows_has_none() {
        let page = figures(&Model::default());
        for line in [
            "# TYPE zerogap_port_frames_total counter",
            "zerogap_port_up{port=\"a\"} 1",
            "zerogap_port_frames_total{port=\"a\",direction=\"in\"} 12",
            "zerogap_port_dropped_frames_total{port=\"a\",direction=\"in\",reason=\"storm\"} 2",
            "zerogap_port_kernel_lost_frames_total{port=\"a\",direction=\"in\"} 3",
            "zerogap_service_requests_total{service=\"7\"} 20",
            "zerogap_service_role_changes_total{service=\"7\"} 1",
            "zerogap_service_server_up{service=\"7\",server=\"b\"} 1",
            "zerogap_service_server_behind{service=\"7\",server=\"b\"} 2",
            "zerogap_service_server_up{service=\"7\",server=\"a\"} 0",
            "zerogap_service_server_behind{service=\"7\",server=\"a\"} 0",
            "zerogap_stations 2",
        ] {
            assert!(page.lines().any(|known| known == line), "{line} is not in\n{page}");
        }
        assert!(!page.contains("port_kernel_lost_frames_total{port=\"b\""));
    }
}
