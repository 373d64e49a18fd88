//! The header of a snapshot: all of a state but the memory itself. It carries no digest of what came with it: whoever
//! restores computes that from what arrived. Decoding bounds everything; whether the state fits a server, the server decides.

use crate::answers::{ANSWERS_MAX, Answer};
use crate::app::{Belief, SHIFT_MAX_MM};
use crate::grid::Floor;
use crate::memory::{CHUNK_LEN, Prior};
use serde::{Deserialize, Serialize};
use zerogap_proto::{JobFailure, Offset};

/// The version that is written, and the only one that is read.
pub const VERSION: u16 = 2;
/// Longest header in bytes.
pub const HEADER_MAX_LEN: usize = CHUNK_LEN;
/// No log gets this far; beyond it offsets could not be counted on.
const OFFSET_MAX: u64 = 1 << 62;

/// How the snapshot was cut, and so what is to be scanned of the memory that came with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cut {
    /// As an image, with which nobody waits: all is scanned.
    Image,
    /// From a frozen server, whose client waits: what was scanned as it arrived is not scanned again.
    Frozen,
    /// From a frozen server where the memory still is: digest of all of it, by that server's word.
    Lazy(u64),
}

/// All of a state but its memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Of the format.
    pub version: u16,
    /// How it was cut.
    pub cut: Cut,
    /// Size of the memory that belongs to it.
    pub state_bytes: u64,
    /// What untouched cells of the memory hold.
    pub prior: Prior,
    /// The floor that the grid covers.
    pub floor: Floor,
    /// The mark: the first offset that is not in the state.
    pub next: Offset,
    /// What the app holds beside the grid.
    pub belief: Belief,
    /// How many answers the state remembers at most.
    pub answers_remembered: u32,
    /// Those it remembers, the newest (at `next` − 1) last.
    pub answers: Vec<Answer>,
}

/// Why a header was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Longer than any header.
    #[error("the snapshot's header is {0} bytes long, more than {HEADER_MAX_LEN}")]
    TooLong(usize),
    /// Another version of the format.
    #[error(
        "the snapshot has version {0}, this server reads version {VERSION}: run the same version everywhere"
    )]
    Version(u16),
    /// Not a header, or followed by something else.
    #[error("the snapshot's header cannot be read")]
    Malformed,
    /// A value that no server writes.
    #[error("the snapshot's header holds a value that is out of bounds")]
    OutOfBounds,
    /// The memory is of another size.
    #[error("the snapshot has {theirs} bytes of memory, this server {ours}: give both the same state size")]
    StateBytes {
        /// The snapshot's.
        theirs: u64,
        /// The server's.
        ours: u64,
    },
    /// Prior, floor or number of answers are others.
    #[error(
        "the snapshot is of an app with another prior, floor or number of answers: configure both servers alike"
    )]
    OtherApp,
    /// Most of the memory is not here, and the header does not say what it holds.
    #[error("the snapshot's header lacks the digest of the memory that is to be pulled")]
    NotLazy,
}

impl From<HeaderError> for JobFailure {
    fn from(error: HeaderError) -> Self {
        match error {
            HeaderError::StateBytes { .. } => Self::Memory,
            HeaderError::TooLong(_)
            | HeaderError::Version(_)
            | HeaderError::Malformed
            | HeaderError::OutOfBounds
            | HeaderError::OtherApp
            | HeaderError::NotLazy => Self::Header,
        }
    }
}

impl Header {
    /// Its bytes (postcard). At most [`HEADER_MAX_LEN`] as long as no more than [`ANSWERS_MAX`] answers are in it.
    pub fn encode(&self) -> Result<Vec<u8>, HeaderError> {
        let bytes = postcard::to_stdvec(self).map_err(|_| HeaderError::Malformed)?;
        if bytes.len() > HEADER_MAX_LEN { Err(HeaderError::TooLong(bytes.len())) } else { Ok(bytes) }
    }

    /// The header in `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, HeaderError> {
        if bytes.len() > HEADER_MAX_LEN {
            return Err(HeaderError::TooLong(bytes.len()));
        }
        // The version is looked at first: what follows it may have another shape.
        let (version, _) = postcard::take_from_bytes::<u16>(bytes).map_err(|_| HeaderError::Malformed)?;
        if version != VERSION {
            return Err(HeaderError::Version(version));
        }
        let (header, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| HeaderError::Malformed)?;
        if !rest.is_empty() {
            return Err(HeaderError::Malformed);
        }
        if header.in_bounds() { Ok(header) } else { Err(HeaderError::OutOfBounds) }
    }

    fn in_bounds(&self) -> bool {
        let answers = self.answers.len() as u64;
        let shifts = [self.belief.shift_x_mm, self.belief.shift_y_mm];
        self.next.0 <= OFFSET_MAX
            && self.answers_remembered <= ANSWERS_MAX
            && answers <= u64::from(self.answers_remembered).min(self.next.0)
            && shifts.iter().all(|shift| (-SHIFT_MAX_MM..=SHIFT_MAX_MM).contains(shift))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use zerogap_proto::agv::Pose;
    use zerogap_proto::{ClientId, Incarnation, Sequence};

    fn header(answers: u32) -> Header {
        let pose = Pose { x_mm: i32::MIN, y_mm: i32::MAX, heading_mrad: i32::MIN };
        let answer = Answer {
            client: ClientId(u32::MAX),
            client_incarnation: Incarnation(u32::MAX),
            sequence: Sequence(u64::MAX),
            speed_mm_s: i32::MIN,
            turn_mrad_s: i32::MIN,
            pose,
            digest: u64::MAX,
        };
        Header {
            version: VERSION,
            cut: Cut::Lazy(u64::MAX),
            state_bytes: u64::MAX,
            prior: Prior::FloorPlan,
            floor: Floor { w_mm: u32::MAX, h_mm: u32::MAX },
            next: Offset(OFFSET_MAX),
            belief: Belief { pose, shift_x_mm: -40, shift_y_mm: 40, applied: u64::MAX },
            answers_remembered: answers,
            answers: vec![answer; answers as usize],
        }
    }

    #[test]
    fn the_largest_header_survives_encoding_and_keeps_its_bound() {
        let header = header(ANSWERS_MAX);
        assert_eq!(Header::decode(&header.encode().unwrap()), Ok(header));
    }

    #[test]
    fn what_no_server_writes_is_refused() {
        let sane = header(4);
        let refusal = |header: Header| Header::decode(&header.encode().unwrap()).err();
        assert_eq!(refusal(sane.clone()), None);
        assert_eq!(refusal(Header { version: 3, ..sane.clone() }), Some(HeaderError::Version(3)));
        let belief = Belief { shift_x_mm: 41, ..sane.belief };
        let out_of_bounds = [
            Header { belief, ..sane.clone() },
            Header { answers_remembered: 3, ..sane.clone() },
            Header { answers_remembered: ANSWERS_MAX + 1, ..sane.clone() },
            Header { next: Offset(3), ..sane.clone() },
            Header { next: Offset(u64::MAX), ..sane.clone() },
        ];
        for header in out_of_bounds {
            assert_eq!(refusal(header), Some(HeaderError::OutOfBounds));
        }
        let mut longer = sane.encode().unwrap();
        longer.push(0);
        assert_eq!(Header::decode(&longer), Err(HeaderError::Malformed));
        assert_eq!(
            Header::decode(&vec![0; HEADER_MAX_LEN + 1]),
            Err(HeaderError::TooLong(HEADER_MAX_LEN + 1))
        );
    }

    proptest! {
        #[test]
        fn decoding_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Header::decode(&bytes);
        }

        #[test]
        fn decoding_survives_any_damage_to_a_real_header(at in any::<proptest::sample::Index>(), value in any::<u8>()) {
            let mut bytes = header(4).encode().unwrap();
            let at = at.index(bytes.len());
            bytes[at] = value;
            let _ = Header::decode(&bytes);
            let _ = Header::decode(&bytes[..at]);
        }
    }
}
