//! `zerogap ctl`: asks a running `zerogap switch` how things stand, changes its tables, follows its rates.

pub(crate) mod args;
mod client;
mod listen;
pub(crate) mod protocol;
mod rates;
pub(crate) mod socket;
mod text;
mod watch;

use crate::exit::{Code, Stopped, fail, print};
use args::{Ctl, Order};
use client::Client;
use protocol::{Answer, Request};
use serde::Serialize;
use std::path::Path;
use std::process::ExitCode;
use zerogap_scenario::switch_file;

pub(crate) fn main(args: &Ctl) -> ExitCode {
    match work(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stopped) => fail(stopped.code, stopped.why),
    }
}

fn work(args: &Ctl) -> Result<(), Stopped> {
    let client = Client { name: &args.name };
    match &args.order {
        Order::Show { what } => {
            let state = client.show(*what)?;
            if args.json { print(json(&state)?) } else { print(text::state(&state).trim_end()) }
        }
        Order::Apply { file } => {
            let answer = client.ask(&bundle(file)?)?;
            if args.json {
                print(json(&answer)?);
            } else if let Answer::Applied(applied) = answer {
                print(text::applied(&applied));
            }
        }
        Order::Listen { count } => listen::listen(&client, *count, args.json)?,
        Order::Watch { interval, count } => watch::watch(&client, *interval, *count, args.json)?,
    }
    Ok(())
}

fn json(value: &impl Serialize) -> Result<String, Stopped> {
    serde_json::to_string_pretty(value).map_err(|error| Stopped::new(Code::Failed, error))
}

fn bundle(file: &Path) -> Result<Request, Stopped> {
    let wrong =
        |error: &dyn std::fmt::Display| Stopped::new(Code::Usage, format!("{}: {error}", file.display()));
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())
    } else {
        std::fs::read_to_string(file)
    };
    let text = text.map_err(|error| wrong(&error))?;
    switch_file::parse_bundle(&text).map(Request::Apply).map_err(|error| wrong(&error))
}
