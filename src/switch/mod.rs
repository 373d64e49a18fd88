//! `zerogap switch`: the switch by itself, between TAPs that it makes and interfaces that are there. Says `ready` when frames may
//! come, and what each port has seen when it is asked to end.

pub(crate) mod args;
mod captures;
mod control;
mod doors;
mod entries;
mod metrics;
#[cfg(test)]
mod model;
mod report;

use crate::exit::{Code, Stopped, fail, print};
use args::{Place, Switch};
use captures::Captures;
use doors::Doors;
use report::Report;
use std::fs;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use zerogap_scenario::switch_file;
use zerogap_switch::io::{
    Board, BoardOptions, OffloadTap, PacketPort, PlainTap, Port, in_namespace, take_up,
};
use zerogap_switch::table::{PortConfig, PortType, SwitchFile};
use zerogap_testbed::sys::interrupt;

/// Workers at the most if nobody says how many: each is a thread that mostly waits.
const WORKERS_MAX: usize = 16;
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
    let file = configuration(args)?;
    let names = file.names();
    let tables = file.tables(Board::now(), &names).map_err(|error| Stopped::new(Code::Usage, error))?;
    let control = entries::listen(&args.name)?;
    let metrics = args.metrics.map(entries::listen_for_metrics).transpose()?;
    let captures = captures::by_file(&file, &args.captures)?;
    let ports: Vec<Arc<dyn Port>> =
        file.ports.iter().map(|port| open(port, args.mtu)).collect::<Result<_, _>>()?;
    let captures = Captures::start(&file, captures)?;
    let options = BoardOptions {
        workers: args.workers.map_or(ports.len().min(WORKERS_MAX), usize::from),
        wait: args.wait,
        cores: args.cores.clone(),
        storm_limit: args.storm_limit,
        age_max_s: args.age,
        captures: captures.recorders.clone(),
        services: file.services.iter().map(|service| service.anchor(&names)).collect(),
    };
    let mut board = Board::start(ports, tables, options)
        .map_err(|error| Stopped::new(code(&error), format!("the switch cannot start: {error}")))?;
    print("ready");
    let control = entries::control(&control, &names, &board);
    let metrics = metrics.as_ref().map(|listener| entries::metrics(listener, &board));
    let mut doors = Doors::new([control].into_iter().chain(metrics).collect());
    while !interrupt::asked_to_end() {
        doors.serve(Board::now, LOOK_EVERY_MS);
    }
    drop(doors);
    board.stop();
    let report = Report::of(&board, captures.finish());
    if args.json {
        print(serde_json::to_string_pretty(&report).map_err(|error| Stopped::new(Code::Failed, error))?);
    } else {
        eprint!("{report}");
    }
    report.failure().map_or(Ok(()), |why| Err(Stopped::new(Code::Failed, why)))
}

/// The file, and after its ports those of the command line.
fn configuration(args: &Switch) -> Result<SwitchFile, Stopped> {
    let mut file = match &args.config {
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| {
                Stopped::new(Code::Usage, format!("{}: {error}", path.display()))
            };
            let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
            switch_file::parse(&text).map_err(|error| wrong(&error))?
        }
        None => SwitchFile::default(),
    };
    let tap = if args.offload { PortType::TapOffload } else { PortType::Tap };
    let taps = args.taps.iter().map(|place| (place, tap));
    let all = taps.chain(args.attach.iter().map(|place| (place, PortType::Attach)));
    file.ports.extend(all.map(|(Place { name, namespace }, kind)| PortConfig {
        name: name.clone(),
        kind,
        netns: namespace.clone(),
        capture: None,
    }));
    Ok(file)
}

fn open(port: &PortConfig, mtu: Option<u16>) -> Result<Arc<dyn Port>, Stopped> {
    let name = port.name.as_str();
    let open = || -> io::Result<Arc<dyn Port>> {
        let opened: Arc<dyn Port> = match port.kind {
            PortType::Tap => Arc::new(PlainTap::create(name)?),
            PortType::TapOffload => Arc::new(OffloadTap::create(name)?),
            PortType::Attach => return Ok(Arc::new(PacketPort::open(name)?)),
        };
        take_up(name, mtu)?;
        Ok(opened)
    };
    in_namespace(port.netns.as_deref(), open)
        .map_err(|error| Stopped::new(code(&error), format!("port {name}: {error}")))
}

/// What is wrong with the arguments, and what with the machine.
fn code(error: &io::Error) -> Code {
    let usage = [io::ErrorKind::InvalidInput, io::ErrorKind::NotFound, io::ErrorKind::AlreadyExists];
    if usage.contains(&error.kind()) { Code::Usage } else { Code::Machine }
}
