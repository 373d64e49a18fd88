//! Schemes side by side: which runs a comparison is made of and in which order, what is read from each, and what all of them
//! say together. Pure; whoever starts the runs hands their results in.
//!
//! ```text
//! Plan ──cells in order──▶ (a run each) ──RunResult, Requests──▶ Cell ──┐
//!                                                                       ├──compare──▶ Comparison ──▶ JSON, table
//!                               control runs: ControlRun, cut into windows ─┘
//! ```

mod cell;
mod group;
mod model;
mod plan;
mod predict;
mod remaining;
mod requests;
mod spread;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod windows;

pub use cell::cell;
pub use group::compare;
pub use model::{Cell, CellHost, Comparison, Control, Group, GroupHost, GroupRequests, SCHEMA};
pub(crate) use plan::once;
pub use plan::{CellId, Contender, Plan, control_duration};
pub use predict::{Beside, Foreseen, Prediction, Predictions, prediction_table, predictions};
pub use remaining::Remaining;
pub use requests::{RequestsError, Trace};
pub use spread::Spread;
pub use table::table;
pub use windows::ControlRun;
