//! The init of a host: process 1 of its PID namespace. It configures the host, starts the node's process when told to,
//! reaps what ends and reports it, and ends, killing everything in the host, as soon as the testbed is gone.

use crate::host::configure::configure;
use crate::host::spec::{HostKind, HostSpec};
use crate::host::start::DEATH_FD;
use crate::host::wire::{Ending, Order, Report};
use crate::sys::fd::{CONTROL_FD, adopt};
use crate::sys::packet::{Packets, Received};
use crate::sys::spawn::Spawn;
use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::CloneFlags;
use nix::sys::prctl;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, dup2_stdin, dup2_stdout, setsid};
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

/// The hidden subcommand `zerogap host NAME`. Its return ends the host.
pub fn init_main(name: &str) -> ExitCode {
    match Init::take_over(name).and_then(|mut init| init.run()) {
        Ok(()) => ExitCode::SUCCESS,
        // The testbed ended before it could be told something.
        Err(error)
            if error.downcast_ref().is_some_and(|e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe) =>
        {
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("zerogap: host {name}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

struct Init {
    name: String,
    orders: Packets,
    death: OwnedFd,
    ended: SignalFd,
    kind: Option<HostKind>,
    /// The node's process: its life and pid.
    process: Option<(u16, Pid)>,
}

impl Init {
    fn take_over(name: &str) -> Result<Self> {
        // The pipe below covers the moment before this call and the case that only the starting thread ended.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        let by_hand = "this subcommand is started by the testbed only";
        let orders = Packets::from_owned(adopt(CONTROL_FD).context(by_hand)?);
        let death = adopt(DEATH_FD).context(by_hand)?;
        if nix::unistd::getpid() != Pid::from_raw(1) {
            bail!(by_hand);
        }
        prctl::set_name(&CString::new("zerogap-host")?)?;
        // Standard output belongs to the testbed's result, standard input to the testbed.
        dup2_stdin(File::open("/dev/null")?)?;
        dup2_stdout(std::io::stderr())?;
        // A session of its own: no signals from the terminal, and an autogroup of its own for the scheduler.
        setsid()?;
        mount_proc();
        let mut child_ended = SigSet::empty();
        child_ended.add(Signal::SIGCHLD);
        child_ended.thread_block()?;
        let ended = SignalFd::with_flags(&child_ended, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        Ok(Self { name: name.to_string(), orders, death, ended, kind: None, process: None })
    }

    /// Until the testbed is gone.
    fn run(&mut self) -> Result<()> {
        self.orders.send(&Report::Booted, &[])?;
        loop {
            let mut fds = [
                PollFd::new(self.death.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.orders.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.ended.as_fd(), PollFlags::POLLIN),
            ];
            match poll(&mut fds, PollTimeout::NONE) {
                Err(nix::errno::Errno::EINTR) => continue,
                other => other?,
            };
            let [death, orders, ended] = fds.map(|fd| fd.any().unwrap_or(true));
            if death {
                return Ok(());
            }
            if ended {
                self.reap()?;
            }
            if orders && !self.take_order()? {
                return Ok(());
            }
        }
    }

    /// False when there will be no more orders.
    fn take_order(&mut self) -> Result<bool> {
        let (order, fds) = match self.orders.try_receive()? {
            Received::Message(order, fds) => (order, fds),
            Received::Nothing => return Ok(true),
            Received::End => return Ok(false),
        };
        let done = match order {
            Order::Configure(spec) => self.configure(&spec),
            Order::Start { life } => self.start(life, &fds),
            Order::Signal { life, signal } => self.signal(life, signal),
        };
        if let Err(error) = done {
            self.orders.send(&Report::Failed(format!("{error:#}")), &[])?;
        }
        Ok(true)
    }

    fn configure(&mut self, spec: &HostSpec) -> Result<()> {
        configure(spec)?;
        self.kind = Some(spec.kind);
        Ok(self.orders.send(&Report::Configured, &[])?)
    }

    fn start(&mut self, life: u16, fds: &[OwnedFd]) -> Result<()> {
        let Some(kind) = self.kind else { bail!("it is not configured yet") };
        if let Some((life, _)) = self.process {
            bail!("its process of life {life} is still there");
        }
        let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let spawn = Spawn {
            args: &[kind.subcommand(), &self.name],
            namespaces: CloneFlags::empty(),
            fds: &fds,
            dies_with_thread: false,
        };
        let (pid, _) = spawn.start().context("its process cannot be started")?;
        self.process = Some((life, pid));
        Ok(self.orders.send(&Report::Started { life, pid: pid.as_raw() }, &[])?)
    }

    fn signal(&self, life: u16, signal: i32) -> Result<()> {
        match self.process {
            // Not reaped yet, so the pid is still its own.
            Some((running, pid)) if running == life => Ok(kill(pid, Signal::try_from(signal)?)?),
            Some(_) | None => Ok(()),
        }
    }

    /// Reaps all that has ended, orphans of the node's process included.
    fn reap(&mut self) -> Result<()> {
        while self.ended.read_signal()?.is_some() {}
        loop {
            let status = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::StillAlive) | Err(nix::errno::Errno::ECHILD) => return Ok(()),
                other => other?,
            };
            let (Some((life, pid)), Some(ending)) = (self.process, Ending::of(status)) else { continue };
            if status.pid() == Some(pid) {
                self.process = None;
                self.orders.send(&Report::Ended { life, ending }, &[])?;
            }
        }
    }
}

/// A private `/proc`, so that the host's programs see their own processes. Where it is refused (in some containers), the
/// outer one stays in place, and they see more than they need.
fn mount_proc() {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    let private = mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>);
    if private.is_ok() {
        let _ = mount(Some("proc"), "/proc", Some("proc"), flags, None::<&str>);
    }
}
