//! One switch of `zerogap switch`, from its file to its report: its ports, its captures, its board, and the name that
//! `zerogap ctl` finds it by.

use super::args::Switch;
use super::captures::{self, Captures};
use super::doors::Door;
use super::entries;
use super::report::Report;
use super::trunks::Trunks;
use crate::exit::{Code, Stopped};
use std::io;
use std::os::unix::net::UnixListener;
use std::sync::Arc;
use zerogap_switch::io::{
    Board, BoardOptions, OffloadTap, PacketPort, PlainTap, Port, in_namespace, take_up,
};
use zerogap_switch::table::{PortConfig, PortNames, PortType, SwitchFile};

/// Workers at the most if nobody says how many: each is a thread that mostly waits.
const WORKERS_MAX: usize = 16;

/// A switch at work.
pub(super) struct Running {
    name: String,
    names: PortNames,
    board: Board,
    captures: Captures,
    listener: UnixListener,
}

impl Running {
    /// Starts the switch that this file describes.
    pub(super) fn start(
        name: String,
        file: SwitchFile,
        args: &Switch,
        trunks: &mut Trunks,
    ) -> Result<Self, Stopped> {
        let names = file.names();
        let tables = file.tables(Board::now(), &names).map_err(|error| Stopped::new(Code::Usage, error))?;
        let listener = entries::listen(&name)?;
        // What the command line says, it says to the first.
        let asked = if name == args.name { &args.captures[..] } else { &[] };
        let captures = captures::by_file(&file, asked)?;
        let open = |port| open(port, args.mtu, trunks);
        let ports: Vec<Arc<dyn Port>> = file.ports.iter().map(open).collect::<Result<_, _>>()?;
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
        let board = Board::start(ports, tables, options)
            .map_err(|error| Stopped::new(code(&error), format!("the switch cannot start: {error}")))?;
        Ok(Self { name, names, board, captures, listener })
    }

    /// What carries its frames.
    pub(super) fn board(&self) -> &Board {
        &self.board
    }

    /// Where `zerogap ctl` asks it.
    pub(super) fn control(&self) -> Door<'_> {
        entries::control(&self.listener, &self.names, &self.board)
    }

    /// Ends it between two frames.
    pub(super) fn stop(&mut self) {
        self.board.stop();
    }

    /// Its name, and what it has to say once it has stopped.
    pub(super) fn report(self) -> (String, Report) {
        let report = Report::of(&self.board, self.captures.finish());
        (self.name, report)
    }
}

fn open(port: &PortConfig, mtu: Option<u16>, trunks: &mut Trunks) -> Result<Arc<dyn Port>, Stopped> {
    let name = port.name.as_str();
    let mut open = || -> io::Result<Arc<dyn Port>> {
        let opened: Arc<dyn Port> = match port.kind {
            PortType::Tap => Arc::new(PlainTap::create(name)?),
            PortType::TapOffload => Arc::new(OffloadTap::create(name)?),
            PortType::Attach => return Ok(Arc::new(PacketPort::open(name)?)),
            PortType::Trunk => return Ok(Arc::new(trunks.take(name)?)),
        };
        take_up(name, mtu)?;
        Ok(opened)
    };
    let opened = match port.kind {
        PortType::Trunk => open(),
        PortType::Tap | PortType::TapOffload | PortType::Attach => in_namespace(port.netns.as_deref(), open),
    };
    opened.map_err(|error| Stopped::new(code(&error), format!("port {name}: {error}")))
}

/// What is wrong with the arguments, and what with the machine.
fn code(error: &io::Error) -> Code {
    let usage = [io::ErrorKind::InvalidInput, io::ErrorKind::NotFound, io::ErrorKind::AlreadyExists];
    if usage.contains(&error.kind()) { Code::Usage } else { Code::Machine }
}
