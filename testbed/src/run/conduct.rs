//! The main thread's loop during a run: messages between processes and threads, the ends of processes and their new lives, the
//! director's actions, and the recorder.

use super::Ended;
use super::cast::Cast;
use super::stage::Stage;
use crate::host::Report;
use crate::place::Placement;
use crate::process::{Lost, Up};
use crate::sys::clock::{Clock, timeout};
use crate::sys::packet::Received;
use crate::worker::Mail;
use anyhow::{Context as _, Result, bail};
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::signal::Signal;
use std::os::fd::AsFd as _;
use zerogap_proto::{Control, Duration, Event, Incarnation, Instant, NodeId, ServerCommand};
use zerogap_scenario::director::RESPAWN_AFTER;
use zerogap_scenario::file::Fault;
use zerogap_scenario::{Action, Director, Recorder, Scenario};

/// How long the servers and the anchor may take for their last reports.
const LAST_REPORTS: Duration = Duration::from_millis(300);

/// Services that are asked for their last reports at one time, and how long their answers take: all at once would not fit the
/// processes' sockets.
const REPORTS_AT_ONCE: usize = 50;
const SOME_REPORTS: Duration = Duration::from_millis(10);

/// Something that the conductor does later.
enum Later {
    Respawn(NodeId),
    Resume(NodeId),
    WireUp(String),
}

/// The main thread of a run.
pub(super) struct Conductor<'a> {
    scenario: &'a Scenario,
    stage: Stage,
    cast: Cast,
    clock: Clock,
    director: Director,
    recorder: Recorder,
    later: Vec<(Instant, Later)>,
    fresh: Vec<(Instant, NodeId, Event)>,
    lost: Lost,
}

impl<'a> Conductor<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        mut stage: Stage,
        placement: Placement,
        clock: Clock,
    ) -> Result<Self> {
        let cast = Cast::start(scenario, &mut stage, placement, clock)?;
        let director = Director::new(&scenario.testbed, clock.now());
        Ok(Self {
            scenario,
            stage,
            cast,
            clock,
            director,
            recorder: Recorder::new(scenario),
            later: Vec::new(),
            fresh: Vec::new(),
            lost: Lost::default(),
        })
    }

    /// Lets all processes begin and conducts the run to its end.
    pub(super) fn conduct(mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) -> Result<Ended> {
        let first = self.scenario.topology.first();
        for &host in first.servers.iter().chain([&first.client]) {
            self.stage.begin(host)?;
        }
        while !self.turn(watch)? {}
        self.last_reports(watch)?;
        if self.lost.records > 0 {
            bail!(
                "{} measurements were lost on their way: the machine is too busy to believe the rest",
                self.lost.records
            );
        }
        drop(self.stage);
        Ok((self.recorder, self.cast.stop()))
    }

    /// One round. `true`: the run is over.
    fn turn(&mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) -> Result<bool> {
        self.wait(None);
        self.read_mail();
        self.hear_processes()?;
        self.hear_hosts()?;
        self.do_what_is_due()?;
        self.write_down(watch);
        self.director.tick(self.clock.now());
        while let Some(action) = self.director.poll() {
            match action {
                Action::Strike(fault) => self.strike(&fault)?,
                Action::StopClient(service) => {
                    let t = &self.scenario.topology;
                    if let Some(member) = t.member(service) {
                        self.stage.control(t.driver, member.client, Control::Stop);
                    }
                }
                Action::End { .. } => return Ok(true),
            }
        }
        self.write_down(watch);
        Ok(false)
    }

    fn wait(&self, at_most: Option<Instant>) {
        let later = self.later.iter().map(|(at, _)| *at);
        let until = later.chain(self.director.deadline()).chain(at_most).min();
        let mut fds = vec![PollFd::new(self.cast.mailbox.as_fd(), PollFlags::POLLIN)];
        for actor in self.stage.actors.values() {
            fds.push(PollFd::new(actor.host.as_fd(), PollFlags::POLLIN));
            fds.extend(actor.process.iter().map(|process| PollFd::new(process.as_fd(), PollFlags::POLLIN)));
        }
        // An interrupted wait is a short one.
        let _ = ppoll(&mut fds, until.map(|at| timeout(self.clock.until(at))), None);
    }

    fn read_mail(&mut self) {
        while let Some(mail) = self.cast.mailbox.take() {
            match mail {
                Mail::Control { from, to, message } => {
                    self.recorder.sniff(&message);
                    self.stage.control(from, to, message);
                }
                Mail::Event { at, who, event } => self.fresh.push((at, who, event)),
                // Not for the main thread.
                Mail::Wire { .. } | Mail::Restart | Mail::Stop => {}
            }
        }
    }

    fn hear_processes(&mut self) -> Result<()> {
        let hosts: Vec<NodeId> = self.stage.houses.hosts().collect();
        for host in hosts {
            while let Some(up) = self.hear(host)? {
                match up {
                    Up::Ready => self.begin_new_life(host)?,
                    Up::Control { from, to, message } => {
                        self.recorder.sniff(&message);
                        self.cast.post.control(from, to, message);
                    }
                    Up::Event { at, who, event } => self.fresh.push((at, who, event)),
                    Up::Records(records) => {
                        records.into_iter().for_each(|(of, record)| self.recorder.record(of, record));
                    }
                    Up::Lost(lost) => self.lost.records += lost.records,
                }
            }
        }
        Ok(())
    }

    /// The next message of a host's process. A socket that is at its end is closed; the host tells why.
    fn hear(&mut self, host: NodeId) -> Result<Option<Up>> {
        let Some(actor) = self.stage.actors.get_mut(&host) else { return Ok(None) };
        let Some(process) = &actor.process else { return Ok(None) };
        let name = &actor.host.name;
        match process.try_receive().with_context(|| format!("{name} cannot be understood"))? {
            Received::Message(up, _) => Ok(Some(up)),
            Received::Nothing => Ok(None),
            Received::End => {
                actor.process = None;
                Ok(None)
            }
        }
    }

    fn begin_new_life(&mut self, host: NodeId) -> Result<()> {
        let Some(life) = self.stage.actors.get(&host).map(|actor| actor.life) else { return Ok(()) };
        let (now, driver) = (self.clock.now(), self.scenario.topology.driver);
        let up = |server: &NodeId| {
            let incarnation = Incarnation::of_life(life);
            (now, driver, Event::ServerUp { server: *server, incarnation })
        };
        self.fresh.extend(self.stage.houses.nodes(host).iter().map(up));
        self.stage.begin(host)
    }

    fn hear_hosts(&mut self) -> Result<()> {
        let hosts: Vec<NodeId> = self.stage.houses.hosts().collect();
        for node in hosts {
            while let Some(report) =
                self.stage.actors.get_mut(&node).map(|actor| actor.host.report()).transpose()?
            {
                let Some(report) = report else { break };
                let name = self.scenario.topology.names.name(node);
                match report {
                    Report::Ended { life, ending } if node == self.scenario.topology.first().client => {
                        bail!("the AGV's process (life {life}) {ending} before the run was over");
                    }
                    Report::Ended { .. } => self.server_ended(node)?,
                    Report::Gone => bail!("the host of {name} has ended before the run was over"),
                    Report::Failed(why) => bail!("the host of {name} could not do as told: {why}"),
                    Report::Booted | Report::Configured | Report::Started { .. } => {}
                }
            }
        }
        Ok(())
    }

    /// A host's process is gone, and with it all servers that it was: what they said last comes first, then the news, and a new
    /// process later.
    fn server_ended(&mut self, host: NodeId) -> Result<()> {
        self.hear_processes()?;
        if let Some(actor) = self.stage.actors.get_mut(&host) {
            actor.process = None;
        }
        let (t, now) = (&self.scenario.topology, self.clock.now());
        for &server in self.stage.houses.nodes(host) {
            self.fresh.push((now, t.driver, Event::ServerLost { server }));
            if let Some(member) = t.member_of(server) {
                self.cast.post.control(t.driver, member.edge, Control::ServerLost { server });
            }
        }
        self.later.push((now + RESPAWN_AFTER, Later::Respawn(host)));
        Ok(())
    }

    fn do_what_is_due(&mut self) -> Result<()> {
        let now = self.clock.now();
        for (_, later) in self.later.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>() {
            match later {
                Later::Respawn(node) => {
                    let life = self.stage.actors.get(&node).map_or(0, |actor| actor.life + 1);
                    self.stage.start_process(self.scenario, node, life)?;
                }
                Later::Resume(node) => {
                    self.stage.signal(node, Signal::SIGCONT)?;
                    self.fresh.push((now, node, Event::Fault { node, what: "goes on".into() }));
                }
                Later::WireUp(name) => self.cast.set_wire(&name, true),
            }
        }
        Ok(())
    }

    fn strike(&mut self, fault: &Fault) -> Result<()> {
        let now = self.clock.now();
        let t = &self.scenario.topology;
        let id = |name: &str| t.names.id(name).unwrap_or(t.driver);
        let mut told = |node: NodeId, what: String| self.fresh.push((now, node, Event::Fault { node, what }));
        match fault {
            Fault::Kill { node, .. } => {
                told(id(node), "killed".into());
                self.stage.signal(id(node), Signal::SIGKILL)?;
            }
            Fault::Stop { node, r#for, .. } => {
                told(id(node), format!("stopped for {}", r#for.0));
                self.stage.signal(id(node), Signal::SIGSTOP)?;
                self.later.push((now + r#for.0, Later::Resume(id(node))));
            }
            Fault::FlipBit { node, byte, bit, at_restore, .. } => {
                let (byte, bit, at_restore) = (*byte, *bit, *at_restore);
                let when = if at_restore { "armed for the restore" } else { "now" };
                told(id(node), format!("bit {bit} of byte {byte} flips, {when}"));
                let command = ServerCommand::FlipBit { byte, bit, at_restore };
                self.stage.control(t.first().edge, id(node), Control::Server(command));
            }
            Fault::RestartControllers { .. } => {
                told(t.sdn, "restarted".into());
                told(t.first().edge, "restarted".into());
                self.cast.restart_controllers();
            }
            Fault::LinkDown { link, r#for, .. } => {
                told(t.driver, format!("link {link} is down for {}", r#for.0));
                self.cast.set_wire(link, false);
                self.later.push((now + r#for.0, Later::WireUp(link.clone())));
            }
        }
        Ok(())
    }

    fn write_down(&mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) {
        let now = self.clock.now();
        for (at, who, event) in std::mem::take(&mut self.fresh) {
            watch(at, who, &event);
            self.director.watch(now, &event);
            self.recorder.event(at, who, event);
        }
    }

    /// Asks everybody for a last report, now that no request is under way.
    fn last_reports(&mut self, watch: &mut dyn FnMut(Instant, NodeId, &Event)) -> Result<()> {
        let t = &self.scenario.topology;
        for members in t.fleet.chunks(REPORTS_AT_ONCE) {
            for member in members {
                for &server in &member.servers {
                    self.stage.control(member.edge, server, Control::Server(ServerCommand::Report));
                }
                let query = Control::QueryService(member.service);
                self.cast.post.control(t.sdn, member.anchor, query);
            }
            let all_asked = t.fleet.last() == members.last();
            self.listen(if all_asked { LAST_REPORTS } else { SOME_REPORTS }, watch)?;
        }
        Ok(())
    }

    /// Writes down what comes in for so long.
    fn listen(&mut self, length: Duration, watch: &mut dyn FnMut(Instant, NodeId, &Event)) -> Result<()> {
        let until = self.clock.now() + length;
        while self.clock.now() < until {
            self.wait(Some(until));
            self.read_mail();
            self.hear_processes()?;
            self.write_down(watch);
        }
        Ok(())
    }
}
