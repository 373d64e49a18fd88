//! `zerogap validate` and `zerogap schema`: what a testbed file may say, and whether one does.

use crate::cli::Validate;
use crate::exit::{Code, fail, print};
use std::process::ExitCode;
use zerogap_scenario::file;

pub(crate) fn main(args: &Validate) -> ExitCode {
    match file::load(&args.file, &[]) {
        Ok(testbed) => {
            print(format_args!("{} is valid: {}", args.file.display(), testbed.name));
            ExitCode::SUCCESS
        }
        Err(error) => fail(Code::Usage, error),
    }
}

pub(crate) fn schema() -> ExitCode {
    print(format_args!("{:#}", file::schema()));
    ExitCode::SUCCESS
}
