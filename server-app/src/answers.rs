//! The last answers that a server gave, by offset. They belong to the state: a repeat of a request is answered from them,
//! by whoever holds the state then. Their digest is kept while they come and go.

use crate::digest::Chain;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use zerogap_proto::agv::{Command, Pose};
use zerogap_proto::{ClientId, Incarnation, Offset, Sequence};

/// Most answers that can be remembered: so many fit the header of a snapshot.
pub const ANSWERS_MAX: u32 = 1_024;

/// One answer: whom it was for and what it said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Who asked.
    pub client: ClientId,
    /// The client's life.
    pub client_incarnation: Incarnation,
    /// The client's number for the request.
    pub sequence: Sequence,
    /// Forward speed.
    pub speed_mm_s: i32,
    /// Rate of turn.
    pub turn_mrad_s: i32,
    /// The corrected pose.
    pub pose: Pose,
    /// Digest of the state after the request.
    pub digest: u64,
}

impl Answer {
    /// What it told the AGV.
    pub const fn command(&self) -> Command {
        let Self { speed_mm_s, turn_mrad_s, pose, digest, .. } = *self;
        Command { speed_mm_s, turn_mrad_s, pose, digest }
    }

    fn hash_at(&self, offset: Offset) -> u64 {
        let Pose { x_mm, y_mm, heading_mrad } = self.pose;
        let words = [
            offset.0,
            u64::from(self.client.0) << 32 | u64::from(self.client_incarnation.0),
            self.sequence.0,
            self.digest,
        ];
        let chain = words.into_iter().fold(Chain::new(2), Chain::with);
        [self.speed_mm_s, self.turn_mrad_s, x_mm, y_mm, heading_mrad]
            .into_iter()
            .fold(chain, Chain::with_signed)
            .finish()
    }
}

/// A window of answers without gaps, up to the newest.
#[derive(Clone, Debug)]
pub struct Answers {
    held: VecDeque<Answer>,
    first: Offset,
    window: usize,
    sum: u64,
}

impl Answers {
    /// A window of `window` answers, the first of which will be the one at `first`.
    pub fn new(window: u32, first: Offset) -> Self {
        Self { held: VecDeque::new(), first, window: window as usize, sum: 0 }
    }

    /// Remembers the answer at [`Answers::next`] and forgets the oldest if there are too many.
    pub fn remember(&mut self, answer: Answer) {
        self.sum = self.sum.wrapping_add(answer.hash_at(self.next()));
        self.held.push_back(answer);
        if self.held.len() > self.window
            && let Some(oldest) = self.held.pop_front()
        {
            self.sum = self.sum.wrapping_sub(oldest.hash_at(self.first));
            self.first = self.first.next();
        }
    }

    /// The answer at `offset`, if it is remembered.
    pub fn get(&self, offset: Offset) -> Option<&Answer> {
        let place = offset.0.checked_sub(self.first.0)?;
        self.held.get(usize::try_from(place).ok()?)
    }

    /// The offset after the newest.
    pub fn next(&self) -> Offset {
        Offset(self.first.0 + self.held.len() as u64)
    }

    /// All that are remembered, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Answer> {
        self.held.iter()
    }

    /// Digest of what is remembered.
    pub const fn digest(&self) -> u64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer(sequence: u64) -> Answer {
        Answer {
            client: ClientId(1),
            client_incarnation: Incarnation(2),
            sequence: Sequence(sequence),
            speed_mm_s: -3,
            turn_mrad_s: 4,
            pose: Pose::default(),
            digest: 5,
        }
    }

    #[test]
    fn the_newest_are_remembered_and_older_ones_forgotten() {
        let mut answers = Answers::new(3, Offset(10));
        (0..5).for_each(|sequence| answers.remember(answer(sequence)));
        let held = [11, 12, 14, 15].map(|offset| answers.get(Offset(offset)).map(|a| a.sequence.0));
        assert_eq!(held, [None, Some(2), Some(4), None]);
        assert_eq!(answers.get(Offset(u64::MAX)), None);
        assert_eq!(answers.next(), Offset(15));
    }

    #[test]
    fn every_field_and_the_offset_count_in_the_digest() {
        let plain = answer(1);
        let pose = Pose { heading_mrad: 1, ..plain.pose };
        let changed = [
            Answer { client: ClientId(9), ..plain },
            Answer { client_incarnation: Incarnation(9), ..plain },
            Answer { sequence: Sequence(9), ..plain },
            Answer { speed_mm_s: 9, ..plain },
            Answer { turn_mrad_s: 9, ..plain },
            Answer { pose, ..plain },
            Answer { digest: 9, ..plain },
        ];
        let hash = plain.hash_at(Offset(7));
        assert!(changed.iter().all(|other| other.hash_at(Offset(7)) != hash));
        assert_ne!(plain.hash_at(Offset(8)), hash);
    }

    proptest! {
        #[test]
        fn the_digest_is_that_of_the_answers_held_however_they_came(count in 0_u64..40, window in 1_u32..20) {
            let mut kept = Answers::new(window, Offset(0));
            (0..count).for_each(|sequence| kept.remember(answer(sequence)));
            let mut anew = Answers::new(window, Offset(count.saturating_sub(u64::from(window))));
            kept.iter().for_each(|&answer| anew.remember(answer));
            prop_assert_eq!(kept.digest(), anew.digest());
            prop_assert_eq!(kept.next(), anew.next());
        }
    }
}
