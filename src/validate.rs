//! `zerogap validate` and `zerogap schema`: what a testbed file (or a switch's) may say, and whether one does.

use crate::cli::{Schema, SchemaOf, Validate};
use crate::exit::{Code, fail, print};
use std::process::ExitCode;
use zerogap_scenario::{file, switch_file};

pub(crate) fn main(args: &Validate) -> ExitCode {
    match file::load(&args.file, &[]) {
        Ok(testbed) => {
            let agvs = match testbed.fleet.agvs_in_all() {
                1 => String::new(),
                agvs => format!(", {agvs} AGVs"),
            };
            let world = testbed
                .only_simulated()
                .map_or(String::new(), |why| format!("; in virtual time only: {why}"));
            print(format_args!("{} is valid: {}{agvs}{world}", args.file.display(), testbed.name));
            ExitCode::SUCCESS
        }
        Err(error) => fail(Code::Usage, error),
    }
}

pub(crate) fn schema(args: &Schema) -> ExitCode {
    let schema = match args.of {
        SchemaOf::Testbed => file::schema(),
        SchemaOf::Switch => switch_file::schema(),
    };
    print(format_args!("{schema:#}"));
    ExitCode::SUCCESS
}
