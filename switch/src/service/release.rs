//! The way out: an answer goes into its ballot, the selected one is released to the client at once, copies are compared
//! afterwards. An answer acknowledges its offset, so it also moves the reader and, at the head, lets the review count.

use super::ballot::Answer;
use super::copy::Released;
use super::selection::choose;
use super::{Disposition, Effect, Service};
use zerogap_proto::address::virtual_mac;
use zerogap_proto::frame::Datagram;
use zerogap_proto::{DropCause, DropReason, Event, Frame, Health, Instant, Kind, Message, NodeId, Offset};

impl Service {
    /// Takes what a server sent: an answer, or word that it expects or has forgotten an offset.
    pub fn answer(
        &mut self,
        now: Instant,
        server: NodeId,
        frame: &Frame,
        datagram: &Datagram<'_>,
        message: &Message<'_>,
    ) -> Disposition {
        let offset = message.stamp.offset;
        let reader = self.readers.get_mut(&server).ok_or(DropReason::RogueAnswer)?;
        if reader.incarnation != message.stamp.incarnation {
            return Err(DropReason::RogueAnswer);
        }
        match message.kind {
            Kind::Request => Err(DropReason::RogueAnswer),
            Kind::Answer if offset >= reader.next() || offset < reader.start() => {
                Err(DropReason::RogueAnswer)
            }
            Kind::Answer => {
                if offset < reader.unanswered() {
                    reader.repeated(offset, self.config.resend_after);
                }
                let answer = Answer { server, frame: frame.clone(), payload_at: datagram.payload_at };
                let taken = self.take_answer(now, offset, answer, message);
                self.tally.duplicates += u64::from(taken == Err(DropReason::DuplicateAnswer));
                taken
            }
            Kind::Expect => {
                self.expect(now, server, offset);
                Ok(())
            }
            Kind::Forgotten if offset < reader.unanswered() => Err(DropReason::DuplicateAnswer),
            Kind::Forgotten => {
                self.drop_reader(now, server, DropCause::Forgot);
                Ok(())
            }
        }
    }

    fn take_answer(
        &mut self,
        now: Instant,
        offset: Offset,
        answer: Answer,
        message: &Message<'_>,
    ) -> Disposition {
        let server = answer.server;
        // What is no longer in the log was answered by every reader, so this is a repeat.
        let entry = self.log.get_mut(offset).ok_or(DropReason::DuplicateAnswer)?;
        let same_request = entry.client.id == message.client && entry.sequence == message.sequence;
        if !same_request {
            return Err(DropReason::RogueAnswer);
        }
        if !entry.ballot.vote(answer) {
            return Err(DropReason::DuplicateAnswer);
        }
        if let Some(reader) = self.readers.get_mut(&server) {
            let log = &self.log;
            reader.advance(now, self.config.resend_after, |o| {
                log.get(o).is_some_and(|entry| entry.ballot.has_answer_of(server))
            });
        }
        self.fell_back(server, offset);
        if !self.release_if_chosen(now, offset) {
            self.compare_standby(now, offset, server);
        }
        self.pump(now, server);
        self.mark_if_drained();
        self.judge_due(now);
        self.advance_migration(now);
        self.trim();
        Ok(())
    }

    /// Releases the answer at `offset` if selection has one and none has gone out yet, and holds all others against it; `true` if it
    /// has done so.
    pub(super) fn release_if_chosen(&mut self, now: Instant, offset: Offset) -> bool {
        let serving = self.serving_health();
        let Some(entry) = self.log.get_mut(offset) else { return false };
        if entry.ballot.released().is_some() {
            return false;
        }
        let Some(server) = choose(self.config.selection, &serving, &entry.ballot) else { return false };
        let Some(answer) = entry.ballot.release(server) else { return false };
        let frame = readdressed(answer, self.config.id);
        let (client, missing) = (entry.client, serving[0].0);
        let failed_over = entry.ballot.is_timed_out() && server != missing;
        if let Some(ingress) = self.admission.ingress(client) {
            self.effects.push_back(Effect::ToClient(Released { port: ingress.port, server, offset, frame }));
        }
        self.tally.released += 1;
        if let Some(reader) = self.readers.get_mut(&server) {
            reader.released += 1;
        }
        if failed_over {
            self.event(Event::FailedOver { service: self.config.id, offset, missing, released: server });
        }
        while self.log.get(self.unreleased).is_some_and(|entry| entry.ballot.released().is_some()) {
            self.unreleased = self.unreleased.next();
        }
        for &(other, _) in &serving {
            self.compare_standby(now, offset, other);
        }
        self.advance_migration(now);
        true
    }

    /// Gives every offset without a released answer another chance, after roles have changed.
    pub(super) fn release_all(&mut self, now: Instant) {
        let mut offset = self.unreleased;
        while offset < self.log.head() {
            self.release_if_chosen(now, offset);
            offset = offset.next();
        }
    }

    /// If a serving server's answer differs from the released one, the released one is believed and the other server is
    /// quarantined. (A replica that failed its own scrub is quarantined by order before its answers can be preferred.)
    /// What a quarantined one told the client as a last resort proves nothing against others.
    fn compare_standby(&mut self, now: Instant, offset: Offset, server: NodeId) {
        let quarantined =
            |server: NodeId| self.readers.get(&server).is_some_and(|r| r.health == Health::Quarantined);
        let released = self.log.get(offset).and_then(|entry| entry.ballot.released());
        if !self.serving.contains(&server) || quarantined(server) || released.is_some_and(quarantined) {
            return;
        }
        if released == Some(server) {
            return;
        }
        match self.log.get(offset).and_then(|entry| entry.ballot.compare(server)) {
            None => {}
            Some(None) => {
                self.tally.agreed += 1;
                if let Some(reader) = self.readers.get_mut(&server) {
                    reader.agreed += 1;
                }
            }
            Some(Some(difference)) => {
                self.tally.disagreed += 1;
                self.event(Event::Disagreed { service: self.config.id, server, offset, difference });
                self.quarantine(server);
                self.promote_if_needed(now);
            }
        }
    }

    fn expect(&mut self, now: Instant, server: NodeId, expected: Offset) {
        use super::reader::Rewind;
        let after = self.config.resend_after;
        let Some(reader) = self.readers.get_mut(&server) else { return };
        match reader.rewind(now, expected, after) {
            Rewind::Rewound => self.pump(now, server),
            Rewind::Ignored => {}
            Rewind::Forgot => self.drop_reader(now, server, DropCause::Forgot),
        }
    }
}

/// The answer as the client gets it: it comes from the service, never from a server.
fn readdressed(answer: &Answer, service: zerogap_proto::ServiceId) -> Frame {
    let mut bytes = answer.frame.to_vec();
    bytes[6..12].copy_from_slice(&virtual_mac(service).0);
    bytes.into()
}
