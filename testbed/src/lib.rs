//! The driver for the real world: hosts in namespaces of their own, TAPs, processes, placement, the stall meter, and
//! what is needed to look at a machine beforehand (`doctor`) and at a running testbed from inside (`exec`).
//!
//! Everything that decides is a `Node` of a pure crate; what stands here only carries bytes, time and processes.

mod agenda;
pub mod doctor;
pub mod exec;
pub mod host;
pub mod place;
pub mod process;
pub mod run;
pub mod stall;
pub mod sys;
pub mod userns;
pub mod worker;
