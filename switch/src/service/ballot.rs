//! A ballot: what each reader answered at one offset, and whether an answer has gone to the client. It never holds an
//! answer back; it only remembers, so that copies can be compared later.

use zerogap_proto::message::{Difference, difference};
use zerogap_proto::{Frame, Instant, NodeId};

/// One reader's answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Who answered.
    pub server: NodeId,
    /// The frame that carried it.
    pub frame: Frame,
    /// Where the message begins in the frame.
    pub payload_at: usize,
}

impl Answer {
    fn message(&self) -> &[u8] {
        &self.frame[self.payload_at..]
    }
}

/// The answers to one request.
#[derive(Clone, Debug, Default)]
pub struct Ballot {
    answers: Vec<Answer>,
    released: Option<NodeId>,
    sent: Option<Instant>,
    timed_out: bool,
}

impl Ballot {
    /// Notes that the request went out to a serving reader; the first time counts.
    pub fn note_sent(&mut self, now: Instant) {
        self.sent.get_or_insert(now);
    }

    /// When the request first went out to a serving reader.
    pub fn sent(&self) -> Option<Instant> {
        self.sent
    }

    /// Everybody who was asked is given up, and this server is asked instead: forgets all answers, and that it was sent. If one
    /// has gone to the client no other one will; this server's stands for it in comparisons.
    pub fn ask_anew(&mut self, server: NodeId) {
        self.answers.clear();
        self.sent = None;
        self.timed_out = false;
        self.released = self.released.map(|_| server);
    }

    /// Takes an answer; `false` if this server has answered before, and then nothing changes.
    pub fn vote(&mut self, answer: Answer) -> bool {
        let first = !self.has_answer_of(answer.server);
        if first {
            self.answers.push(answer);
        }
        first
    }

    /// Whether the server has answered.
    pub fn has_answer_of(&self, server: NodeId) -> bool {
        self.answer_of(server).is_some()
    }

    /// The server's answer.
    pub fn answer_of(&self, server: NodeId) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.server == server)
    }

    /// Whose answer went to the client.
    pub fn released(&self) -> Option<NodeId> {
        self.released
    }

    /// Chooses the answer that goes to the client. Must be called once at most, with a server that has answered.
    pub fn release(&mut self, server: NodeId) -> Option<&Answer> {
        if self.released.is_some() {
            return None;
        }
        let answer = self.answers.iter().find(|answer| answer.server == server)?;
        self.released = Some(server);
        Some(answer)
    }

    /// Notes that the time for the preferred answer is up.
    pub fn time_out(&mut self) {
        self.timed_out = true;
    }

    /// Whether the time for the preferred answer is up.
    pub fn is_timed_out(&self) -> bool {
        self.timed_out
    }

    /// How the server's answer differs from the released one. `None` while either is missing; `Some(None)`: they agree.
    pub fn compare(&self, server: NodeId) -> Option<Option<Difference>> {
        let released = self.answer_of(self.released?)?;
        let answer = self.answer_of(server)?;
        Some(difference(released.message(), answer.message()))
    }

    /// Whether two servers' answers are both here and equal.
    pub fn agree(&self, a: NodeId, b: NodeId) -> bool {
        match (self.answer_of(a), self.answer_of(b)) {
            (Some(a), Some(b)) => difference(a.message(), b.message()).is_none(),
            (None, _) | (_, None) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(server: u16, text: &[u8; 50]) -> Answer {
        Answer { server: NodeId(server), frame: Frame::new(text), payload_at: 0 }
    }

    #[test]
    fn one_answer_a_server_and_one_release_a_ballot() {
        let mut ballot = Ballot::default();
        assert!(ballot.vote(answer(1, &[7; 50])));
        assert!(!ballot.vote(answer(1, &[8; 50])), "the first answer stands");
        assert!(ballot.release(NodeId(2)).is_none(), "has not answered");
        assert!(ballot.release(NodeId(1)).is_some());
        assert!(ballot.vote(answer(2, &[7; 50])));
        assert!(ballot.release(NodeId(2)).is_none(), "one has gone out already");
        assert_eq!(ballot.released(), Some(NodeId(1)));
    }

    #[test]
    fn who_is_asked_anew_is_not_held_against_those_who_were_given_up_and_nothing_is_released_twice() {
        let mut ballot = Ballot::default();
        ballot.note_sent(Instant::ZERO);
        ballot.vote(answer(1, &[7; 50]));
        ballot.release(NodeId(1));
        ballot.ask_anew(NodeId(2));
        assert_eq!((ballot.sent(), ballot.has_answer_of(NodeId(1))), (None, false));
        assert!(ballot.vote(answer(2, &[8; 50])));
        assert_eq!(ballot.compare(NodeId(2)), Some(None));
        assert!(ballot.release(NodeId(2)).is_none(), "one has gone out already");
        let mut open = Ballot::default();
        open.vote(answer(1, &[7; 50]));
        open.ask_anew(NodeId(2));
        assert!(open.vote(answer(2, &[7; 50])) && open.release(NodeId(2)).is_some());
    }

    #[test]
    fn comparison_needs_both_and_names_the_difference() {
        let mut ballot = Ballot::default();
        ballot.vote(answer(1, &[7; 50]));
        assert_eq!(ballot.compare(NodeId(1)), None, "nothing is released yet");
        ballot.release(NodeId(1));
        assert_eq!(ballot.compare(NodeId(2)), None, "no answer yet");
        let mut other = [7; 50];
        other[2] = 9;
        ballot.vote(answer(2, &other));
        assert_eq!(ballot.compare(NodeId(2)), Some(Some(Difference { at: 2, len: 1 })));
        assert_eq!(ballot.compare(NodeId(1)), Some(None));
    }
}
