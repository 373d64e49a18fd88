//! From a testbed file to the configuration of every node, and from what was measured to a verdict. Pure but for reading the
//! file and writing the results; both drivers are handed the same [`Scenario`].

pub mod build;
pub mod bulk;
pub mod calibration;
pub mod campaign;
mod columns;
pub mod compare;
pub mod director;
pub mod draw;
pub mod file;
pub mod journal;
pub mod load;
pub mod names;
pub mod recorder;
pub mod results;
pub mod size;
pub mod switch_file;
pub mod topology;
pub mod transcript;
pub mod wires;

pub use build::{SERVICE, Scenario, ScenarioError};
pub use director::{Action, Director};
pub use recorder::{Ending, Finished, Recorder};
pub use wires::Wires;
