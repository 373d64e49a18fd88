//! `zerogap switch` on real TAPs, and `zerogap ctl` beside it, as a user has them: two programs, one network namespace. Skipped,
//! with a line that says so, where there can be no namespaces or TAPs; in CI that is a failure.

mod ctl;
mod docs;
mod lab;
mod records;
mod services;
mod swaps;
mod trunk;
