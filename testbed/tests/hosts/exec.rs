//! Commands inside a host of a running testbed.

use crate::bench::{client, run_in};
use std::ffi::OsString;
use std::process::ExitCode;

/// The subcommand, as the command line has it.
pub(crate) fn run(node: &str, command: &[OsString]) -> ExitCode {
    match zerogap_testbed::exec::exec(node, command) {
        Ok(status) => ExitCode::from(status.code().unwrap_or(1) as u8),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(99)
        }
    }
}

pub(crate) fn inside() {
    let host = client(5);
    let links = run_in(&host.name, &["cat", "/proc/net/dev"]);
    let links = String::from_utf8(links.stdout).unwrap();
    assert!(links.contains("eth0:"), "{links}");
    assert_eq!(run_in(&host.name, &["sh", "-c", "exit 7"]).status.code(), Some(7));
}

pub(crate) fn errors() {
    let said = |node: &str, command: &[&str]| {
        let output = run_in(node, command);
        assert_eq!(output.status.code(), Some(99));
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(said("agv", &["true"]).contains("no testbed runs"));
    let (first, second) = (client(5), client(6));
    let unknown = said("nobody", &["true"]);
    assert!(unknown.contains(&format!("{}, {}", first.name, second.name)), "{unknown}");
    assert!(said(&first.name, &["/nonexistent"]).contains("cannot run /nonexistent"));
    let twin = client(5);
    assert!(said(&twin.name, &["true"]).contains("several testbeds"));
}
