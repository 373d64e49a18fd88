//! As much of HTTP/1.0 as it takes to hand out a switch's figures. Pure: bytes in, bytes out.

use super::control::Works;
use super::figures::figures;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::model::Model;

    fn get(request: &str) -> String {
        assert!(is_whole(request.as_bytes()));
        String::from_utf8(respond(Some(request.as_bytes()), &Model::default())).expect("text")
    }

    #[test]
    fn the_figures_are_one_response() {
        let response = get("GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n");
        let (head, body) = response.split_once("\r\n\r\n").expect("a head");
        assert!(head.starts_with("HTTP/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())), "{head}");
        assert_eq!(body, figures(&Model::default()));
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
}
