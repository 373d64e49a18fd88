//! `zerogap`: the command line. Thin: it reads arguments, calls the crate that does the work, prints, and gives the documented
//! exit code. One file a subcommand.

mod calibrate;
mod calibration;
mod campaign;
mod cli;
mod compare;
mod ctl;
mod doctor;
mod exec;
mod exit;
mod experiment;
mod explore;
mod heap;
mod merge;
mod one_run;
mod plot;
mod run;
mod simulate;
mod switch;
mod validate;

use clap::Parser as _;
use cli::{Cli, Command};
use std::process::ExitCode;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::main(&args),
        Command::Simulate(args) => simulate::main(&args),
        Command::Calibrate(args) => calibrate::main(&args),
        Command::Compare(args) => compare::main(&args),
        Command::Campaign(args) => campaign::main(&args),
        Command::Merge(args) => merge::main(&args),
        Command::Explore(args) => explore::main(&args),
        Command::Switch(args) => switch::main(&args),
        Command::Ctl(args) => ctl::main(&args),
        Command::Exec(args) => exec::main(&args),
        Command::Doctor(args) => doctor::main(&args),
        Command::Validate(args) => validate::main(&args),
        Command::Schema(args) => validate::schema(&args),
        Command::Host(node) => zerogap_testbed::host::init_main(&node.name),
        Command::Server(node) => zerogap_testbed::process::server_main(&node.name),
        Command::Agv(node) => zerogap_testbed::process::agv_main(&node.name),
    }
}
