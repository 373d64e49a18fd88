//! A switch's figures in Prometheus' text format (version 0.0.4), and as much of HTTP/1.0 as it takes to hand them out. Pure: bytes
//! in, bytes out.

use super::control::Works;
use std::fmt::Write as _;

/// The longest request in bytes.
pub(super) const REQUEST_LEN_MAX: usize = 8 << 10;

/// Whether all of a request's head has come. A request without a body is all that is answered.
pub(super) fn is_whole(request: &[u8]) -> bool {
    request.windows(4).any(|end| end == b"\r\n\r\n")
}

/// The response to a request, or to one that is too long (`None`).
pub(super) fn respond(request: Option<&[u8]>, switch: &impl Works) -> Vec<u8> {
    let Some(request) = request else { return response("431 Request Header Fields Too Large", "too long\n") };
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    match words[..] {
        [b"GET", b"/metrics", version] if version.starts_with(b"HTTP/1.") => {
            response("200 OK", &figures(switch))
        }
        [b"GET", _, _] => response("404 Not Found", "the figures are at /metrics\n"),
        [_, _, _] => response("405 Method Not Allowed", "only GET\n"),
        _ => response("400 Bad Request", "not HTTP\n"),
    }
}

fn response(status: &str, body: &str) -> Vec<u8> {
    let len = body.len();
    format!(
        "HTTP/1.0 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {len}\r\nConnection: \
         close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn figures(switch: &impl Works) -> String {
    let mut page = Page::default();
    let (ports, tables) = (switch.ports(), switch.tables());
    page.family("port_up", "gauge", "Whether frames can be sent by the port.");
    ports.iter().for_each(|port| page.line("port_up", &[("port", &port.name)], port.up.into()));
    page.family("port_frames_total", "counter", "Frames that came in and that were sent out.");
    for port in &ports {
        page.both("port_frames_total", &port.name, [Some(port.frames_in), Some(port.frames_out)]);
    }
    page.family("port_bytes_total", "counter", "Their bytes, Ethernet headers included.");
    for port in &ports {
        page.both("port_bytes_total", &port.name, [Some(port.bytes_in), Some(port.bytes_out)]);
    }
    page.family(
        "port_dropped_frames_total",
        "counter",
        "Frames that went no further (in), and copies that did not leave (out), by reason.",
    );
    for port in &ports {
        for (direction, counts) in [("in", &port.dropped), ("out", &port.refused)] {
            for (reason, count) in counts {
                let labels = [("port", &port.name[..]), ("direction", direction), ("reason", reason)];
                page.line("port_dropped_frames_total", &labels, *count);
            }
        }
    }
    page.family("port_kernel_lost_frames_total", "counter", "Frames that the kernel lost at the port.");
    for port in &ports {
        page.both("port_kernel_lost_frames_total", &port.name, [port.kernel_lost_in, port.kernel_lost_out]);
    }
    page.family("meter_frames_total", "counter", "Frames that a meter let pass or dropped.");
    for meter in tables.meters() {
        let (id, (passed, dropped)) = (meter.spec().id.to_string(), meter.counts());
        for (verdict, count) in [("passed", passed), ("dropped", dropped)] {
            page.line("meter_frames_total", &[("meter", &id), ("verdict", verdict)], count);
        }
    }
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

    fn get(request: &str) -> String {
        assert!(is_whole(request.as_bytes()));
        String::from_utf8(respond(Some(request.as_bytes()), &Model::default())).expect("text")
    }

    #[test]
    fn the_figures_are_as_prometheus_reads_them() {
        let response = get("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        for line in [
            "# TYPE zerogap_port_frames_total counter",
            "zerogap_port_up{port=\"a\"} 1",
            "zerogap_port_frames_total{port=\"a\",direction=\"in\"} 12",
            "zerogap_port_dropped_frames_total{port=\"a\",direction=\"in\",reason=\"storm\"} 2",
            "zerogap_port_kernel_lost_frames_total{port=\"a\",direction=\"in\"} 3",
            "zerogap_stations 2",
        ] {
            assert!(body.lines().any(|known| known == line), "{line} is not in\n{body}");
        }
        assert!(!body.contains("port_kernel_lost_frames_total{port=\"b\""), "what nobody knows is not told");
    }

    #[test]
    fn anything_else_is_refused_in_http_words() {
        for (request, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "404"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
            ("hello\r\n\r\n", "400"),
        ] {
            assert!(get(request).starts_with(&format!("HTTP/1.0 {status} ")), "{request}");
        }
        assert!(respond(None, &Model::default()).starts_with(b"HTTP/1.0 431 "));
        assert!(!is_whole(b"GET /metrics HTTP/1.1\r\n"));
    }

    #[test]
    fn a_label_cannot_break_the_format() {
        assert_eq!(escaped("a\"b\\c\nd"), r#"a\"b\\c\nd"#);
    }
}
