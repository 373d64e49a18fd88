//! The anchor against DESIGN's guarantees 1, 2, 3, 6 and 7 and "The protocol, rule by rule": one file a rule, each test
//! named after the hole that the rule closes. Most are transcripts of a service on the bench; `properties` lets whole
//! worlds run with random faults.

#[path = "../common/mod.rs"]
mod common;

mod abort;
mod admission;
mod cut;
mod failover;
mod freeze;
mod handover;
mod orders;
mod properties;
mod properties_alone;
mod pull;
mod quarantine;
mod readers;
mod retention;
mod review;
mod rogue;
mod selection;
mod switch_over;
mod takeover;
