//! The switch at work, with socket pairs for ports: no privilege is needed. Real TAPs are in the root's `tests/real`.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "drives real threads")]

mod accounts;
mod bench;
mod captures;
mod forwarding;
mod swaps;
