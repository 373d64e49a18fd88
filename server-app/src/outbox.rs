//! Answers that wait for their emulated service time. One server serves one request after the other, so answers leave in
//! the order in which they were asked for. Bounded: whoever finds it full does not take the request.

use std::collections::VecDeque;
use zerogap_proto::{Duration, Endpoint, Instant};

/// A message and the one it is for.
pub type Reply = (Endpoint, Vec<u8>);

/// A bounded queue of replies.
#[derive(Clone, Debug)]
pub struct Outbox {
    waiting: VecDeque<(Instant, Reply)>,
    busy_until: Instant,
    room: usize,
}

impl Outbox {
    /// An empty one for at most `room` replies.
    pub const fn new(room: usize) -> Self {
        Self { waiting: VecDeque::new(), busy_until: Instant::ZERO, room }
    }

    /// Whether there is no room for another reply.
    pub fn is_full(&self) -> bool {
        self.waiting.len() >= self.room
    }

    /// Takes a reply whose request came in `now` and needs `service_time` once those before it are served.
    pub fn push(&mut self, now: Instant, service_time: Duration, reply: Reply) {
        self.busy_until = self.busy_until.max(now) + service_time;
        self.waiting.push_back((self.busy_until, reply));
    }

    /// The next reply that is due.
    pub fn pop_due(&mut self, now: Instant) -> Option<Reply> {
        if self.due()? > now {
            return None;
        }
        self.waiting.pop_front().map(|(_, reply)| reply)
    }

    /// When the next reply is due.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|(due, _)| *due)
    }

    /// Drops all that waits, and is idle.
    pub fn clear(&mut self) {
        self.waiting.clear();
        self.busy_until = Instant::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> Instant = |ms| Instant::ZERO + Duration::from_millis(ms);

    fn reply(name: u8) -> Reply {
        (Endpoint { addr: [10, 0, 0, 1].into(), port: 1 }, vec![name])
    }

    #[test]
    fn requests_are_served_one_after_the_other_and_those_without_service_time_wait_their_turn() {
        let mut outbox = Outbox::new(3);
        outbox.push(AT(10), Duration::from_millis(1), reply(1));
        outbox.push(AT(10), Duration::from_millis(1), reply(2));
        outbox.push(AT(10), Duration::ZERO, reply(3));
        assert!(outbox.is_full());
        assert_eq!((outbox.due(), outbox.pop_due(AT(10))), (Some(AT(11)), None));
        assert_eq!(outbox.pop_due(AT(11)), Some(reply(1)));
        assert_eq!((outbox.due(), outbox.pop_due(AT(11))), (Some(AT(12)), None));
        assert_eq!([outbox.pop_due(AT(12)), outbox.pop_due(AT(12))], [Some(reply(2)), Some(reply(3))]);
        outbox.push(AT(20), Duration::ZERO, reply(4));
        assert_eq!(outbox.pop_due(AT(20)), Some(reply(4)), "an idle server answers at once");
    }
}
