//! `zerogap doctor`: what this machine can and cannot do, found out by doing it in a child, and how to mend it. A refusal
//! is a line here, not an error.

mod machine;
mod paging;
mod rights;

use serde::Serialize;
use std::fmt;

/// What a run will need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Memory for the states and their snapshots, in bytes; the rest of the program is added here.
    pub memory_bytes: u64,
    /// Whether the scheme fetches pages when they are touched.
    pub lazy_memory: bool,
    /// TCP ports on 127.0.0.1 (the web page, the metrics).
    pub ports: Vec<u16>,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Runs are possible, but worse for it.
    Warn,
    /// Real runs are not possible; simulation is.
    Fail,
}

/// One line of the doctor's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, for programs.
    pub name: &'static str,
    /// How it came out.
    pub verdict: Verdict,
    /// What was found.
    pub what: String,
    /// What to do about it; empty if nothing is to be done.
    pub mend: String,
}

/// The doctor's report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checkup {
    /// All checks, in the order in which people want to read them.
    pub checks: Vec<Check>,
}

impl Checkup {
    /// Examines this machine. Takes about a quarter of a second; call it from a single-threaded process, because it tries
    /// what it asks about in forked children.
    pub fn examine(needs: &Needs) -> Self {
        Self { checks: [rights::checks(), paging::checks(needs), machine::checks(needs)].concat() }
    }

    /// What stands in the way of a real run; empty if nothing does.
    pub fn required_missing(&self) -> Vec<&Check> {
        self.checks.iter().filter(|check| check.verdict == Verdict::Fail).collect()
    }
}

impl Check {
    fn ok(name: &'static str, what: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, what: what.into(), mend: String::new() }
    }
    fn warn(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, what: what.into(), mend: mend.into() }
    }
    fn fail(name: &'static str, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, what: what.into(), mend: mend.into() }
    }
}

/// One line a check, and a second one for what to do.
impl fmt::Display for Checkup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for check in &self.checks {
            let mark = match check.verdict {
                Verdict::Ok => "ok  ",
                Verdict::Warn => "warn",
                Verdict::Fail => "FAIL",
            };
            writeln!(f, "{mark}  {:<16} {}", check.name, check.what)?;
            if !check.mend.is_empty() {
                writeln!(f, "      {:<16} → {}", "", check.mend)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_stand_in_the_way_of_a_run() {
        let checks = vec![
            Check::ok("linux", "6.18"),
            Check::warn("cores", "1", "give it two"),
            Check::fail("tun", "missing", "modprobe tun"),
        ];
        let checkup = Checkup { checks };
        assert_eq!(checkup.required_missing(), [&checkup.checks[2]]);
        let text = checkup.to_string();
        assert!(text.contains("FAIL  tun") && text.contains("→ modprobe tun"), "{text}");
        let json = serde_json::to_value(&checkup).unwrap();
        assert_eq!(json["checks"][1]["verdict"], "warn");
    }
}
