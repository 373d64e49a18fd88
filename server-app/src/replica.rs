//! A replica of a service's state: the app, the answers it remembers and how far in the log it is. It applies requests
//! strictly in order, can be written down as a header beside its memory, and taken over from one.

use crate::answers::{Answer, Answers};
use crate::app::{App, Scan};
use crate::config::ServerConfig;
use crate::digest::Chain;
use crate::grid::Floor;
use crate::memory::Memory;
use crate::snapshot::{Cut, Header, HeaderError, VERSION};
use zerogap_proto::agv::Report;
use zerogap_proto::{Message, Offset};

/// All that can influence an answer.
#[derive(Clone, Debug)]
pub struct Replica<M> {
    app: App<M>,
    answers: Answers,
    floor: Floor,
    answers_remembered: u32,
}

impl<M: Memory> Replica<M> {
    /// The state before the first request, on memory that holds its prior. The configuration must have been checked.
    pub(crate) fn new(config: &ServerConfig, memory: M) -> Self {
        let (floor, answers_remembered) = (config.floor(), config.answers_remembered);
        let answers = Answers::new(answers_remembered, Offset(0));
        Self { app: App::new(memory, floor), answers, floor, answers_remembered }
    }

    /// Applies the request at [`Replica::next`]; its stamp is not looked at.
    pub fn apply(&mut self, request: &Message<'_>) -> Answer {
        let command = self.app.apply(&Report::from_body(request.body));
        let next = self.next().next();
        let answer = Answer {
            client: request.client,
            client_incarnation: request.client_incarnation,
            sequence: request.sequence,
            speed_mm_s: command.speed_mm_s,
            turn_mrad_s: command.turn_mrad_s,
            pose: command.pose,
            // The answer itself is remembered afterwards; it follows from the rest.
            digest: digest_of(command.digest, self.answers.digest(), next),
        };
        self.answers.remember(answer);
        answer
    }

    /// The answer given at `offset`, if it is remembered.
    pub fn answer_at(&self, offset: Offset) -> Option<&Answer> {
        self.answers.get(offset)
    }

    /// The offset of the first request that has not been applied.
    pub fn next(&self) -> Offset {
        self.answers.next()
    }

    /// Digest of all that can influence an answer, kept while it changes.
    pub fn digest(&self) -> u64 {
        digest_of(self.app.digest(), self.answers.digest(), self.next())
    }

    /// All of it but the memory.
    pub fn header(&self, cut: Cut) -> Header {
        Header {
            version: VERSION,
            cut,
            state_bytes: self.app.memory().len() as u64,
            prior: self.app.memory().prior(),
            floor: self.floor,
            next: self.next(),
            belief: self.app.belief(),
            answers_remembered: self.answers_remembered,
            answers: self.answers.iter().copied().collect(),
        }
    }

    /// Becomes the state that `header` and the memory hold together. Unchanged on error.
    pub fn adopt(&mut self, header: &Header, scan: Scan) -> Result<(), HeaderError> {
        let (theirs, ours) = (header.state_bytes, self.app.memory().len() as u64);
        if theirs != ours {
            return Err(HeaderError::StateBytes { theirs, ours });
        }
        let alike = header.prior == self.app.memory().prior()
            && header.floor == self.floor
            && header.answers_remembered == self.answers_remembered;
        if !alike {
            return Err(HeaderError::OtherApp);
        }
        let first = header.next.0.checked_sub(header.answers.len() as u64).ok_or(HeaderError::OutOfBounds)?;
        self.answers = Answers::new(self.answers_remembered, Offset(first));
        header.answers.iter().for_each(|&answer| self.answers.remember(answer));
        self.app.adopt(header.belief, scan);
        Ok(())
    }

    /// The app.
    pub const fn app(&self) -> &App<M> {
        &self.app
    }

    /// The app, for scrubbing, faults and transfers.
    pub(crate) const fn app_mut(&mut self) -> &mut App<M> {
        &mut self.app
    }
}

fn digest_of(app: u64, answers: u64, next: Offset) -> u64 {
    Chain::new(3).with(app).with(answers).with(next.0).finish()
}
