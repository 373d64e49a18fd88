//! A learning switch between ports: the part of `zerogap switch` that decides, without a thread, clock or descriptor. Shared by
//! all workers: what it learns is in a table without locks, and each frame is decided on by the worker that read it.

mod books;
mod macs;
mod storm;

pub use books::{Books, PortAccount, copies_balance, settle};
pub use macs::{Learned, MacTable, Station};
pub use storm::StormLimit;

use smoltcp::wire::EthernetAddress;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use zerogap_proto::{DropReason, PortId};

/// IEEE 802.1Q's default ageing time.
pub const AGE_MAX_S: u32 = 300;

/// What becomes of a frame by its addresses alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Out by this port.
    To(PortId),
    /// Out by all ports but the one it came in by, as far as the storm limit lets it.
    Flood,
    /// No further.
    Drop(DropReason),
}

/// What all workers share.
#[derive(Debug)]
pub struct Bridge {
    macs: MacTable,
    moves: AtomicU64,
    flaps: AtomicU64,
    displaced: AtomicU64,
}

impl Bridge {
    /// A switch that knows no address yet.
    pub fn new(age_max_s: u32) -> Self {
        Self {
            macs: MacTable::new(age_max_s),
            moves: AtomicU64::new(0),
            flaps: AtomicU64::new(0),
            displaced: AtomicU64::new(0),
        }
    }

    /// Learns from a frame that came in by `port`, and says where it goes.
    #[inline]
    pub fn decide(&self, frame: &[u8], port: PortId, now_s: u32) -> Verdict {
        let Some((dst, src)) = addresses(frame) else { return Verdict::Drop(DropReason::Malformed) };
        match self.macs.learn(src, port, now_s) {
            Learned::Known | Learned::New | Learned::Ignored => {}
            Learned::Moved { .. } => add(&self.moves),
            Learned::Flapping { .. } => add(&self.flaps),
            Learned::Displaced => add(&self.displaced),
        }
        if !dst.is_unicast() {
            return if is_reserved(dst) { Verdict::Drop(DropReason::Reserved) } else { Verdict::Flood };
        }
        match self.macs.port_of(dst, now_s) {
            Some(exit) if exit == port => Verdict::Drop(DropReason::Hairpin),
            Some(exit) => Verdict::To(exit),
            None => Verdict::Flood,
        }
    }

    /// The addresses that it knows.
    pub fn macs(&self) -> &MacTable {
        &self.macs
    }

    /// How often an address was heard elsewhere than before.
    pub fn moves(&self) -> u64 {
        self.moves.load(Relaxed)
    }

    /// Frames from addresses that moved too often.
    pub fn flaps(&self) -> u64 {
        self.flaps.load(Relaxed)
    }

    /// Addresses that were forgotten for want of room.
    pub fn displaced(&self) -> u64 {
        self.displaced.load(Relaxed)
    }
}

/// Rare, and by any worker.
fn add(count: &AtomicU64) {
    count.fetch_add(1, Relaxed);
}

/// Destination and source.
#[inline]
fn addresses(frame: &[u8]) -> Option<(EthernetAddress, EthernetAddress)> {
    let ([d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, _, _], _) = frame.split_first_chunk::<14>()?;
    Some((EthernetAddress([*d0, *d1, *d2, *d3, *d4, *d5]), EthernetAddress([*s0, *s1, *s2, *s3, *s4, *s5])))
}

/// 01-80-C2-00-00-00 to -0F: between neighbours only (IEEE 802.1Q, table 8-1).
fn is_reserved(EthernetAddress([a, b, c, d, e, f]): EthernetAddress) -> bool {
    [a, b, c, d, e] == [0x01, 0x80, 0xc2, 0, 0] && f < 0x10
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const B: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const C: [u8; 6] = [2, 0, 0, 0, 0, 3];

    fn frame(dst: [u8; 6], src: [u8; 6]) -> Vec<u8> {
        [&dst[..], &src[..], &[8, 0, 0]].concat()
    }

    #[test]
    fn frames_go_everywhere_until_it_is_known_where_to() {
        let bridge = Bridge::new(AGE_MAX_S);
        let table: [(&[u8], u16, Verdict, &str); 8] = [
            (&frame(B, A), 0, Verdict::Flood, "nobody knows B yet"),
            (&frame(A, B), 1, Verdict::To(PortId(0)), "A was heard at port 0"),
            (&frame(B, A), 0, Verdict::To(PortId(1)), "and B at port 1"),
            (&frame([0xff; 6], A), 0, Verdict::Flood, "broadcast"),
            (&frame(A, C), 0, Verdict::Drop(DropReason::Hairpin), "both are behind port 0"),
            (&frame([1, 0, 0x5e, 0, 0, 9], A), 0, Verdict::Flood, "a group"),
            (&frame([1, 0x80, 0xc2, 0, 0, 0xe], A), 0, Verdict::Drop(DropReason::Reserved), "LLDP"),
            (&[0; 13], 0, Verdict::Drop(DropReason::Malformed), "no Ethernet header"),
        ];
        for (bytes, port, verdict, why) in table {
            assert_eq!(bridge.decide(bytes, PortId(port), 1), verdict, "{why}");
        }
    }

    #[test]
    fn moves_and_flaps_are_counted() {
        let bridge = Bridge::new(AGE_MAX_S);
        (0..20).for_each(|n| {
            bridge.decide(&frame(B, A), PortId(n % 2), 1);
        });
        assert_eq!(bridge.moves(), 5);
        assert!(bridge.flaps() > 5);
    }
}
