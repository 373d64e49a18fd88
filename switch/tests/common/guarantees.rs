//! DESIGN's guarantees 1 and 2 as checks of a whole world, and what befalls such worlds: random networks and faults.

use super::ms;
use super::server::{FakeServer, mix};
use super::world::{Network, Path, World};
use proptest::prelude::*;
use zerogap_proto::Duration;

/// What befalls a server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// Its process ends; the controller hears of it after a while.
    Dies { told_after_ms: u64 },
    /// It hangs and then goes on.
    Hangs { for_ms: u64 },
}

pub(crate) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0_u64..150).prop_map(|told_after_ms| Fault::Dies { told_after_ms }),
        (1_u64..400).prop_map(|for_ms| Fault::Hangs { for_ms }),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    (0_u64..80, 0_u64..80, 0_u64..2_500).prop_map(|(lost, doubled, jitter)| Path {
        lost,
        doubled,
        jitter: Duration::from_micros(jitter),
    })
}

pub(crate) fn network() -> impl Strategy<Value = Network> {
    (path(), path(), path()).prop_map(|(from_client, to_servers, from_servers)| Network {
        from_client,
        to_servers,
        from_servers,
    })
}

/// The digest after each admitted request, by whoever applies them in order.
pub(crate) fn true_digests(world: &World) -> Vec<u64> {
    let apply = |state: &mut u64, sequence: &zerogap_proto::Sequence| {
        *state = mix(*state ^ mix(sequence.0) ^ (sequence.0 & 0xff));
        Some(*state)
    };
    world.admitted.iter().scan(0x5eed, apply).collect()
}

/// Guarantee 1 as far as it always holds, and 2 as the client sees it.
pub(crate) fn answered_rightly_if_at_all(world: &World) -> Result<(), TestCaseError> {
    for (sequence, digest) in world.admitted.iter().zip(true_digests(world)) {
        let answers = &world.answers[sequence];
        prop_assert!(answers.len() <= 1, "{} got {:?}", sequence, answers);
        let right = answers.iter().all(|(_, told)| *told == digest);
        prop_assert!(right, "{} was answered from another history", sequence);
    }
    Ok(())
}

/// Guarantee 1 where a serving server is alive.
pub(crate) fn answered_once_and_rightly(world: &World) -> Result<(), TestCaseError> {
    answered_rightly_if_at_all(world)?;
    let unanswered = world.admitted.iter().find(|sequence| world.answers[sequence].is_empty());
    prop_assert_eq!((unanswered, world.service.held()), (None, 0));
    Ok(())
}

/// Guarantee 2: a gap-free segment of the log, each request once.
pub(crate) fn applied_in_order(world: &World, server: &FakeServer) -> Result<(), TestCaseError> {
    let segment = &world.admitted[server.start.0 as usize..server.next.0 as usize];
    prop_assert_eq!(&server.applied, segment, "{} applied something else", server.node);
    Ok(())
}

/// The migration has ended one way or the other, and whoever is `dead` holds the log no longer than until it is removed.
pub(crate) fn nothing_stays_pinned(world: &mut World, dead: &[FakeServer]) -> Result<(), TestCaseError> {
    prop_assert_eq!(world.service.status().plan, None);
    dead.iter().for_each(|dead| world.remove(dead.node));
    world.run(ms(100));
    prop_assert_eq!(world.room(), 64);
    Ok(())
}
