//! The sending side of a transfer: one record at a time, into a buffer that the driver uses again and again.

use super::{CRC_LEN, END, HELLO_LEN, MAGIC, RECORD_LEN, TransferError, VERSION, chunks_of, crc_of};
use crate::memory::{CHUNK_LEN, Memory};
use crate::snapshot::HEADER_MAX_LEN;
use zerogap_proto::MigrationId;

/// Bytes of a whole transfer: for progress, and for drivers that only model it.
pub const fn stream_len(state_bytes: u64, header_len: usize) -> u64 {
    let records = chunks_of(state_bytes) + 1;
    (HELLO_LEN + CRC_LEN + header_len) as u64 + records * RECORD_LEN as u64 + state_bytes
}

/// Turns an image of the memory and its header into the records of a transfer.
#[derive(Debug)]
pub struct Encoder<'a, M> {
    memory: &'a M,
    migration: MigrationId,
    header: &'a [u8],
    next: Next,
}

#[derive(Debug)]
enum Next {
    Hello,
    Chunk(usize),
    Nothing,
}

impl<'a, M: Memory> Encoder<'a, M> {
    /// A transfer of this header and this memory, which must not change while it is under way.
    pub fn new(migration: MigrationId, header: &'a [u8], memory: &'a M) -> Result<Self, TransferError> {
        let len = u32::try_from(header.len()).unwrap_or(u32::MAX);
        if len as usize > HEADER_MAX_LEN {
            return Err(TransferError::HeaderLength(len));
        }
        Ok(Self { memory, migration, header, next: Next::Hello })
    }

    /// Puts the next record into `out`, in place of what is there; `false`, with nothing in it, after the last.
    pub fn next_record(&mut self, out: &mut Vec<u8>) -> bool {
        out.clear();
        self.next = match self.next {
            Next::Hello => {
                self.put_hello(out);
                Next::Chunk(0)
            }
            Next::Chunk(chunk) if chunk < self.memory.chunks() => {
                self.put_chunk(chunk, out);
                Next::Chunk(chunk + 1)
            }
            Next::Chunk(chunks) => {
                put_words(out, [END, chunks as u32, crc_of(END, chunks as u32, &[])]);
                Next::Nothing
            }
            Next::Nothing => Next::Nothing,
        };
        !out.is_empty()
    }

    fn put_hello(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.migration.0.to_be_bytes());
        out.extend_from_slice(&(self.memory.len() as u64).to_be_bytes());
        out.extend_from_slice(&(self.header.len() as u32).to_be_bytes());
        let crc = crc32fast::hash(out);
        put_words(out, [crc, crc32fast::hash(self.header)]);
        out.extend_from_slice(self.header);
    }

    fn put_chunk(&self, chunk: usize, out: &mut Vec<u8>) {
        out.reserve(RECORD_LEN + CHUNK_LEN);
        out.extend_from_slice(&[0; RECORD_LEN]);
        self.memory.read_chunk(chunk, out);
        let (record, bytes) = out.split_at_mut(RECORD_LEN);
        let (index, len) = (chunk as u32, bytes.len() as u32);
        let words = [index, len, crc_of(index, len, bytes)];
        for (to, word) in record.chunks_exact_mut(4).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
    }
}

fn put_words<const N: usize>(out: &mut Vec<u8>, words: [u32; N]) {
    words.iter().for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
}
