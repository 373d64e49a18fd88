//! `zerogap exec`: a command inside a node of a running testbed.

use crate::cli::Exec;
use crate::exit::{Code, fail};
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitCode;

pub(crate) fn main(args: &Exec) -> ExitCode {
    match zerogap_testbed::exec::exec(&args.node, &args.command) {
        // As shells do: 128 and the signal's number for a command that was killed.
        Ok(status) => ExitCode::from(status.code().or(status.signal().map(|s| 128 + s)).unwrap_or(1) as u8),
        Err(error) => fail(Code::Usage, format_args!("{error:#}")),
    }
}
