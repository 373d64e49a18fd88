//! What `zerogap switch` says at its end: each port's account, what the kernel lost, and whether it all adds up; of several
//! switches one after the other, by their names.

use super::captures::Captured;
use super::control::Works;
use crate::ctl::protocol::PortState;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use zerogap_switch::bridge::{PortAccount, copies_balance};
use zerogap_switch::io::Board;

/// The accounts of all switches of a command, by their names.
pub(super) struct Reports(pub(super) Vec<(String, Report)>);

/// The accounts of a switch.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ports: BTreeMap<String, PortState>,
    /// Every frame that came in has one fate, and every copy has left or was refused.
    balanced: bool,
    /// Addresses that were heard elsewhere than before.
    moves: u64,
    /// Frames from addresses that moved too often.
    flaps: u64,
    captures: Vec<Captured>,
}

impl Reports {
    /// One alone by itself; several by their names.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        match &self.0[..] {
            [(_, report)] => serde_json::to_string_pretty(report),
            reports => {
                let switches: BTreeMap<&str, &Report> =
                    reports.iter().map(|(name, report)| (&name[..], report)).collect();
                serde_json::to_string_pretty(&BTreeMap::from([("switches", switches)]))
            }
        }
    }

    /// The first thing that went wrong beside the frames.
    pub(super) fn failure(&self) -> Option<String> {
        self.0.iter().find_map(|(_, report)| report.failure())
    }
}

impl fmt::Display for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (nth, (name, report)) in self.0.iter().enumerate() {
            if self.0.len() > 1 {
                writeln!(f, "{}{name}", if nth == 0 { "" } else { "\n" })?;
            }
            write!(f, "{report}")?;
        }
        Ok(())
    }
}

impl Report {
    /// How things stand.
    pub(super) fn of(board: &Board, captures: Vec<Captured>) -> Self {
        let accounts = board.accounts();
        let balanced = accounts.iter().all(PortAccount::is_balanced) && copies_balance(&accounts);
        let ports = Works::ports(board).into_iter().map(|port| (port.name.clone(), port)).collect();
        let (moves, flaps) = (board.bridge().moves(), board.bridge().flaps());
        Self { ports, balanced, moves, flaps, captures }
    }

    /// What went wrong beside the frames.
    fn failure(&self) -> Option<String> {
        let failed =
            self.captures.iter().find_map(|capture| Some((&capture.file, capture.error.as_ref()?)))?;
        Some(format!("the capture {} is not complete: {}", failed.0.display(), failed.1))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:15} {:>12} {:>12} {:>12} {:>12}  dropped and refused",
            "port", "in", "forwarded", "out", "lost"
        )?;
        for (name, port) in &self.ports {
            let PortState { frames_in, forwarded, frames_out, dropped, refused, .. } = port;
            let lost = port.kernel_lost();
            write!(f, "{name:15} {frames_in:>12} {forwarded:>12} {frames_out:>12} {lost:>12} ")?;
            for (reason, count) in dropped {
                write!(f, " {reason}: {count}")?;
            }
            for (reason, count) in refused {
                write!(f, " out {reason}: {count}")?;
            }
            writeln!(f)?;
        }
        if self.moves + self.flaps > 0 {
            writeln!(
                f,
                "{} addresses moved; {} frames came from addresses that moved too often",
                self.moves, self.flaps
            )?;
        }
        for Captured { file, written, missed, error } in &self.captures {
            match error {
                None => {
                    let written = written.unwrap_or_default();
                    writeln!(f, "{}: {written} frames, {missed} missed", file.display())?;
                }
                Some(error) => writeln!(f, "{}: NOT COMPLETE: {error}", file.display())?,
            }
        }
        let verdict =
            if self.balanced { "every frame is accounted for" } else { "THE ACCOUNTS DO NOT ADD UP" };
        writeln!(f, "{verdict}")
    }
}
