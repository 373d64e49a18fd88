//! The JSON schemas of words that belong to `proto`, which knows nothing of schemas.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{Phase, Scheme};

/// The phases that migrations enter, each scheme's its own.
pub(super) const PHASES: [Phase; 12] = [
    Phase::Handover,
    Phase::Prepare,
    Phase::Rounds,
    Phase::Freeze,
    Phase::Snapshot,
    Phase::Transfer,
    Phase::Restore,
    Phase::Replay,
    Phase::Review,
    Phase::SwitchOver,
    Phase::Pull,
    Phase::Complete,
];
/// Both ways to hand over.
pub(super) const HANDOVER_MODES: [HandoverMode; 2] = [HandoverMode::Notify, HandoverMode::Reactive];

pub(super) fn scheme(_: &mut SchemaGenerator) -> Schema {
    one_of(&Scheme::ALL)
}

pub(super) fn phase(_: &mut SchemaGenerator) -> Schema {
    one_of(&PHASES)
}

pub(super) fn handover(_: &mut SchemaGenerator) -> Schema {
    one_of(&HANDOVER_MODES)
}

fn one_of<T: Serialize>(words: &[T]) -> Schema {
    json_schema!({ "type": "string", "enum": words })
}
