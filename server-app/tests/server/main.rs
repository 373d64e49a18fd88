//! The server node as its driver sees it: inputs in, outputs out.

mod fixture;
mod frozen;
mod lazy;
mod requests;
mod restore;
mod rounds;
mod tasks;
