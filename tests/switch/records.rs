//! What a switch hands out beside its answers: captures and metrics.

use crate::lab::{Station, Switch, in_namespace, wait_for, zerogap};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use zerogap_switch::io::take_up;

#[test]
fn a_capture_has_every_frame_of_its_port_with_what_became_of_it() {
    in_namespace(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("b.pcapng");
        let capture = format!("b={}", file.display());
        let switch = Switch::start(&["--tap", "a", "--tap", "b", "--capture", &capture]);
        let [a, b] = ["a", "b"].map(Station::at);
        a.send(1, 0, 2);
        wait_for(1, &["frames_out"], 2);
        b.send(2, 1, 3);
        wait_for(0, &["frames_out"], 3);
        let report = switch.end();
        assert_eq!(
            (&report["captures"][0]["written"], &report["captures"][0]["missed"]),
            (&5.into(), &0.into())
        );
        let bytes = std::fs::read(&file).expect("the file");
        let count = |comment: &str| {
            let option = [&[1, 0, comment.len() as u8, 0], comment.as_bytes()].concat();
            bytes.windows(option.len()).filter(|window| *window == option).count()
        };
        assert_eq!((count("from a"), count("to a")), (2, 3));
    });
}

#[test]
fn a_capture_of_no_port_is_refused_before_anything_starts() {
    let refused =
        zerogap(&["switch", "--tap", "a", "--capture", "z=z.pcapng"]).output().expect("the program runs");
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(2), "{told}");
    assert!(told.contains("there is no port z") && !Path::new("z.pcapng").exists(), "{told}");
}

#[test]
fn metrics_are_told_over_http() {
    in_namespace(|| {
        take_up("lo", None).expect("a loopback");
        let _switch = Switch::start(&["--tap", "a", "--tap", "b", "--metrics", "9090"]);
        Station::at("a").send(1, 0, 4);
        wait_for(1, &["frames_out"], 4);
        let mut stream = TcpStream::connect(("127.0.0.1", 9090)).expect("a connection");
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("asked");
        let mut response = String::new();
        stream.read_to_string(&mut response).expect("a response that ends");
        assert!(response.starts_with("HTTP/1.0 200 OK\r\n"), "{response}");
        assert!(
            response.contains("\nzerogap_port_frames_total{port=\"a\",direction=\"in\"} 4\n"),
            "{response}"
        );
    });
}
