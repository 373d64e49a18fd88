//! Real runs from end to end: processes in namespaces, TAPs, the monotonic clock. Each test reads as what a user would do and
//! what must then be true. No test asserts an absolute time; what was late because the host stalled is excused, and a run that failed
//! where it stalled is repeated.

mod aborts;
mod compare;
mod faults;
mod many;
mod migrations;
mod program;
mod schemes;
mod traces;
