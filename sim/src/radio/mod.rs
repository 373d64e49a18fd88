//! The radio in virtual time: an IEEE 802.11a channel at each access point, where the testbed file has a `radio.wifi`.
//! `docs/radio.md` says what is modelled, what is left out, and what comes of it.
//!
//! ```text
//!   world ──frame──▶ Air ──by access point──▶ Cell ──packets──▶ Medium: the DCF ◀── Station: queue, window, backoff
//!         ◀─frame───     ◀─landed or dropped─      ◀─reports──                        airtime: the standard's figures
//!                     │                        └─ Neighbours: other AGVs' requests and answers
//!                     └─ Reach: distance → rate
//! ```

pub mod air;
pub mod airtime;
pub mod cell;
pub mod medium;
pub mod reach;
pub mod station;

pub(crate) mod hook;
mod neighbours;

pub use station::Packet;

#[cfg(test)]
mod tests;
