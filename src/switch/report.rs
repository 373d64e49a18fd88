//! What `zerogap switch` says at its end: each port's account, what the kernel lost, and whether it all adds up.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use zerogap_switch::bridge::{PortAccount, copies_balance};
use zerogap_switch::io::{Board, Lost};

/// The accounts of a switch.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ports: BTreeMap<String, PortReport>,
    /// Every frame that came in has one fate, and every copy has left or was refused.
    balanced: bool,
    /// Addresses that were heard elsewhere than before.
    moves: u64,
    /// Frames from addresses that moved too often.
    flaps: u64,
}

#[derive(Debug, Serialize)]
struct PortReport {
    #[serde(flatten)]
    account: PortAccount,
    /// What the kernel lost before the switch saw it; absent if it does not tell.
    kernel_lost_in: Option<u64>,
    /// What the kernel lost after the switch had handed it over.
    kernel_lost_out: Option<u64>,
}

impl Report {
    /// How things stand.
    pub(super) fn of(board: &Board) -> Self {
        let accounts = board.accounts();
        let balanced = accounts.iter().all(PortAccount::is_balanced) && copies_balance(&accounts);
        let named = board.ports().iter().map(|port| port.name().to_owned());
        let lost = board.lost();
        let ports = named.zip(accounts.into_iter().zip(lost)).map(|(name, (account, lost))| {
            let (kernel_lost_in, kernel_lost_out) =
                (lost.map(|lost: Lost| lost.rx), lost.map(|lost| lost.tx));
            (name, PortReport { account, kernel_lost_in, kernel_lost_out })
        });
        let ports = ports.collect();
        Self { ports, balanced, moves: board.bridge().moves(), flaps: board.bridge().flaps() }
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
            let PortAccount { frames_in, forwarded, frames_out, dropped, refused, .. } = &port.account;
            let lost = [port.kernel_lost_in, port.kernel_lost_out].into_iter().flatten().sum::<u64>();
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
        let verdict =
            if self.balanced { "every frame is accounted for" } else { "THE ACCOUNTS DO NOT ADD UP" };
        writeln!(f, "{verdict}")
    }
}
