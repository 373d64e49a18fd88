//! Admission: each request enters the log once. Copies made on the radio, or arriving by two paths around a handover, are
//! eliminated by (client, incarnation, sequence number) over a window, as 802.1CB's vector recovery function does
//! (clause 7.4.3.4); requests older than the window are stale. It also knows where the client's newest frame came from,
//! because that is where its answers go.

use std::collections::BTreeMap;
use zerogap_proto::{ClientId, Endpoint, Incarnation, NodeId, PortId, Sequence};

/// A client as the switch tells clients apart: one that lies about its id does not get at another one's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientKey {
    /// Its address and port.
    pub endpoint: Endpoint,
    /// Its own name for itself.
    pub id: ClientId,
}

/// Where a frame entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ingress {
    /// The port of this switch.
    pub port: PortId,
    /// The switch at which it entered the network: this one, or the one beyond the trunk.
    pub switch: NodeId,
}

/// Why a request is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdmissionError {
    /// It was admitted before.
    #[error("a copy of a request that was admitted already")]
    Duplicate,
    /// It is older than the window, or from an earlier life of the client.
    #[error("older than the admission window")]
    Stale,
    /// There is no room for another client.
    #[error("too many clients")]
    TooManyClients,
}

/// The windows of all clients of one service.
#[derive(Debug)]
pub struct Admission {
    window: u64,
    clients_max: usize,
    clients: BTreeMap<ClientKey, Client>,
}

#[derive(Debug)]
struct Client {
    incarnation: Incarnation,
    newest: Sequence,
    /// Ring over the window: bit `sequence % window` says whether it was seen.
    seen: Vec<u64>,
    ingress: Ingress,
}

impl Admission {
    /// Windows of `window` sequence numbers (rounded up to a multiple of 64) for up to `clients_max` clients.
    pub fn new(window: u32, clients_max: usize) -> Self {
        Self { window: u64::from(window).next_multiple_of(64).max(64), clients_max, clients: BTreeMap::new() }
    }

    /// Whether the request may enter the log. [`Admission::admit`] must follow if it does.
    pub fn check(&self, key: ClientKey, life: Incarnation, sequence: Sequence) -> Result<(), AdmissionError> {
        match self.clients.get(&key) {
            None if self.clients.len() >= self.clients_max => Err(AdmissionError::TooManyClients),
            None => Ok(()),
            Some(client) => client.check(self.window, life, sequence),
        }
    }

    /// Notes an admitted request and, if it is the newest, where it came in.
    pub fn admit(&mut self, key: ClientKey, life: Incarnation, sequence: Sequence, ingress: Ingress) {
        let words = (self.window / 64) as usize;
        let client = self.clients.entry(key).or_insert_with(|| Client::new(life, sequence, words, ingress));
        if life > client.incarnation {
            *client = Client::new(life, sequence, words, ingress);
        }
        client.note(self.window, sequence, ingress);
    }

    /// Where the client's newest request came in.
    pub fn ingress(&self, key: ClientKey) -> Option<Ingress> {
        self.clients.get(&key).map(|client| client.ingress)
    }
}

impl Client {
    fn new(incarnation: Incarnation, newest: Sequence, words: usize, ingress: Ingress) -> Self {
        Self { incarnation, newest, seen: vec![0; words], ingress }
    }

    fn check(&self, window: u64, life: Incarnation, sequence: Sequence) -> Result<(), AdmissionError> {
        if life > self.incarnation {
            return Ok(());
        }
        if life < self.incarnation || self.newest.0.saturating_sub(sequence.0) >= window {
            return Err(AdmissionError::Stale);
        }
        let (word, bit) = slot(window, sequence);
        let seen = sequence <= self.newest && self.seen[word] & bit != 0;
        if seen { Err(AdmissionError::Duplicate) } else { Ok(()) }
    }

    fn note(&mut self, window: u64, sequence: Sequence, ingress: Ingress) {
        if sequence >= self.newest {
            let skipped = (sequence.0 - self.newest.0).min(window);
            for passed in 0..skipped {
                let (word, bit) = slot(window, Sequence(sequence.0 - passed));
                self.seen[word] &= !bit;
            }
            self.newest = sequence;
            self.ingress = ingress;
        }
        let (word, bit) = slot(window, sequence);
        self.seen[word] |= bit;
    }
}

fn slot(window: u64, sequence: Sequence) -> (usize, u64) {
    let index = sequence.0 % window;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use zerogap_proto::address::service_addr;

    pub(in super::super) fn client(n: u16) -> ClientKey {
        let endpoint = Endpoint { addr: service_addr(NodeId(n)), port: 40_000 };
        ClientKey { endpoint, id: ClientId(u32::from(n)) }
    }

    fn at(port: u16) -> Ingress {
        Ingress { port: PortId(port), switch: NodeId(port) }
    }

    fn offer(a: &mut Admission, life: u32, sequence: u64, port: u16) -> Result<(), AdmissionError> {
        a.check(client(1), Incarnation(life), Sequence(sequence))?;
        a.admit(client(1), Incarnation(life), Sequence(sequence), at(port));
        Ok(())
    }

    #[test]
    fn a_copy_by_another_path_is_eliminated_and_does_not_move_the_client() {
        let mut a = Admission::new(64, 4);
        assert_eq!(offer(&mut a, 0, 10, 1), Ok(()));
        assert_eq!(offer(&mut a, 0, 11, 2), Ok(()));
        assert_eq!(offer(&mut a, 0, 11, 1), Err(AdmissionError::Duplicate));
        assert_eq!(offer(&mut a, 0, 9, 1), Ok(()), "late, but new");
        assert_eq!(a.ingress(client(1)), Some(at(2)), "only the newest frame moves the client");
    }

    #[test]
    fn what_is_older_than_the_window_or_the_life_is_stale() {
        let mut a = Admission::new(64, 4);
        assert_eq!(offer(&mut a, 1, 100, 1), Ok(()));
        assert_eq!(offer(&mut a, 1, 36, 1), Err(AdmissionError::Stale));
        assert_eq!(offer(&mut a, 1, 37, 1), Ok(()));
        assert_eq!(offer(&mut a, 0, 101, 1), Err(AdmissionError::Stale));
        assert_eq!(offer(&mut a, 2, 1, 1), Ok(()), "a new life starts its own numbers");
    }

    #[test]
    fn clients_are_bounded() {
        let mut a = Admission::new(64, 1);
        assert_eq!(offer(&mut a, 0, 1, 1), Ok(()));
        assert_eq!(a.check(client(2), Incarnation(0), Sequence(1)), Err(AdmissionError::TooManyClients));
    }

    proptest! {
        #[test]
        fn no_sequence_is_admitted_twice_and_no_fresh_one_refused(
            offers in proptest::collection::vec(0_u64..400, 1..400)
        ) {
            let mut a = Admission::new(128, 4);
            let (mut admitted, mut newest) = (BTreeSet::new(), 0);
            for sequence in offers {
                let fresh = !admitted.contains(&sequence) && (sequence + 128 > newest || admitted.is_empty());
                let result = offer(&mut a, 0, sequence, 1);
                prop_assert_eq!(result.is_ok(), fresh);
                if fresh {
                    admitted.insert(sequence);
                    newest = newest.max(sequence);
                }
            }
        }
    }
}
