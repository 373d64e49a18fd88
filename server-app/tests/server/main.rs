//! The server node as its driver sees it: inputs in, outputs out.

mod fixture;
mod requests;
mod restore;
mod tasks;
