//! Response RTT before, during, between and after migrations. Every answered request stands in exactly one window: in the
//! migration's if it was under way at any time between trigger and end, else where it was due. A control run has only a
//! before.

use super::figures::Samples;
use super::migrations::Migration;
use super::model::Windows;
use zerogap_proto::{Instant, Record};

/// Which window a request stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    Migration,
    Between,
    After,
}

/// The figures of all windows.
pub(super) fn windows(records: &[Record], migrations: &[Migration]) -> Windows {
    let of = |place| samples(records, |r| place_of(r, migrations) == place).figures();
    Windows {
        before: of(Place::Before),
        migration: of(Place::Migration),
        after: of(Place::After),
        between: of(Place::Between),
    }
}

/// The response RTTs within the migration.
pub(super) fn during(records: &[Record], migration: &Migration) -> Samples {
    samples(records, |r| migration.holds(r))
}

/// The highest response RTT within the migration less the median of what went before: what was due after the previous
/// migration's end (or since the start) and answered before the trigger. `None` if either is empty.
pub(super) fn added_delay_ns(
    records: &[Record],
    migration: &Migration,
    previous_end: Option<Instant>,
) -> Option<u64> {
    let undisturbed = |r: &Record| {
        previous_end.is_none_or(|end| r.due > end) && r.answered.is_some_and(|at| at < migration.trigger)
    };
    let median_ns = samples(records, undisturbed).median_ns()?;
    Some(during(records, migration).max_ns()?.saturating_sub(median_ns))
}

fn samples(records: &[Record], wanted: impl Fn(&Record) -> bool) -> Samples {
    records.iter().filter(|r| wanted(r)).filter_map(Record::response_rtt).collect()
}

fn place_of(record: &Record, migrations: &[Migration]) -> Place {
    let (Some(first), Some(last)) = (migrations.first(), migrations.last()) else { return Place::Before };
    if migrations.iter().any(|m| m.holds(record)) {
        Place::Migration
    } else if record.due < first.trigger {
        Place::Before
    } else if record.due > last.end {
        Place::After
    } else {
        Place::Between
    }
}
