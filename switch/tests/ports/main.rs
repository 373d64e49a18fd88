//! Ports on real TAPs and veth pairs, in network namespaces that live as long as the test. They need the rights for that and
//! say so when they are skipped.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "these tests drive the real world")]

mod bulk;
mod drops;
mod errors;
mod tags;
mod world;
