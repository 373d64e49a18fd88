//! The service as the testbed file describes it: its address, who serves at the start, and the rules by which its anchor
//! releases answers, sends again and promotes.

use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// A service and the rules of its anchor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Service {
    /// Its virtual IPv4 address, in 10.90.255.0/24: the nodes' own addresses are elsewhere in 10.90.0.0/16.
    pub address: Ipv4Addr,
    /// Its UDP port.
    pub port: u16,
    /// Names of the servers that serve at the start, the primary first.
    pub serving: Vec<String>,
    /// Name of the switch that owns the service at the start: its log, ballots, roles and epoch.
    pub anchor: String,
    /// Emulated time that a server takes for a request (the paper's Table I: 1 ms).
    pub service_time: Span,
    /// Which answer goes out.
    pub selection: Selection,
    /// How long after a request was sent the preferred answer may be missing before the standby's goes out.
    pub failover_after: Span,
    /// Missing answers in a row after which the standby is promoted.
    pub absences_to_promote: u32,
    /// W: requests that a server may have unanswered at one time.
    pub window: u32,
    /// How long after it was sent an unanswered request is first sent again.
    pub resend_after: Span,
    /// Requests that the log keeps.
    pub log_entries: u32,
    /// Sequence numbers of a client over which copies of a request are recognised.
    pub admission_window: u32,
    /// Clients that are remembered.
    pub clients_max: u32,
    /// Answers that a server remembers for repeats, 1 to 1024.
    pub answers_remembered: u32,
    /// Time between two chunks of a server's low-priority recheck of its memory; 0 for no recheck.
    pub scrub_interval: Span,
}

/// Which answer goes out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Selection {
    /// The primary's, the paper's rule, with fail-over to the standby.
    #[default]
    Preferred,
    /// The first that comes.
    First,
    /// That of a strict majority of three or more; with fewer the preferred one, after a wait for all.
    Vote,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            address: Ipv4Addr::new(10, 90, 255, 1),
            port: 9_000,
            serving: vec!["edge-a1".into(), "edge-a2".into()],
            anchor: "s1".into(),
            service_time: Span::ms(1),
            selection: Selection::Preferred,
            failover_after: Span::ms(2),
            absences_to_promote: 3,
            window: 64,
            resend_after: Span::us(1_800),
            log_entries: 16_384,
            admission_window: 1_024,
            clients_max: 64,
            answers_remembered: 256,
            scrub_interval: Span::ms(10),
        }
    }
}
