//! Guarantee 2: within one life a server applies the log's requests one after the other, each once, from where its state ends.

use super::scene::Scene;
use super::sight::Sight;
use super::{Checker, Found, Guarantee};
use zerogap_proto::{Event, Incarnation, Instant, NodeId, Offset, Sequence, ServerStatus, Stamp};

/// Needs to remember nothing of its own.
#[derive(Debug, Default)]
pub(super) struct Applied;

impl Checker for Applied {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Served { status, asked } => served(at, status, *asked, scene, found),
            Sight::Event(Event::Reading { server, incarnation, from, .. }) => {
                reading(at, *server, *incarnation, *from, scene, found);
            }
            Sight::Event(_)
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

fn served(
    at: Instant,
    status: &ServerStatus,
    asked: Option<(Stamp, Sequence)>,
    scene: &Scene<'_>,
    found: &mut Found,
) {
    let Some(before) = scene.servers.get(&status.server) else { return };
    let same_life = before.incarnation == status.incarnation && before.holds_state && before.alive;
    if !same_life || !status.holds_state || before.next == status.next {
        return;
    }
    let name = scene.name(status.server);
    let meant =
        asked.filter(|(stamp, _)| (stamp.incarnation, stamp.offset) == (status.incarnation, before.next));
    if status.next != before.next.next() || meant.is_none() {
        let request = asked.map_or("no request".to_owned(), |(stamp, _)| stamp.offset.to_string());
        let what = format!("{name} went from {} to {} upon {request}", before.next, status.next);
        return found.add(Guarantee::GapFree, at, what);
    }
    let logged = scene.logged(before.next).map(|logged| logged.sequence);
    if let Some((_, sequence)) = meant.filter(|(_, sequence)| Some(*sequence) != logged) {
        let what = format!("{name} applied {sequence} as {}, where the log has {logged:?}", before.next);
        found.add(Guarantee::GapFree, at, what);
    }
}

/// A reader begins where its server's state ends.
fn reading(
    at: Instant,
    server: NodeId,
    incarnation: Incarnation,
    from: Offset,
    scene: &Scene<'_>,
    found: &mut Found,
) {
    let Some(stands) = scene.servers.get(&server) else { return };
    if stands.alive && stands.holds_state && stands.incarnation == incarnation && stands.next != from {
        let name = scene.name(server);
        let what = format!("{name} is to read from {from}, but its state ends before {}", stands.next);
        found.add(Guarantee::GapFree, at, what);
    }
}
