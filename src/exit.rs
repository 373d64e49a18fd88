//! The exit codes that programs rely on, and errors that know theirs.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Interrupted or failed.
    Failed = 1,
    /// Usage or configuration.
    Usage = 2,
    /// This machine lacks something.
    Machine = 3,
}

/// Why a command ended early.
pub(crate) struct Stopped {
    pub(crate) code: Code,
    pub(crate) why: String,
}

impl Stopped {
    pub(crate) fn new(code: Code, why: impl fmt::Display) -> Self {
        Self { code, why: why.to_string() }
    }
}

/// Prints an error and gives its code.
pub(crate) fn fail(code: Code, error: impl fmt::Display) -> ExitCode {
    eprintln!("zerogap: {error}");
    ExitCode::from(code as u8)
}

/// Prints a line on standard output. A reader that has gone away (`| head`) is no error.
pub(crate) fn print(line: impl fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
