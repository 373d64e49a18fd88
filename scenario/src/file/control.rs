//! What the testbed file says about the SDN controller, the edge controller and the review.

use super::words;
use crate::size::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zerogap_proto::ReviewRule;
use zerogap_proto::control::HandoverMode;

/// The SDN controller and the edge controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Controllers {
    /// Whether the switch that the AGV comes to waits for the SDN controller (`reactive`, as in the paper) or only tells
    /// it (`notify`).
    #[schemars(schema_with = "words::handover")]
    pub handover: HandoverMode,
    /// How long the SDN controller thinks about a packet-in. The paper's 4.6 ms of added delay are this; here 0.
    pub decision_time: Span,
    /// After a migration, how long until the next one may start.
    pub hold_time: Span,
    /// Whether a standby that was lost or diverged is replaced by a snapshot of the primary.
    pub reseed: bool,
    /// What a hot-standby migration does when there is no healthy standby to snapshot.
    pub no_standby: NoStandby,
    /// How often controllers ask for what they may have missed.
    pub refresh: Span,
    /// How long the phases before the replay may take.
    pub timeouts: Timeouts,
}

/// What a hot-standby migration does when there is no healthy standby to snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoStandby {
    /// Snapshot the primary, copy-on-write.
    #[default]
    SnapshotPrimary,
    /// Abort.
    Abort,
}

/// How long the phases before the replay may take; longer aborts the migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Timeouts {
    /// Getting the targets ready.
    pub prepare: Span,
    /// All rounds of a pre-copy together.
    pub rounds: Span,
    /// Cutting the snapshot; also freezing the source.
    pub snapshot: Span,
    /// Sending the state to the targets.
    pub transfer: Span,
    /// Scanning what has arrived.
    pub restore: Span,
}

/// How pre-copy and hybrid copy while the source serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Copying {
    /// The rounds end when what is left can be sent within this time, at the rate of the latest round.
    pub downtime_budget: Span,
    /// The most rounds of a pre-copy.
    pub rounds_max: u32,
    /// The most time for the rounds of a pre-copy.
    pub time_max: Span,
    /// What a pre-copy does when rounds or time run out first.
    pub not_converged: NotConverged,
    /// The most rounds of a hybrid, before it pulls what is left.
    pub hybrid_rounds: u32,
}

/// What a pre-copy does when rounds or time run out before what is left fits the downtime budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NotConverged {
    /// Freeze anyway.
    #[default]
    Stop,
    /// Abort.
    Abort,
}

impl Default for Copying {
    fn default() -> Self {
        Self {
            downtime_budget: Span::ms(10),
            rounds_max: 30,
            time_max: Span::s(120),
            not_converged: NotConverged::Stop,
            hybrid_rounds: 1,
        }
    }
}

/// When the targets have proved themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// N: consecutive requests at which all targets answer what was released.
    pub agreements: u32,
    /// Requests without a target's answer after which the migration is aborted.
    pub absences_max: u32,
    /// Time from the start of the replay within which the switch-over must happen.
    pub deadline: Span,
}

impl From<Review> for ReviewRule {
    fn from(review: Review) -> Self {
        let Review { agreements, absences_max, deadline } = review;
        Self { agreements, absences_max, deadline: deadline.0 }
    }
}

impl Default for Controllers {
    fn default() -> Self {
        Self {
            handover: HandoverMode::Notify,
            decision_time: Span::default(),
            hold_time: Span::ms(500),
            reseed: true,
            no_standby: NoStandby::SnapshotPrimary,
            refresh: Span::ms(100),
            timeouts: Timeouts::default(),
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            prepare: Span::s(5),
            rounds: Span::s(180),
            snapshot: Span::s(10),
            transfer: Span::s(120),
            restore: Span::s(30),
        }
    }
}

impl Default for Review {
    fn default() -> Self {
        Self { agreements: 20, absences_max: 50, deadline: Span::s(20) }
    }
}
