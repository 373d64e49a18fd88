//! Where a MAC address is: learned from the frames that come in, aged, bounded; addresses of servers are set and never move.

use smoltcp::wire::EthernetAddress;
use std::collections::BTreeMap;
use zerogap_proto::{Duration, Instant, PortId};

/// Addresses that are remembered at the most; beyond that the oldest goes.
const ADDRESSES_MAX: usize = 8_192;
/// How long an address is remembered that is not heard of (802.1Q clause 8.8.3's default).
const AGE_MAX: Duration = Duration::from_secs(300);

/// The table of addresses.
#[derive(Debug, Default)]
pub struct Learning {
    fixed: BTreeMap<EthernetAddress, PortId>,
    learned: BTreeMap<EthernetAddress, (PortId, Instant)>,
}

impl Learning {
    /// Sets where an address is, for good.
    pub fn fix(&mut self, mac: EthernetAddress, port: PortId) {
        self.fixed.insert(mac, port);
    }

    /// Whether an address was set to be at this port.
    pub fn is_fixed(&self, mac: EthernetAddress, port: PortId) -> bool {
        self.fixed.get(&mac) == Some(&port)
    }

    /// Notes that a frame from `mac` came in by `port`. Group addresses are not learned.
    pub fn learn(&mut self, now: Instant, mac: EthernetAddress, port: PortId) {
        if !mac.is_unicast() || self.fixed.contains_key(&mac) {
            return;
        }
        if self.learned.len() >= ADDRESSES_MAX
            && !self.learned.contains_key(&mac)
            && let Some(oldest) =
                self.learned.iter().min_by_key(|(_, (_, heard))| *heard).map(|(mac, _)| *mac)
        {
            self.learned.remove(&oldest);
        }
        self.learned.insert(mac, (port, now));
    }

    /// Where an address is, if it is known and not too old.
    pub fn port_of(&self, now: Instant, mac: EthernetAddress) -> Option<PortId> {
        let fixed = self.fixed.get(&mac).copied();
        let fresh = |(port, heard): &(PortId, Instant)| (now.since(*heard) <= AGE_MAX).then_some(*port);
        fixed.or_else(|| self.learned.get(&mac).and_then(fresh))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

    fn secs(n: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(n)
    }

    #[test]
    fn an_address_moves_ages_and_is_forgotten() {
        let mut table = Learning::default();
        table.learn(secs(0), A, PortId(1));
        table.learn(secs(10), A, PortId(2));
        assert_eq!(table.port_of(secs(310), A), Some(PortId(2)));
        assert_eq!(table.port_of(secs(311), A), None);
    }

    #[test]
    fn a_fixed_address_does_not_move_and_a_group_is_not_learned() {
        let mut table = Learning::default();
        table.fix(A, PortId(1));
        table.learn(secs(0), A, PortId(2));
        table.learn(secs(0), EthernetAddress::BROADCAST, PortId(2));
        assert_eq!(table.port_of(secs(999), A), Some(PortId(1)));
        assert_eq!(table.port_of(secs(0), EthernetAddress::BROADCAST), None);
    }

    #[test]
    fn the_table_is_bounded_and_the_oldest_goes() {
        let mut table = Learning::default();
        for n in 0..=ADDRESSES_MAX as u64 {
            let [.., a, b] = n.to_be_bytes();
            table.learn(Instant::from_nanos(n), EthernetAddress([2, 0, 0, 1, a, b]), PortId(1));
        }
        let oldest = EthernetAddress([2, 0, 0, 1, 0, 0]);
        assert_eq!(table.port_of(Instant::ZERO, oldest), None);
        assert_eq!(table.learned.len(), ADDRESSES_MAX);
    }
}
