//! A host as the testbed sees it: started step by step, given orders, heard, ended. Dropping it ends it.

use crate::host::spec::{HostKind, HostSpec, Nic};
use crate::host::tap;
use crate::host::wire::{Order, Report};
use crate::sys::clock::timeout;
use crate::sys::fd::CONTROL_FD;
use crate::sys::packet::{Packets, Received};
use crate::sys::pidfd::PidFd;
use crate::sys::spawn::Spawn;
use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::io::{PipeWriter, pipe};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use tun_tap::Iface;
use zerogap_proto::{Duration, NodeId};

/// Where an init finds the pipe that tells it that the testbed is gone.
pub(super) const DEATH_FD: RawFd = CONTROL_FD + 1;
/// An init is there after some milliseconds; more than this means that the machine is out of order.
const STEP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running host. Its TAPs are ports of the switch; give them up only together with the host.
#[derive(Debug)]
pub struct Host {
    /// Its node's name.
    pub name: String,
    /// Its node.
    pub node: NodeId,
    /// What runs in it.
    pub kind: HostKind,
    /// The port on the service network, non-blocking. `None` once the switch has taken it.
    pub eth0: Option<Iface>,
    /// The port on the transfer network, non-blocking, if it has one. `None` once the switch has taken it.
    pub eth1: Option<Iface>,
    pid: Pid,
    init: PidFd,
    orders: Packets,
    gone: bool,
    /// Nobody else has this end. Its closing, by whatever ends this process, ends the host.
    _alive: PipeWriter,
}

/// How far the start of a host has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The init has been cloned into its namespaces.
    Cloned,
    /// The init has said that it is there.
    Booted,
    /// The TAPs are open.
    TapsOpen,
    /// The interfaces are configured and up: the start is complete.
    Configured,
}

impl Host {
    /// Starts a host: everything but the node's process. Call it from a thread that lives as long as the host shall.
    ///
    /// # Errors
    /// What this machine refused and in which step; nothing is left of the host then.
    pub fn start(spec: &HostSpec) -> Result<Self> {
        Self::start_watched(spec, |_| ())
    }

    /// [`Host::start`], telling each step when it is done.
    ///
    /// # Errors
    /// As for [`Host::start`].
    pub fn start_watched(spec: &HostSpec, mut step: impl FnMut(Step)) -> Result<Self> {
        let mut start = || -> Result<Self> {
            spec.check()?;
            let mut host = Self::clone_init(spec)?;
            step(Step::Cloned);
            host.expect(&Report::Booted).context("its init did not start")?;
            step(Step::Booted);
            let names: Vec<&str> = spec.interfaces().map(|(nic, _)| nic.name()).collect();
            for tap in tap::open_in(&host.init, &names)? {
                if tap.name() == Nic::Eth0.name() { host.eth0 = Some(tap) } else { host.eth1 = Some(tap) }
            }
            step(Step::TapsOpen);
            host.order(&Order::Configure(spec.clone()), &[])?;
            host.expect(&Report::Configured).context("its network could not be configured")?;
            step(Step::Configured);
            Ok(host)
        };
        start().with_context(|| format!("cannot start the host of {}", spec.name))
    }

    /// The pid of its init, as this process sees it.
    pub const fn init_pid(&self) -> Pid {
        self.pid
    }

    /// Starts the node's process, `zerogap server NAME` or `zerogap agv NAME`, with a control socket as descriptor 3 and
    /// copies of `fds` after it, and returns the socket's other end. [`Report::Started`] or [`Report::Failed`] follows.
    /// A node has one process at a time; the caller counts the lives.
    ///
    /// # Errors
    /// The host is gone.
    pub fn start_process(&self, life: u16, fds: &[BorrowedFd<'_>]) -> Result<Packets> {
        let (ours, theirs) = Packets::pair()?;
        let fds: Vec<_> = [theirs.as_fd()].into_iter().chain(fds.iter().copied()).collect();
        self.order(&Order::Start { life }, &fds)?;
        Ok(ours)
    }

    /// Sends the node's process a signal, provided that it is still the one of this life.
    ///
    /// # Errors
    /// The host is gone.
    pub fn kill_process(&self, life: u16, signal: Signal) -> Result<()> {
        self.order(&Order::Signal { life, signal: signal as i32 }, &[])
    }

    /// The next report, if there is one. Poll the host's descriptor ([`AsFd`]) for readability to be told.
    ///
    /// # Errors
    /// The init speaks another language: it is of another build.
    pub fn report(&mut self) -> Result<Option<Report>> {
        if self.gone {
            return Ok(None);
        }
        match self.orders.try_receive() {
            Ok(Received::Message(report, _)) => Ok(Some(report)),
            Ok(Received::Nothing) => Ok(None),
            Ok(Received::End) => {
                self.gone = true;
                Ok(Some(Report::Gone))
            }
            Err(error) => {
                Err(error).with_context(|| format!("the init of {} cannot be understood", self.name))
            }
        }
    }

    /// Kills everything in the host without waiting; dropping it waits. To end many hosts, kill all of them first.
    ///
    /// # Errors
    /// `EPERM`, which does not happen to the one who started it.
    pub fn kill(&self) -> std::io::Result<()> {
        self.init.signal(Signal::SIGKILL)
    }

    /// Ends the host with all that is in it and waits until it is gone.
    pub fn stop(self) {
        drop(self);
    }

    fn clone_init(spec: &HostSpec) -> Result<Self> {
        let (orders, theirs) = Packets::pair()?;
        let (death, alive) = pipe()?;
        let spawn = Spawn {
            args: &["host", &spec.name],
            namespaces: CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID,
            fds: &[theirs.as_fd(), death.as_fd()],
            dies_with_thread: true,
        };
        let (pid, init) =
            spawn.start().context("new namespaces are refused: `zerogap doctor` tells what is missing")?;
        Ok(Self {
            name: spec.name.clone(),
            node: spec.node,
            kind: spec.kind,
            eth0: None,
            eth1: None,
            pid,
            init,
            orders,
            gone: false,
            _alive: alive,
        })
    }

    fn order(&self, order: &Order, fds: &[BorrowedFd<'_>]) -> Result<()> {
        self.orders.send(order, fds).with_context(|| format!("the host of {} is gone", self.name))
    }

    /// Waits for a report while the host is being started.
    fn expect(&self, wanted: &Report) -> Result<()> {
        let mut fds = [PollFd::new(self.orders.as_fd(), PollFlags::POLLIN)];
        if ppoll(&mut fds, Some(timeout(STEP_TIMEOUT)), None)? == 0 {
            bail!("nothing was heard of it for {STEP_TIMEOUT}");
        }
        match self.orders.receive()? {
            Received::Message(report, _) if report == *wanted => Ok(()),
            Received::Message(Report::Failed(why), _) => bail!(why),
            Received::Message(other, _) => bail!("it reported {other:?} instead of {wanted:?}"),
            Received::Nothing | Received::End => bail!("it ended at once"),
        }
    }
}

impl AsFd for Host {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.orders.as_fd()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Errors would mean that it is dead and reaped, which is what is wanted. The wait ends when all in the PID
        // namespace have ended.
        let _ = self.init.signal(Signal::SIGKILL);
        let _ = self.init.wait();
    }
}
