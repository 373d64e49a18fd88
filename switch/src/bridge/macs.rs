//! Where a MAC address is, for many threads at once: a table of fixed size that is read and written without locks, one word an
//! address. Addresses age; one that moves too often stays where it is for a while.

use smoltcp::wire::EthernetAddress;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use zerogap_proto::PortId;

/// Addresses that one hash leads to: two cache lines.
const WAYS: usize = 8;
/// Addresses in all.
const ADDRESSES_MAX: usize = 8_192;
const BUCKETS: usize = ADDRESSES_MAX / WAYS;
/// How often an address may move in a second; a station that roams moves once.
const MOVES_MAX: u32 = 5;
const PORT_BITS: u32 = 16;
const NOBODY: u64 = 0;

/// The table. Times are whole seconds since any beginning.
#[derive(Debug)]
pub struct MacTable {
    buckets: Box<[Bucket]>,
    age_max_s: u32,
}

/// What became of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// It was known to be there.
    Known,
    /// It was not known.
    New,
    /// It was not known, and another had to be forgotten for it.
    Displaced,
    /// It was elsewhere.
    Moved {
        /// Where.
        from: PortId,
    },
    /// It moves too often: two stations claim it, or there is a loop. It stays where it was until the second is over.
    Flapping {
        /// Where it stays.
        at: PortId,
    },
    /// It is no address of a station.
    Ignored,
}

/// An address, as `show` lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its address.
    pub mac: EthernetAddress,
    /// Its port.
    pub port: PortId,
    /// When it was last heard.
    pub heard_s: u32,
}

#[derive(Debug, Default)]
struct Bucket {
    /// The address in the upper 48 bits, its port in the lower 16.
    stations: [AtomicU64; WAYS],
    heard_s: [AtomicU32; WAYS],
    /// The second (24 bits) and how often it moved in it (8 bits).
    moves: [AtomicU32; WAYS],
}

impl MacTable {
    /// An empty table that forgets addresses that were not heard for `age_max_s`.
    pub fn new(age_max_s: u32) -> Self {
        Self { buckets: (0..BUCKETS).map(|_| Bucket::default()).collect(), age_max_s }
    }

    /// Notes that a frame from `mac` came in by `port`.
    #[inline]
    pub fn learn(&self, mac: EthernetAddress, port: PortId, now_s: u32) -> Learned {
        if !is_station(mac) {
            return Learned::Ignored;
        }
        let station = word(mac, port);
        let bucket = self.bucket(station);
        match bucket.way_of(station) {
            Some((way, known)) if known == station => {
                if bucket.heard_s[way].load(Relaxed) != now_s {
                    bucket.heard_s[way].store(now_s, Relaxed);
                }
                Learned::Known
            }
            Some((way, known)) => {
                let old = self.is_old(bucket.heard_s[way].load(Relaxed), now_s);
                if !old && bucket.moves_too_often(way, now_s) {
                    return Learned::Flapping { at: port_of(known) };
                }
                bucket.stations[way].store(station, Relaxed);
                bucket.heard_s[way].store(now_s, Relaxed);
                if old { Learned::New } else { Learned::Moved { from: port_of(known) } }
            }
            None => self.add(bucket, station, now_s),
        }
    }

    /// Where an address is, if it is known and not too old.
    #[inline]
    pub fn port_of(&self, mac: EthernetAddress, now_s: u32) -> Option<PortId> {
        if !is_station(mac) {
            return None;
        }
        let wanted = word(mac, PortId(0));
        let bucket = self.bucket(wanted);
        let (way, station) = bucket.way_of(wanted)?;
        (!self.is_old(bucket.heard_s[way].load(Relaxed), now_s)).then(|| port_of(station))
    }

    /// Forgets all that was learned at a port, for instance because it is gone.
    pub fn forget(&self, port: PortId) {
        for station in self.buckets.iter().flat_map(|bucket| &bucket.stations) {
            let known = station.load(Relaxed);
            if known != NOBODY && port_of(known) == port {
                // Somebody who has just moved away is not forgotten.
                let _ = station.compare_exchange(known, NOBODY, Relaxed, Relaxed);
            }
        }
    }

    /// All that is known and not too old, in no order.
    pub fn stations(&self, now_s: u32) -> impl Iterator<Item = Station> {
        let all = self.buckets.iter().flat_map(|bucket| bucket.stations.iter().zip(&bucket.heard_s));
        let all = all.map(|(station, heard_s)| (station.load(Relaxed), heard_s.load(Relaxed)));
        all.filter(move |(station, heard_s)| *station != NOBODY && !self.is_old(*heard_s, now_s)).map(
            |(station, heard_s)| {
                let [a, b, c, d, e, f, _, _] = station.to_be_bytes();
                Station { mac: EthernetAddress([a, b, c, d, e, f]), port: port_of(station), heard_s }
            },
        )
    }

    fn add(&self, bucket: &Bucket, station: u64, now_s: u32) -> Learned {
        let free = |way: &usize| {
            bucket.stations[*way].load(Relaxed) == NOBODY
                || self.is_old(bucket.heard_s[*way].load(Relaxed), now_s)
        };
        let oldest = || (0..WAYS).min_by_key(|way| bucket.heard_s[*way].load(Relaxed)).unwrap_or(0);
        let (way, learned) = match (0..WAYS).find(free) {
            Some(way) => (way, Learned::New),
            None => (oldest(), Learned::Displaced),
        };
        bucket.heard_s[way].store(now_s, Relaxed);
        bucket.moves[way].store(0, Relaxed);
        bucket.stations[way].store(station, Relaxed);
        learned
    }

    fn is_old(&self, heard_s: u32, now_s: u32) -> bool {
        now_s.saturating_sub(heard_s) > self.age_max_s
    }

    #[inline]
    fn bucket(&self, station: u64) -> &Bucket {
        // Fibonacci hashing: the upper bits of a product with 2^64 divided by the golden ratio.
        let hash = (station >> PORT_BITS).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        &self.buckets[(hash >> (u64::BITS - BUCKETS.ilog2())) as usize]
    }
}

impl Bucket {
    #[inline]
    fn way_of(&self, wanted: u64) -> Option<(usize, u64)> {
        let known = self.stations.iter().map(|station| station.load(Relaxed)).enumerate();
        known.into_iter().find(|(_, station)| station >> PORT_BITS == wanted >> PORT_BITS)
    }

    /// Counts a move.
    fn moves_too_often(&self, way: usize, now_s: u32) -> bool {
        let (second, count) = (self.moves[way].load(Relaxed) >> 8, self.moves[way].load(Relaxed) & 0xff);
        let this_second = now_s & 0x00ff_ffff;
        let count = if second == this_second { (count + 1).min(0xff) } else { 1 };
        self.moves[way].store(this_second << 8 | count, Relaxed);
        count > MOVES_MAX
    }
}

fn is_station(mac: EthernetAddress) -> bool {
    mac.is_unicast() && mac.0 != [0; 6]
}

fn word(EthernetAddress([a, b, c, d, e, f]): EthernetAddress, PortId(port): PortId) -> u64 {
    u64::from_be_bytes([a, b, c, d, e, f, 0, 0]) | u64::from(port)
}

fn port_of(station: u64) -> PortId {
    PortId(station as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);
    const ONE: PortId = PortId(1);
    const TWO: PortId = PortId(2);

    #[test]
    fn an_address_is_learned_moves_ages_and_is_forgotten_with_its_port() {
        let table = MacTable::new(300);
        assert_eq!(table.port_of(A, 0), None);
        assert_eq!(table.learn(A, ONE, 0), Learned::New);
        assert_eq!(table.learn(A, ONE, 1), Learned::Known);
        assert_eq!(table.learn(A, TWO, 2), Learned::Moved { from: ONE });
        assert_eq!((table.port_of(A, 302), table.port_of(A, 303)), (Some(TWO), None));
        assert_eq!(table.learn(A, ONE, 303), Learned::New, "an old entry tells nothing of a move");
        table.forget(TWO);
        assert_eq!(table.port_of(A, 303), Some(ONE));
        table.forget(ONE);
        assert_eq!(table.port_of(A, 303), None);
    }

    #[test]
    fn groups_and_nobody_are_not_learned() {
        let table = MacTable::new(300);
        for mac in
            [EthernetAddress::BROADCAST, EthernetAddress([1, 0, 0x5e, 0, 0, 1]), EthernetAddress([0; 6])]
        {
            assert_eq!(table.learn(mac, ONE, 0), Learned::Ignored);
            assert_eq!(table.port_of(mac, 0), None);
        }
    }

    #[test]
    fn an_address_that_two_ports_claim_stays_where_it_is_until_the_second_is_over() {
        let table = MacTable::new(300);
        table.learn(A, ONE, 7);
        let moves: Vec<Learned> = (0..8).map(|n| table.learn(A, [TWO, ONE][n % 2], 7)).collect();
        assert!(moves[..5].iter().all(|learned| matches!(learned, Learned::Moved { .. })), "{moves:?}");
        assert_eq!(
            moves[5..],
            [Learned::Flapping { at: TWO }, Learned::Known, Learned::Flapping { at: TWO }]
        );
        assert_eq!(table.learn(A, ONE, 8), Learned::Moved { from: TWO });
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_of_a_bucket_goes() {
        let table = MacTable::new(300);
        let mac = |n: u32| {
            let [a, b, c, d] = n.to_be_bytes();
            EthernetAddress([2, 0, a, b, c, d])
        };
        let learned: Vec<Learned> = (0..20_000).map(|n| table.learn(mac(n), ONE, n / 1_000)).collect();
        assert!(learned.contains(&Learned::Displaced));
        assert!(table.stations(20).count() <= ADDRESSES_MAX);
        assert_eq!(table.port_of(mac(19_999), 20), Some(ONE));
        assert!(table.stations(20).all(|station| station.heard_s >= 5), "the newest are there");
    }

    proptest! {
        #[test]
        fn as_long_as_there_is_room_it_is_a_map(
            heard in proptest::collection::vec((any::<u8>(), 0_u16..4), 0..200),
        ) {
            let (table, mut model) = (MacTable::new(300), BTreeMap::new());
            for (second, (station, port)) in heard.into_iter().enumerate() {
                let mac = EthernetAddress([2, 0, 0, 0, 0, station]);
                table.learn(mac, PortId(port), second as u32);
                model.insert(mac, PortId(port));
            }
            for (mac, port) in &model {
                prop_assert_eq!(table.port_of(*mac, 200), Some(*port));
            }
            prop_assert_eq!(table.stations(200).count(), model.len());
        }
    }
}
