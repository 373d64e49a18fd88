//! Guarantees 2 and 3: whoever has applied the same requests holds the same state, whichever way it came to it: served,
//! restored, replayed or pulled. Servers whose memory was corrupted by a fault of the file are left out.

use super::scene::Scene;
use super::sight::Sight;
use super::{Checker, Found, Guarantee};
use zerogap_proto::{Event, Instant, NodeId, Offset};

/// The digest of the state before each offset, as whoever came there first had it.
#[derive(Debug, Default)]
pub(super) struct State {
    before: Vec<Option<(u64, NodeId)>>,
}

impl State {
    fn hold(
        &mut self,
        at: Instant,
        (server, next, digest): (NodeId, Offset, u64),
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        if scene.is_doubtful(server) {
            return;
        }
        let index = next.0 as usize;
        if self.before.len() <= index {
            self.before.resize(index + 1, None);
        }
        let (known, first) = *self.before[index].get_or_insert((digest, server));
        if known != digest {
            let (name, first) = (scene.name(server), scene.name(first));
            let what = format!("before {next}, {name} holds {digest:016x} where {first} held {known:016x}");
            found.add(Guarantee::GapFree, at, what);
        }
    }
}

impl Checker for State {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Served { status, .. } if status.holds_state => {
                self.hold(at, (status.server, status.next, status.digest), scene, found);
            }
            Sight::Event(
                Event::Cut { server, mark, digest, .. } | Event::Restored { server, mark, digest, .. },
            ) => {
                self.hold(at, (*server, *mark, *digest), scene, found);
            }
            Sight::Event(_)
            | Sight::Served { .. }
            | Sight::Reached(_)
            | Sight::Asked { .. }
            | Sight::Answered { .. }
            | Sight::Released { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Settled
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. }
            | Sight::Over(_) => {}
        }
    }
}
