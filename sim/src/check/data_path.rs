//! Guarantee 4: no request waits for a controller. An answer that a healthy serving server has given goes out at once, or, where
//! the preferred one is waited for, `failover_after` after the request was sent, whatever becomes of the controllers meanwhile.

use super::scene::Scene;
use super::sight::Sight;
use super::{Checker, Found, Guarantee};
use zerogap_proto::control::HandoverMode;
use zerogap_proto::{AbortReason, Duration, Event, Health, Instant, NodeId, Offset, Outcome};

/// What makes no difference.
const TOLERANCE: Duration = Duration::from_micros(1);

/// The requests that may be answered, by offset.
#[derive(Debug, Default)]
pub(super) struct DataPath {
    open: Vec<Open>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Open {
    /// When it was first sent to somebody who serves.
    sent: Option<Instant>,
    /// When the first answer came of somebody who serves and is healthy, and whose it was.
    answered: Option<(Instant, NodeId)>,
}

impl DataPath {
    fn open(&mut self, offset: Offset) -> &mut Open {
        let index = offset.0 as usize;
        if self.open.len() <= index {
            self.open.resize(index + 1, Open::default());
        }
        &mut self.open[index]
    }

    fn released(&mut self, at: Instant, offset: Offset, scene: &Scene<'_>, found: &mut Found) {
        let Open { sent: Some(sent), answered: Some((answered, server)) } = *self.open(offset) else {
            return;
        };
        let latest = answered.max(sent + scene.scenario.testbed.service.failover_after.0) + TOLERANCE;
        if at > latest && is_healthy(scene, server) {
            let (name, late) = (scene.name(server), at.since(latest));
            let what = format!("{name}'s answer to {offset} was held back for {late}");
            found.add(Guarantee::OffTheDataPath, at, what);
        }
    }
}

fn is_healthy(scene: &Scene<'_>, server: NodeId) -> bool {
    scene.serving.iter().any(|serving| serving.server == server && serving.health == Health::Healthy)
}

impl Checker for DataPath {
    fn see(&mut self, at: Instant, sight: &Sight, scene: &Scene<'_>, found: &mut Found) {
        let notifies = scene.scenario.testbed.controllers.handover == HandoverMode::Notify;
        match sight {
            Sight::Asked { server, stamp, .. } if scene.serves(*server) => {
                self.open(stamp.offset).sent.get_or_insert(at);
            }
            Sight::Answered { server, stamp, .. } if is_healthy(scene, *server) => {
                let life = scene.serving.iter().find(|s| s.server == *server).map(|s| s.incarnation);
                if life == Some(stamp.incarnation) {
                    self.open(stamp.offset).answered.get_or_insert((at, *server));
                }
            }
            Sight::Released { offset, .. } => self.released(at, *offset, scene, found),
            // The source is asked anew, and those who are given up count no more.
            Sight::Event(Event::Ended { outcome: Outcome::Aborted(AbortReason::FellBack), .. }) => {
                self.open.fill(Open::default());
            }
            Sight::Event(Event::PacketIn { waiting: true, .. }) if notifies => {
                let what = "a client's first frames wait, although the controller is only to be told";
                found.add(Guarantee::OffTheDataPath, at, what);
            }
            Sight::Kept { switch, sequence } if notifies => {
                let what = format!("{sequence} waits at {}", scene.name(*switch));
                found.add(Guarantee::OffTheDataPath, at, what);
            }
            Sight::Over(ending) if notifies => {
                for (switch, counters) in &ending.remains.counters {
                    if counters.held > 0 {
                        let what = format!("{} frames still wait at {}", counters.held, scene.name(*switch));
                        found.add(Guarantee::OffTheDataPath, at, what);
                    }
                }
            }
            Sight::Event(_)
            | Sight::Reached(_)
            | Sight::Asked { .. }
            | Sight::Answered { .. }
            | Sight::Kept { .. }
            | Sight::Status(_)
            | Sight::Settled
            | Sight::Served { .. }
            | Sight::FlowMod { .. }
            | Sight::Barrier { .. }
            | Sight::BarrierDone { .. }
            | Sight::Over(_) => {}
        }
    }
}
