//! The Internet checksum (RFC 1071), and completing one that the sender left to its network card. It is summed eight bytes
//! at a time, since a frame of segments has up to 64 KB.

use super::{OffloadError, Partial};

/// Completes a checksum that was left to the network card.
///
/// # Errors
/// Its place is outside the frame.
pub fn complete_checksum(frame: &mut [u8], partial: Partial) -> Result<(), OffloadError> {
    let (start, at) = (usize::from(partial.start), usize::from(partial.start) + usize::from(partial.offset));
    if at + 2 > frame.len() {
        let Partial { start, offset } = partial;
        return Err(OffloadError::ChecksumOutside { start, offset, len: frame.len() });
    }
    // The field holds the pseudo header's sum, so summing over it is what is asked for.
    let checksum = finish(sum(&frame[start..]));
    // UDP writes a computed 0 as its equal 0xffff, as 0 says that there is none; TCP's receivers take either.
    let checksum = if checksum == 0 { 0xffff } else { checksum };
    frame[at..at + 2].copy_from_slice(&checksum.to_be_bytes());
    Ok(())
}

/// The sum of big-endian 16-bit words, an odd last byte being the upper half of one, folded only as far as 32 bits.
pub(super) fn sum(bytes: &[u8]) -> u64 {
    // A 64-bit sum with its carries added back is congruent to the sum of its 16-bit words (RFC 1071, 2).
    let (words, rest) = bytes.as_chunks::<8>();
    let mut total = 0_u64;
    for word in words {
        let word = u64::from_be_bytes(*word);
        total += (word >> 32) + (word & 0xffff_ffff);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let last = u64::from_be_bytes(last);
    fold(total + (last >> 32) + (last & 0xffff_ffff))
}

/// The checksum that makes `sum` and itself come to nothing.
pub(super) fn finish(sum: u64) -> u16 {
    let mut sum = fold(sum);
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

fn fold(sum: u64) -> u64 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    (sum >> 32) + (sum & 0xffff_ffff)
}
