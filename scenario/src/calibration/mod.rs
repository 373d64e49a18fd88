//! What a machine takes for what a migration is made of, estimated from runs for real. Pure: whoever made the runs hands their files'
//! contents in.
//!
//! ```text
//! result.json, events.ndjson ──Observations::add──▶ times by size ──┐
//! control runs, beside the same in virtual time ──Latency::fit──────┼──estimate──▶ Estimate ──to_yaml──▶ a calibration
//! ```
//!
//! Every time is the difference of two events of the same run. What the simulator adds by itself between the same two events (control
//! messages, the links' time) is taken off, so that it is not counted twice.

mod estimate;
mod fit;
mod journal;
mod latency;
mod observe;
#[cfg(test)]
mod tests;
mod yaml;

pub use estimate::{Estimate, Fitted, estimate};
pub use fit::Line;
pub use journal::{Journal, JournalError};
pub use latency::Latency;
pub use observe::{Observations, Run, TELLING};
pub use yaml::{Circumstances, to_yaml};
