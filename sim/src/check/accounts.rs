//! Guarantee 6: a server has no more requests in flight than the window, the log is never longer than it may be, and every frame
//! that was seen to enter or leave a switch is in its accounts. Overflow never leaves the service without a server.

use super::scene::Scene;
use super::sight::{Ending, Sight};
use super::{Checker, Found, Guarantee};
use std::collections::BTreeMap;
use zerogap_proto::event::DropCause;
use zerogap_proto::{Event, Incarnation, Instant, NodeId, Offset};

/// The readers as the frames show them.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    readers: BTreeMap<NodeId, Reader>,
    /// The lowest offset without an answer that went out.
    open: Offset,
    /// A server was let go in this turn because it held the log up.
    lagged: bool,
}

#[derive(Clone, Copy, Debug)]
struct Reader {
    incarnation: Incarnation,
    unanswered: Offset,
    next: Offset,
}

impl Accounts {
    fn asked(
        &mut self,
        at: Instant,
        (server, incarnation, offset): (NodeId, Incarnation, Offset),
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        let fresh = Reader { incarnation, unanswered: offset, next: offset };
        let reader = self.readers.entry(server).or_insert(fresh);
        if reader.incarnation != incarnation {
            *reader = fresh;
        }
        reader.next = reader.next.max(offset.next());
        let answered = |offset: Offset| {
            let answers = scene.logged(offset).into_iter().flat_map(|logged| &logged.answers);
            answers.into_iter().any(|(who, life, _)| (*who, *life) == (server, incarnation))
        };
        while reader.unanswered < reader.next && answered(reader.unanswered) {
            reader.unanswered = reader.unanswered.next();
        }
        let (in_flight, window) =
            (reader.next.from(reader.unanswered), scene.scenario.testbed.service.window);
        if in_flight > u64::from(window) {
            let what =
                format!("{} has {in_flight} requests in flight, {window} are allowed", scene.name(server));
            found.add(Guarantee::Bounded, at, what);
        }
    }

    fn settled(&mut self, at: Instant, scene: &Scene<'_>, found: &mut Found) {
        while scene.logged(self.open).is_some_and(|logged| logged.released.is_some()) {
            self.open = self.open.next();
        }
        let (kept, most) =
            (Offset(scene.log.len() as u64).from(self.open), scene.scenario.testbed.service.log_entries);
        if kept > u64::from(most) {
            found.add(Guarantee::Bounded, at, format!("the log keeps {kept} requests, {most} are allowed"));
        }
        if std::mem::take(&mut self.lagged) && scene.serving.is_empty() {
            found.add(Guarantee::Bounded, at, "the last server was let go because the log was full");
        }
    }
}

fn over(at: Instant, ending: &Ending, scene: &Scene<'_>, found: &mut Found) {
    for (switch, counters) in &ending.remains.counters {
        let name = scene.name(*switch);
        if !counters.balanced() {
            found.add(
                Guarantee::Bounded,
                at,
                format!("{name} cannot account for all its frames: {counters:?}"),
            );
        }
        let seen = ending.frames.get(switch).copied().unwrap_or_default();
        let counted = (counters.frames_in, counters.frames_out);
        if seen != counted {
            let what = format!("{name} counted {counted:?} frames in and out, {seen:?} were seen");
            found.add(Guarantee::Bounded, at, what);
        }
    }
}

impl Checker for Accounts {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Asked { server, stamp, .. } => {
                self.asked(at, (*server, stamp.incarnation, stamp.offset), scene, found);
            }
            Sight::Event(Event::ReaderDropped { why: DropCause::Lagged, .. }) => self.lagged = true,
            Sight::Settled => self.settled(at, scene, found),
            Sight::Over(ending) => over(at, ending, scene, found),
            Sight::Event(_)
            | Sight::Reached(_)
            | Sight::Answered { .. }
            | Sight::Released { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Served { .. }
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. } => {}
        }
    }
}
