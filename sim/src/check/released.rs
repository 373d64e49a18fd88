//! Guarantee 1, at the anchor: each request is logged once, at most one answer to it goes out, that answer was given by somebody
//! who serves, and in the end every logged request has one unless the service was lost.

use super::scene::Scene;
use super::sight::{Ending, Sight};
use super::{Checker, Found, Guarantee, unsettled_for};
use zerogap_proto::{DropReason, Instant, Offset, Sequence};

/// What has been seen of requests and answers.
#[derive(Debug, Default)]
pub(super) struct Released {
    /// Which requests have come to the anchor, by sequence number, and where they stand in the log.
    requests: Vec<Request>,
    /// What went out in this turn of the anchor's, and whether somebody who served before had answered it.
    fresh: Vec<(Offset, u64, bool)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Request {
    reached: bool,
    logged: Option<Offset>,
}

impl Released {
    fn request(&mut self, sequence: Sequence) -> &mut Request {
        let index = sequence.0 as usize;
        if self.requests.len() <= index {
            self.requests.resize(index + 1, Request::default());
        }
        &mut self.requests[index]
    }

    fn asked(
        &mut self,
        at: Instant,
        offset: Offset,
        sequence: Sequence,
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        if let Some(logged) = scene.logged(offset) {
            if logged.sequence != sequence {
                let what = format!("{offset} stood for {} and now stands for {sequence}", logged.sequence);
                found.add(Guarantee::GapFree, at, what);
            }
        } else if offset.0 > scene.log.len() as u64 {
            let what = format!("{offset} is sent although nobody was ever sent #{}", scene.log.len());
            found.add(Guarantee::GapFree, at, what);
        } else if let Some(before) = self.request(sequence).logged.replace(offset) {
            found.add(Guarantee::OneAnswer, at, format!("{sequence} is logged at {before} and at {offset}"));
        }
    }

    fn released(
        &mut self,
        at: Instant,
        (offset, sequence, content): (Offset, Sequence, u64),
        scene: &Scene<'_>,
        found: &mut Found,
    ) {
        let Some(logged) = scene.logged(offset) else {
            return found.add(Guarantee::OneAnswer, at, format!("{offset} is answered and was never asked"));
        };
        if logged.sequence != sequence {
            let what = format!("the answer to {offset} is for {sequence}, not for {}", logged.sequence);
            found.add(Guarantee::OneAnswer, at, what);
        }
        if let Some((before, _)) = logged.released {
            let what = format!("{sequence} ({offset}) is answered a second time, the first was at {before}");
            found.add(Guarantee::OneAnswer, at, what);
        }
        self.fresh.push((offset, content, is_of_somebody_serving(scene, offset, content)));
    }

    fn over(&self, at: Instant, ending: &Ending, scene: &Scene<'_>, found: &mut Found) {
        let Some(service) = &ending.remains.service else { return };
        let refused = |reason| {
            let dropped = ending.remains.counters.values().map(|counters| counters.dropped.get(&reason));
            dropped.flatten().sum::<u64>()
        };
        let refused = refused(DropReason::LogFull)
            + refused(DropReason::StaleRequest)
            + refused(DropReason::TooManyClients)
            + refused(DropReason::Malformed);
        let reached = self.requests.iter().filter(|request| request.reached).count() as u64;
        if reached > service.head.0 + refused {
            let what = format!(
                "{reached} requests came to the anchor, {} were logged and {refused} refused",
                service.head.0
            );
            found.add(Guarantee::OneAnswer, at, what);
        }
        let settled = at >= scene.last_fault + unsettled_for(scene.scenario);
        if !settled || scene.is_service_lost() {
            return;
        }
        let open =
            |offset: &u64| scene.logged(Offset(*offset)).is_none_or(|logged| logged.released.is_none());
        if let Some(first) = (0..service.head.0).find(open) {
            let count = (0..service.head.0).filter(open).count();
            let what = format!("{count} logged requests were never answered, the first at #{first}");
            found.add(Guarantee::OneAnswer, at, what);
        }
    }
}

/// Whether a server that serves has answered the offset with this.
fn is_of_somebody_serving(scene: &Scene<'_>, offset: Offset, content: u64) -> bool {
    let answers = scene.logged(offset).into_iter().flat_map(|logged| &logged.answers);
    answers.filter(|(_, _, said)| *said == content).any(|(server, _, _)| scene.serves(*server))
}

impl Checker for Released {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        match sight {
            Sight::Reached(sequence) => self.request(*sequence).reached = true,
            Sight::Asked { stamp, sequence, .. } => self.asked(at, stamp.offset, *sequence, scene, found),
            Sight::Released { offset, sequence, content } => {
                self.released(at, (*offset, *sequence, *content), scene, found);
            }
            Sight::Settled => {
                for (offset, content, before) in self.fresh.drain(..) {
                    if !before && !is_of_somebody_serving(scene, offset, content) {
                        let what = format!("what went out for {offset} is no answer of a serving server");
                        found.add(Guarantee::OneAnswer, at, what);
                    }
                }
            }
            Sight::Over(ending) => self.over(at, ending, scene, found),
            Sight::Event(_)
            | Sight::Answered { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Served { .. }
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. } => {}
        }
    }
}
