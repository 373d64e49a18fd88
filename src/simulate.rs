//! `zerogap simulate`: one experiment in virtual time.

use crate::cli::Experiment;
use crate::exit::{Code, fail};
use crate::experiment::{Show, conclude, load};
use std::process::ExitCode;

pub(crate) fn main(args: &Experiment) -> ExitCode {
    let scenario = match load(args) {
        Ok(scenario) => scenario,
        Err(error) => return fail(Code::Usage, error),
    };
    let show = Show::new(args);
    let mut watch = |at, who, event: &_| show.event(&scenario, at, who, event);
    match zerogap_sim::simulate(&scenario, &mut watch) {
        Ok(finished) => conclude(args, &show, &scenario, &finished),
        Err(error) => fail(Code::Usage, error),
    }
}
