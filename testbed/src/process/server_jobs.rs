//! A server's jobs. What sends is a child, forked with an image of the memory; what receives is the server itself, on the core for
//! bulk work; what pulls is a child again, while the server goes on.

use crate::place::{Placement, Work};
use crate::process::child::{Child, Manner, Said};
use crate::process::jobs::Jobs;
use crate::process::receive::{Receive, Received};
use crate::process::source::{self, Source};
use crate::sys::clock::Clock;
use crate::sys::pidfd::PidFd;
use crate::sys::watch;
use nix::poll::{PollFd, PollFlags};
use std::os::fd::AsFd as _;
use zerogap_proto::{Endpoint, Image, Instant, Job, JobFailure, JobResult, Kind, Message, MigrationId};
use zerogap_server_app::{Region, Server};

/// A server's jobs.
#[derive(Debug)]
pub struct ServerJobs {
    transfer: Endpoint,
    placement: Placement,
    clock: Clock,
    job: Option<(MigrationId, Running)>,
    /// A pre-copy, between its rounds too.
    source: Option<Source>,
    /// Children that have been killed or are done, until they are reaped: freeing gigabytes takes them a while.
    ending: Vec<PidFd>,
    /// Whether this process serves other services too: then it stays where it is, whatever one of them does.
    shared: bool,
    /// Whether this process is on the core for bulk work.
    on_bulk_core: bool,
}

#[derive(Debug)]
enum Running {
    Send(Child),
    Receive(Box<Receive>),
    Pull(Child),
    /// The scan is the node's own work; the job is only its turn.
    Scan,
    Failed(JobFailure),
}

impl ServerJobs {
    /// Jobs of a server that waits for transfers at `transfer`. `shared`: its process is that of other servers too.
    pub const fn new(transfer: Endpoint, placement: Placement, clock: Clock, shared: bool) -> Self {
        let ending = Vec::new();
        Self { transfer, placement, clock, job: None, source: None, ending, shared, on_bulk_core: false }
    }

    const fn manner(&self, urgent: bool) -> Manner {
        Manner { placement: self.placement, clock: self.clock, urgent }
    }

    /// What is not serving must not take the request path's core from those that are: a spare, a restore, and the replay,
    /// which keeps a core busy for milliseconds.
    fn move_to(&mut self, work: Work) {
        let bulk = work == Work::Bulk;
        if bulk != self.on_bulk_core && !self.shared {
            // The core was there when the process started; if it has gone, any will do.
            let _ = self.placement.enter(work);
            self.on_bulk_core = bulk;
        }
    }

    fn begin(&mut self, server: &mut Server<Region>, job: Job) -> Result<Running, JobFailure> {
        match job {
            Job::Send { migration, header, targets, image } => {
                let manner = self.manner(image == Image::FullCopy);
                // Forking gigabytes takes milliseconds, which are not the request path's.
                self.move_to(Work::Bulk);
                let memory = server.memory_mut();
                let child = source::snapshot(migration, &header, &targets, image, memory, manner);
                self.move_to(Work::Request);
                child.map(Running::Send)
            }
            Job::Round { migration, targets } => {
                let manner = self.manner(true);
                let memory = server.memory_mut();
                let mut source = match self.source.take() {
                    Some(source) => source,
                    None => Source::new(migration, &targets, memory)?,
                };
                let child = source.round(memory, manner);
                self.source = Some(source);
                child.map(Running::Send)
            }
            Job::Finish { migration, header, targets, lazy } => {
                let manner = self.manner(true);
                let memory = server.memory_mut();
                let source = match self.source.take() {
                    Some(source) => source,
                    None => Source::new(migration, &targets, memory)?,
                };
                source.finish(&header, lazy, memory, manner).map(Running::Send)
            }
            Job::Receive { migration } => {
                self.move_to(Work::Bulk);
                let bytes = server.config().state_bytes;
                let receive = Receive::listen(migration, self.transfer, bytes);
                receive
                    .map(|receive| Running::Receive(Box::new(receive)))
                    .map_err(|_| JobFailure::Unreachable)
            }
            Job::Scan { .. } => Ok(Running::Scan),
        }
    }

    /// Ends what was being done for any migration but this one: of that, what goes from job to job.
    fn leave(&mut self, server: &mut Server<Region>, except: Option<MigrationId>) {
        if let Some((_, running)) = self.job.take() {
            self.end(server, running);
        }
        if self.source.take_if(|source| Some(source.migration()) != except).is_some() {
            server.memory_mut().unfollow();
        }
    }

    fn end(&mut self, server: &mut Server<Region>, running: Running) {
        match running {
            Running::Send(child) => self.ending.push(child.kill()),
            Running::Pull(child) => {
                watch::release();
                self.ending.push(child.kill());
                // The state is given up or complete.
                server.memory_mut().end_lazy();
            }
            Running::Receive(_) | Running::Scan | Running::Failed(_) => {}
        }
    }

    /// Goes on with the job; what it has come to. The job goes on if it is given back.
    fn go_on(
        &mut self,
        now: Instant,
        running: Running,
        server: &mut Server<Region>,
    ) -> Result<(Option<Running>, Option<JobResult>), JobFailure> {
        match running {
            Running::Scan => Ok((None, Some(JobResult::ScanNow))),
            Running::Failed(failure) => Err(failure),
            Running::Send(child) => self.hear(child, server),
            Running::Pull(child) => match child.said() {
                Some(Said::Failed(failure)) => {
                    // It ends this process in a moment; whoever touches what is missing waits until then.
                    self.ending.push(child.let_end());
                    Err(failure)
                }
                Some(Said::Pulled(pull)) => {
                    self.end(server, Running::Pull(child));
                    Ok((None, Some(JobResult::Pulled(pull))))
                }
                Some(Said::Taken | Said::Progress(_) | Said::Sent { .. } | Said::Round(_)) | None => {
                    Ok((Some(Running::Pull(child)), None))
                }
            },
            Running::Receive(mut receive) => match receive.turn(now, server)? {
                None => Ok((Some(Running::Receive(receive)), None)),
                Some(Received::Complete { header }) => Ok((None, Some(JobResult::Received { header }))),
                Some(Received::Usable { header, missing }) => {
                    let child = receive.pull(server, &missing, self.manner(true))?;
                    self.move_to(Work::Request);
                    Ok((Some(Running::Pull(child)), Some(JobResult::Usable { header })))
                }
            },
        }
    }

    fn hear(
        &mut self,
        child: Child,
        server: &mut Server<Region>,
    ) -> Result<(Option<Running>, Option<JobResult>), JobFailure> {
        let result = match child.said() {
            None | Some(Said::Pulled(_)) => return Ok((Some(Running::Send(child)), None)),
            Some(Said::Taken) => return Ok((Some(Running::Send(child)), Some(JobResult::Taken))),
            Some(Said::Progress(progress)) => {
                return Ok((Some(Running::Send(child)), Some(JobResult::Progress(progress))));
            }
            Some(Said::Sent { bytes }) => Ok(JobResult::Sent { bytes }),
            Some(Said::Failed(failure)) => Err(failure),
            Some(Said::Round(round)) => match &mut self.source {
                Some(source) => source.round_done(round, server.memory_mut()).map(JobResult::Round),
                None => Err(JobFailure::Protocol),
            },
        };
        self.ending.push(child.kill());
        result.map(|result| (None, Some(result)))
    }
}

impl Jobs<Server<Region>> for ServerJobs {
    /// The first request that is no replay tells that the server has caught up.
    fn hears(&mut self, server: &Server<Region>, payload: &[u8]) {
        if self.on_bulk_core && self.job.is_none() && server.holds_state() {
            let caught_up = Message::parse(payload)
                .is_some_and(|message| message.kind == Kind::Request && !message.stamp.replayed);
            if caught_up {
                self.move_to(Work::Request);
            }
        }
    }

    fn start(&mut self, server: &mut Server<Region>, job: Job) {
        let migration = job.migration();
        self.leave(server, Some(migration));
        let running = self.begin(server, job).unwrap_or_else(Running::Failed);
        self.job = Some((migration, running));
    }

    fn cancel(&mut self, server: &mut Server<Region>, migration: MigrationId) {
        let job = self.job.as_ref().map(|(of, _)| *of);
        let source = self.source.as_ref().map(Source::migration);
        if [job, source].contains(&Some(migration)) {
            self.leave(server, None);
        }
    }

    fn waits_for<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) {
        let job = match &self.job {
            Some((_, Running::Send(child) | Running::Pull(child))) => Some(child.as_fd()),
            Some((_, Running::Receive(receive))) => Some(receive.as_fd()),
            Some((_, Running::Scan | Running::Failed(_))) | None => None,
        };
        let all = job.into_iter().chain(self.ending.iter().map(PidFd::as_fd));
        fds.extend(all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)));
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.job {
            Some((_, Running::Receive(receive))) => receive.deadline(),
            Some((_, Running::Scan | Running::Failed(_))) => Some(Instant::ZERO),
            Some((_, Running::Send(_) | Running::Pull(_))) | None => None,
        }
    }

    /// A spare has yet to give way on the request path's core.
    fn are_busy(&self, server: &Server<Region>) -> bool {
        let in_the_way = !self.shared && !self.on_bulk_core && !server.holds_state();
        self.job.is_some() || !self.ending.is_empty() || in_the_way
    }

    fn turn(&mut self, now: Instant, server: &mut Server<Region>) -> Option<(MigrationId, JobResult)> {
        self.ending.retain(|child| matches!(child.try_wait(), Ok(None)));
        let Some((migration, running)) = self.job.take() else {
            if !server.holds_state() {
                self.move_to(Work::Bulk);
            }
            return None;
        };
        let result = match self.go_on(now, running, server) {
            Ok((running, result)) => {
                self.job = running.map(|running| (migration, running));
                result
            }
            Err(failure) => {
                self.leave(server, None);
                Some(JobResult::Failed(failure))
            }
        };
        result.map(|result| (migration, result))
    }
}
