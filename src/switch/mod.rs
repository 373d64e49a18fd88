//! `zerogap switch`: the switch by itself, between TAPs that it makes and interfaces that are there. Says `ready` when frames may
//! come, and what each port has seen when it is asked to end.

pub(crate) mod args;
mod report;

use crate::exit::{Code, Stopped, fail, print};
use args::{Place, Switch};
use report::Report;
use std::io;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use zerogap_switch::io::{
    Board, BoardOptions, OffloadTap, PacketPort, PlainTap, Port, in_namespace, take_up,
};
use zerogap_testbed::sys::interrupt;

/// Workers at the most if nobody says how many: each is a thread that mostly waits.
const WORKERS_MAX: usize = 16;
/// How often it looks whether it was asked to end.
const LOOK_EVERY: Duration = Duration::from_millis(50);

pub(crate) fn main(args: &Switch) -> ExitCode {
    match work(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(stopped) => fail(stopped.code, stopped.why),
    }
}

fn work(args: &Switch) -> Result<(), Stopped> {
    interrupt::heed().map_err(|error| Stopped::new(Code::Machine, error))?;
    let ports = open(args)?;
    let options = BoardOptions {
        workers: args.workers.map_or(ports.len().min(WORKERS_MAX), usize::from),
        wait: args.wait,
        cores: args.cores.clone(),
        storm_limit: args.storm_limit,
        age_max_s: args.age,
    };
    let mut board = Board::start(ports, options)
        .map_err(|error| Stopped::new(Code::Machine, format!("the switch cannot start: {error}")))?;
    print("ready");
    while !interrupt::asked_to_end() {
        thread::sleep(LOOK_EVERY);
    }
    board.stop();
    let report = Report::of(&board);
    if args.json {
        print(serde_json::to_string_pretty(&report).map_err(|error| Stopped::new(Code::Failed, error))?);
    } else {
        eprint!("{report}");
    }
    Ok(())
}

fn open(args: &Switch) -> Result<Vec<Arc<dyn Port>>, Stopped> {
    let tap = |place: &Place| -> io::Result<Arc<dyn Port>> {
        in_namespace(place.namespace.as_deref(), || {
            let port: Arc<dyn Port> = if args.offload {
                Arc::new(OffloadTap::create(&place.name)?)
            } else {
                Arc::new(PlainTap::create(&place.name)?)
            };
            take_up(&place.name, args.mtu)?;
            Ok(port)
        })
    };
    let attach = |place: &Place| -> io::Result<Arc<dyn Port>> {
        let attach = || Ok(Arc::new(PacketPort::open(&place.name)?) as Arc<dyn Port>);
        in_namespace(place.namespace.as_deref(), attach)
    };
    let taps = args.taps.iter().map(|place| (place, tap(place)));
    let opened = taps.chain(args.attach.iter().map(|place| (place, attach(place))));
    let explain = |(place, port): (&Place, io::Result<Arc<dyn Port>>)| {
        port.map_err(|error| Stopped::new(code(&error), format!("port {}: {error}", place.name)))
    };
    opened.map(explain).collect()
}

/// What is wrong with the arguments, and what with the machine.
fn code(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists => Code::Usage,
        _ => Code::Machine,
    }
}
