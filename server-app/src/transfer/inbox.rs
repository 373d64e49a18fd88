//! The bytes of a stream that have arrived and are not decoded yet: a bounded buffer that is read into and decoded from in
//! place, so that only what a record has in two reads is moved.

use super::{Decoder, ITEM_MAX_LEN, Progress, Sink, TransferError};

/// Several records fit, so that a read brings many and few are moved.
const INBOX_LEN: usize = 4 * ITEM_MAX_LEN;

/// What a receiver holds of a stream.
#[derive(Clone, Debug)]
pub struct Inbox {
    buffer: Vec<u8>,
    /// Where what has arrived begins, and where it ends.
    start: usize,
    end: usize,
}

impl Inbox {
    /// With nothing in it.
    pub fn new() -> Self {
        Self { buffer: vec![0; INBOX_LEN], start: 0, end: 0 }
    }

    /// Where to read to. Is never empty once [`Inbox::decode`] has said [`Progress::More`].
    pub fn room(&mut self) -> &mut [u8] {
        if self.start > 0 && self.end > INBOX_LEN - ITEM_MAX_LEN {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        &mut self.buffer[self.end..]
    }

    /// `len` bytes have been read there.
    pub fn arrived(&mut self, len: usize) {
        self.end = (self.end + len).min(INBOX_LEN);
    }

    /// Whether nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Hands on what waits, up to and with what completes something.
    pub fn decode(&mut self, decoder: &mut Decoder, sink: &mut impl Sink) -> Result<Progress, TransferError> {
        let mut bytes = &self.buffer[self.start..self.end];
        let progress = decoder.push(&mut bytes, sink);
        self.start = self.end - bytes.len();
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
        progress
    }
}

impl Default for Inbox {
    fn default() -> Self {
        Self::new()
    }
}
