//! `zerogap doctor`: what this machine can and cannot do.

use crate::cli::Doctor;
use crate::exit::{Code, fail, print};
use std::process::ExitCode;
use zerogap_testbed::doctor::{Checkup, Needs};
use zerogap_testbed::userns;

pub(crate) fn main(args: &Doctor) -> ExitCode {
    // As a run would: what an ordinary user may do is seen from inside a user namespace. A refusal shows in the checks.
    let _ = userns::enter();
    let checkup = Checkup::examine(&Needs::default());
    if args.json {
        match serde_json::to_string_pretty(&checkup) {
            Ok(json) => print(json),
            Err(error) => return fail(Code::Failed, error),
        }
    } else {
        print(checkup.to_string().trim_end());
    }
    if checkup.required_missing().is_empty() {
        ExitCode::SUCCESS
    } else {
        fail(Code::Machine, "a real run is not possible here; `zerogap simulate` is")
    }
}
