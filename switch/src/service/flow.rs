//! The way in: a request is admitted, gets its offset, and goes out to every reader that may have it.

use super::admission::{AdmissionError, ClientKey, Ingress};
use super::ballot::Ballot;
use super::copy::RequestCopy;
use super::log::Entry;
use super::{Disposition, Effect, Service};
use zerogap_proto::frame::Datagram;
use zerogap_proto::{DropReason, Event, Frame, Instant, Message, NodeId, Offset, Stamp};

impl Service {
    /// Takes a client's request. `frame` is the frame that `datagram` and `message` were parsed from.
    pub fn request(
        &mut self,
        now: Instant,
        frame: &Frame,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
        ingress: Ingress,
    ) -> Disposition {
        let key = ClientKey { endpoint: datagram.src, id: message.client };
        if let Err(error) = self.admission.check(key, message.client_incarnation, message.sequence) {
            self.tally.duplicates += u64::from(error == AdmissionError::Duplicate);
            return Err(match error {
                AdmissionError::Duplicate => DropReason::DuplicateRequest,
                AdmissionError::Stale => DropReason::StaleRequest,
                AdmissionError::TooManyClients => DropReason::TooManyClients,
            });
        }
        if !self.make_room(now) {
            return Err(DropReason::LogFull);
        }
        let entry = Entry {
            client: key,
            sequence: message.sequence,
            frame: frame.clone(),
            ballot: Ballot::default(),
        };
        self.log.append(entry).ok_or(DropReason::LogFull)?;
        self.admission.admit(key, message.client_incarnation, message.sequence, ingress);
        if self.ingress != Some(ingress.switch) {
            self.ingress = Some(ingress.switch);
            self.effects.push_back(Effect::StatusChanged);
        }
        self.pump_all(now);
        Ok(())
    }

    /// Sends every reader what its window allows, the serving ones first and the primary before all.
    pub(super) fn pump_all(&mut self, now: Instant) {
        for index in 0..self.serving.len() {
            self.pump(now, self.serving[index]);
        }
        let others: Vec<NodeId> =
            self.readers.keys().copied().filter(|s| !self.serving.contains(s)).collect();
        for server in others {
            self.pump(now, server);
        }
    }

    /// Sends one reader what its window allows.
    pub(super) fn pump(&mut self, now: Instant, server: NodeId) {
        let (head, window) = (self.log.head(), self.config.window);
        while let Some((offset, replayed)) =
            self.readers.get_mut(&server).and_then(|reader| reader.take_next(now, head, window))
        {
            self.send(now, server, offset, replayed);
        }
        let Some(reader) = self.readers.get_mut(&server) else { return };
        if reader.reach(head) {
            let replayed = reader.replayed();
            self.event(Event::Live { service: self.config.id, server, at: head, replayed });
            self.targets_may_be_live(now);
        }
    }

    /// Sends again what has been unanswered for too long.
    pub(super) fn resend_overdue(&mut self, now: Instant) {
        let after = self.config.resend_after;
        let due: Vec<(NodeId, Offset)> = self
            .readers
            .values_mut()
            .filter_map(|reader| reader.take_resend(now, after).map(|offset| (reader.server, offset)))
            .collect();
        for (server, offset) in due {
            self.send(now, server, offset, true);
        }
    }

    /// Sends one request, stamped and readdressed, to one server.
    fn send(&mut self, now: Instant, server: NodeId, offset: Offset, replayed: bool) {
        let epoch = self.epoch;
        let serves = self.serving.contains(&server);
        let Some(reader) = self.readers.get(&server) else { return };
        let Some(entry) = self.log.get_mut(offset) else { return };
        let stamp = Stamp { incarnation: reader.incarnation, epoch, offset, replayed };
        let (service, request) = (self.config.id, entry.frame.clone());
        if serves {
            entry.ballot.note_sent(now);
        }
        self.effects.push_back(Effect::ToServer(RequestCopy { server, stamp, service, request }));
    }
}
