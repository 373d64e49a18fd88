//! What the tests of comparisons are made of: results as a run would write them, and control runs with a known course.

use super::plan::{CellId, Contender};
use super::requests::Trace;
use super::windows::ControlRun;
use crate::results::RunResult;
use crate::size::Size;
use serde_json::json;

/// Milliseconds in nanoseconds.
pub(crate) const fn ms(ms: u64) -> u64 {
    ms * 1_000_000
}

/// A cell at 4 MB.
pub(super) fn id(contender: Contender, repetition: u32) -> CellId {
    CellId { state: Size(4_000_000), contender, repetition }
}

/// A run of 781 requests that nobody noticed, with one migration (start, end, added delay) or none.
pub(crate) fn result(migration: Option<(u64, u64, u64)>) -> RunResult {
    let figures = json!({"count": 0});
    let migrations: Vec<_> = migration
        .iter()
        .map(|(start_ns, end_ns, added_ns)| {
            json!({
                "id": 1, "scheme": "hot-standby", "goal": "switch-over", "outcome": "complete",
                "added_delay_max_ns": added_ns, "downtime_ns": 0, "migration_time_ns": end_ns - start_ns,
                "phases": [
                    {"name": "Handover", "start_ns": start_ns, "end_ns": start_ns + 1},
                    {"name": "Complete", "start_ns": end_ns, "end_ns": end_ns}
                ],
                "state_bytes_sent": null, "requests_replayed": 0,
                "review": {"required": 20, "agreed": 20, "disagreed": 0, "absent": 0}, "rtt_ns": figures
            })
        })
        .collect();
    serde_json::from_value(json!({
        "schema": "zerogap.result/1", "world": "real", "scheme": "hot-standby", "seed": 1, "state_bytes": 4_000_000,
        "verdict": "uninterrupted", "because": [], "threshold_ns": ms(10),
        "requests": {"sent": 781, "answered": 781, "lost": 0, "late": 0, "duplicated": 0, "reordered": 0},
        "rtt_ns": figures, "service_rtt_ns": figures,
        "windows": {"before": figures, "migration": figures, "after": figures, "between": figures},
        "interruptions": [], "downtime_ns": 0,
        "added_delay_max_ns": migration.map_or(0, |(_, _, added_ns)| added_ns),
        "migration_time_ns": migration.map_or(0, |(start_ns, end_ns, _)| end_ns - start_ns),
        "migrations": migrations, "state_digests": {}, "switches": {},
        "host": {"stall_max_ns": 0, "stalls": []},
        "evidence": {"requests": 781, "missed": 0, "availability_min": null, "statement": ""},
        "journal": {"events": 0, "dropped": 0}, "nodes": [], "started_unix_ns": 0
    }))
    .unwrap()
}

/// A control run of so many requests 10 ms apart, with these RTTs.
pub(super) fn control_run(requests: u64, rtt_ns: impl Fn(u64) -> u64) -> ControlRun {
    let line = |n: u64| format!("{},{}\n", ms(10) * n, ms(10) * n + rtt_ns(n));
    let csv = "due_ns,answered_ns\n".to_owned() + &(0..requests).map(line).collect::<String>();
    ControlRun { trace: Trace::parse(&csv).unwrap(), interruptions: Vec::new() }
}
