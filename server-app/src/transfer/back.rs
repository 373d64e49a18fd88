//! What a target sends back over the connection: requests for single pages while it pulls, and the acknowledgement when it
//! has everything.

use super::{TransferError, u32_at};
use zerogap_proto::MigrationId;

/// Length of an acknowledgement in bytes.
pub const ACK_LEN: usize = 12;
/// Length of a request for a page in bytes.
pub const REQUEST_LEN: usize = 16;

const ACK_MAGIC: [u8; 4] = *b"ZGOK";
const REQUEST_MAGIC: [u8; 4] = *b"ZGPG";

/// What a target sends back when it has everything.
pub fn acknowledgement(migration: MigrationId) -> [u8; ACK_LEN] {
    let mut bytes = [0; ACK_LEN];
    bytes[..4].copy_from_slice(&ACK_MAGIC);
    bytes[4..8].copy_from_slice(&migration.0.to_be_bytes());
    let crc = crc32fast::hash(&bytes[..8]);
    bytes[8..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// What a target sends when it waits for a page.
pub fn request_page(migration: MigrationId, page: u32) -> [u8; REQUEST_LEN] {
    let mut bytes = [0; REQUEST_LEN];
    bytes[..4].copy_from_slice(&REQUEST_MAGIC);
    bytes[4..8].copy_from_slice(&migration.0.to_be_bytes());
    bytes[8..12].copy_from_slice(&page.to_be_bytes());
    let crc = crc32fast::hash(&bytes[..12]);
    bytes[12..].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// What a target says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// It has everything.
    Acknowledged,
    /// It waits for this page, which exists.
    Wanted(usize),
}

/// Reads what a target sends back, in pieces of any size. Holds one message at most; after an error it stays failed.
#[derive(Clone, Debug)]
pub struct Requests {
    migration: MigrationId,
    pages: usize,
    gathered: Vec<u8>,
    failed: Option<TransferError>,
}

impl Requests {
    /// Of the target of this migration of a memory of so many pages.
    pub const fn new(migration: MigrationId, pages: usize) -> Self {
        Self { migration, pages, gathered: Vec::new(), failed: None }
    }

    /// Takes the next bytes; all that they complete, in order.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Back>, TransferError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mut said = Vec::new();
        for &byte in bytes {
            self.gathered.push(byte);
            if let Some(back) = self.read().inspect_err(|&error| self.failed = Some(error))? {
                said.push(back);
                self.gathered.clear();
            }
        }
        Ok(said)
    }

    /// The message that has been gathered, if it is whole.
    fn read(&self) -> Result<Option<Back>, TransferError> {
        let message = &self.gathered[..];
        let Some(magic) = message.first_chunk::<4>() else { return Ok(None) };
        let len = match *magic {
            ACK_MAGIC => ACK_LEN,
            REQUEST_MAGIC => REQUEST_LEN,
            _ => return Err(TransferError::NotATransfer),
        };
        if message.len() < len {
            return Ok(None);
        }
        if crc32fast::hash(&message[..len - 4]) != u32_at(message, len - 4) {
            return Err(TransferError::Checksum);
        }
        let theirs = MigrationId(u32_at(message, 4));
        if theirs != self.migration {
            return Err(TransferError::OtherMigration(theirs));
        }
        if len == ACK_LEN {
            return Ok(Some(Back::Acknowledged));
        }
        let page = u32_at(message, 8) as usize;
        if page < self.pages { Ok(Some(Back::Wanted(page))) } else { Err(TransferError::Order) }
    }
}
