//! What the tables promise, as tables and properties. `frames` builds what comes in, the others are one module a promise.

mod bundles;
mod config;
mod counting;
mod doing;
mod frames;
mod limiting;
mod matching;
mod rewriting;
mod searching;

use super::{Bundle, BundleError, Change, PortNames, Tables};
use serde::de::DeserializeOwned;
use zerogap_proto::{Duration, Instant};

fn names() -> PortNames {
    PortNames::new(["a", "b", "c", "d"].map(String::from))
}

/// YAML would read the same: the caller's loader makes this tree of values.
fn read<T: DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn secs(n: u64) -> Instant {
    Instant::ZERO + Duration::from_secs(n)
}

/// The tables after the changes in `json`, a list of them.
fn changed(tables: &Tables, now: Instant, json: &str) -> Result<Tables, BundleError> {
    let bundle: Bundle<String> = read(json);
    tables.with(now, &names().resolve(bundle)?)
}

fn tables(json: &str) -> Tables {
    changed(&Tables::default(), Instant::ZERO, json).expect("sound changes")
}

fn with_flow(flow: &str) -> Result<Tables, BundleError> {
    let flow = Change::AddFlow(read(flow));
    Tables::default().with(Instant::ZERO, &names().resolve(Bundle(vec![flow]))?)
}
