//! `zerogap switch`: a switch by itself, between TAPs that it makes and interfaces that are there; or several, joined by trunks.
//! Says `ready` when frames may come, and what each port has seen when it is asked to end.

pub(crate) mod args;
mod captures;
mod control;
mod doors;
mod entries;
mod figures;
mod metrics;
#[cfg(test)]
mod model;
mod report;
mod running;
mod trunks;

use crate::ctl::socket;
use crate::exit::{Code, Stopped, fail, print};
use args::{Place, Switch};
use doors::Doors;
use report::Reports;
use running::Running;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trunks::Trunks;
use zerogap_scenario::switch_file;
use zerogap_switch::io::Board;
use zerogap_switch::table::{PortConfig, PortType, SwitchFile};
use zerogap_testbed::sys::interrupt;

/// How often it looks whether it was asked to end.
const LOOK_EVERY_MS: u16 = 50;

pub(crate) fn main(args: &Switch) -> ExitCode {
    match work(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stopped) => fail(stopped.code, stopped.why),
    }
}

fn work(args: &Switch) -> Result<(), Stopped> {
    interrupt::heed().map_err(|error| Stopped::new(Code::Machine, error))?;
    let files = configuration(args)?;
    let metrics = args.metrics.map(entries::listen_for_metrics).transpose()?;
    let mut trunks = Trunks::between(&files)?;
    let start = |(name, file)| Running::start(name, file, args, &mut trunks);
    let mut switches: Vec<Running> = files.into_iter().map(start).collect::<Result<_, _>>()?;
    print("ready");
    let control = switches.iter().map(Running::control);
    let metrics = metrics.as_ref().map(|listener| entries::metrics(listener, switches[0].board()));
    let mut doors = Doors::new(control.chain(metrics).collect());
    while !interrupt::asked_to_end() {
        doors.serve(Board::now, LOOK_EVERY_MS);
    }
    drop(doors);
    // All stop before any is asked, so that what crossed a trunk is in both accounts.
    switches.iter_mut().for_each(Running::stop);
    let reports = Reports(switches.into_iter().map(Running::report).collect());
    if args.json {
        print(reports.json().map_err(|error| Stopped::new(Code::Failed, error))?);
    } else {
        eprint!("{reports}");
    }
    reports.failure().map_or(Ok(()), |why| Err(Stopped::new(Code::Failed, why)))
}

/// The files by the names of their switches. What the command line says beside them, it says to the first.
fn configuration(args: &Switch) -> Result<Vec<(String, SwitchFile)>, Stopped> {
    let mut files = args.configs.iter().map(|path| read(path)).collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        files.push(SwitchFile::default());
    }
    let tap = if args.offload { PortType::TapOffload } else { PortType::Tap };
    let taps = args.taps.iter().map(|place| (place, tap));
    let all = taps.chain(args.attach.iter().map(|place| (place, PortType::Attach)));
    files[0].ports.extend(all.map(|(Place { name, namespace }, kind)| PortConfig {
        name: name.clone(),
        kind,
        netns: namespace.clone(),
        capture: None,
    }));
    let stem = |path: &PathBuf| {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        socket::name(&stem).map_err(|why| Stopped::new(Code::Usage, format!("{}: {why}", path.display())))
    };
    let others = args.configs.iter().skip(1).map(stem).collect::<Result<Vec<_>, _>>()?;
    Ok([args.name.clone()].into_iter().chain(others).zip(files).collect())
}

fn read(path: &Path) -> Result<SwitchFile, Stopped> {
    let wrong =
        |error: &dyn std::fmt::Display| Stopped::new(Code::Usage, format!("{}: {error}", path.display()));
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    switch_file::parse(&text).map_err(|error| wrong(&error))
}
