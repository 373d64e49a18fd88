//! Whole runs in virtual time. One test binary with a module a theme; `run` is what they share.

mod all_schemes;
mod demo;
mod determinism;
mod fleet;
mod guarantees;
mod radio;
mod run;
mod schemes;
mod transcripts;
