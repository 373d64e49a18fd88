//! What becomes of one frame: by its flow if there are flows, else as a learning switch has it. Counts its copies, or why there
//! are none.

use super::exits::Exits;
use super::worker::Mine;
use super::{Shared, clock};
use crate::bridge::{Books, Verdict};
use crate::offload::Offload;
use crate::table::{Arrival, Cache, Destination, Fate, Flow, Key, Outlet, Tables, Unsent};
use std::sync::atomic::Ordering;
use zerogap_proto::{DropReason, PortId};

/// The way out of the frame under way.
pub(super) struct Out<'a> {
    pub(super) shared: &'a Shared,
    pub(super) books: &'a Books,
    pub(super) exits: &'a mut Exits,
    /// The port that it came in by.
    pub(super) mine: &'a mut Mine,
    /// Copies so far.
    pub(super) copies: u64,
    /// Whether it has ended here on purpose: with a service or the controller.
    pub(super) taken: bool,
    /// Why there are none, if there are none.
    pub(super) refused: DropReason,
    /// The flow that it belongs to.
    pub(super) flow: Option<&'a Flow>,
    /// What became of it, for the capture of the port that it came in by; `None` without one.
    pub(super) story: Option<String>,
}

impl<'a> Out<'a> {
    /// As a learning switch has it.
    #[inline]
    pub(super) fn normal(&mut self, frame: &[u8], offload: Offload) {
        let now_s = self.shared.now_s.load(Ordering::Relaxed);
        match self.shared.bridge.decide(frame, self.mine.id, now_s) {
            Verdict::To(exit) => self.copy(exit, frame, offload),
            Verdict::Flood => self.flood(frame, offload),
            Verdict::Drop(reason) => self.refused = reason,
        }
    }

    /// By the flow that it belongs to.
    pub(super) fn by_flow(
        &mut self,
        tables: &'a Tables,
        cache: &mut Cache,
        scratch: &mut Vec<u8>,
        worker: usize,
        frame: &[u8],
        offload: Offload,
    ) {
        let Some(key) = Key::parse(self.mine.id, frame) else {
            self.refused = DropReason::Malformed;
            return;
        };
        let Some(flow) = cache.find(tables, &key) else {
            self.refused = DropReason::NoRoute;
            return;
        };
        self.flow = Some(flow);
        let now = clock::roughly();
        self.shared.flow_counters[worker].count(flow, now, frame.len());
        let arrival = Arrival { key: &key, frame, offload };
        if let Fate::Unsent(reason) = tables.execute(now, arrival, flow.actions(), scratch, self) {
            self.refused = match reason {
                Unsent::ByFlow => DropReason::Denied,
                Unsent::Metered => DropReason::Policed,
                Unsent::NoLiveBucket => DropReason::LinkDown,
                Unsent::Unfit => DropReason::Malformed,
                Unsent::Hairpin => DropReason::Hairpin,
            };
        }
    }

    fn flood(&mut self, frame: &[u8], offload: Offload) {
        let ports = self.shared.ports.len() as u16;
        if ports < 2 {
            self.refused = DropReason::NoRoute;
        } else if !self.mine.storm.admits(clock::roughly()) {
            self.refused = DropReason::Storm;
        } else {
            self.tell("flood");
            let own = self.mine.id;
            (0..ports)
                .map(PortId)
                .filter(|exit| *exit != own)
                .for_each(|exit| self.copy(exit, frame, offload));
        }
    }

    #[inline]
    fn copy(&mut self, exit: PortId, frame: &[u8], offload: Offload) {
        self.copies += 1;
        let sent = self.exits.send(&self.shared.ports, self.books, exit, frame, offload);
        if self.story.is_some() || self.shared.captures[usize::from(exit.0)].is_some() {
            self.record_copy(exit, frame, sent);
        }
    }
}

impl Outlet for Out<'_> {
    fn send(&mut self, to: Destination, frame: &[u8], offload: Offload) {
        match to {
            Destination::Port(exit) => self.copy(exit, frame, offload),
            Destination::Flood => self.flood(frame, offload),
            Destination::Normal => self.normal(frame, offload),
            Destination::Service(id) => self.service(id, frame, offload),
            Destination::Controller => self.controller(frame),
        }
    }

    fn is_up(&self, port: PortId) -> bool {
        self.shared.up.get(usize::from(port.0)).is_some_and(|up| up.load(Ordering::Relaxed))
    }
}
