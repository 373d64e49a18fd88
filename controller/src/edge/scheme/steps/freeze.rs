//! Freezing: the anchor holds the source's reader, and once all that was sent is answered, it knows the mark. Only then is the
//! source told to send what it holds, which is the state at the mark: `abort` sees to it that it says the same.

use super::prepare::{endpoints, snapshot};
use super::reached;
use crate::edge::step::Situation;
use crate::edge::step::{Step, Steps};
use zerogap_proto::{Image, Phase, PlanStatus, ServerCommand, ServiceOrder};

/// Whether the pages that are left travel before the targets go on, or are pulled after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::edge::scheme) enum Lazy {
    No,
    Yes,
}

impl Lazy {
    pub(super) const fn is_yes(self) -> bool {
        matches!(self, Self::Yes)
    }
}

/// Have the source's reader held.
pub(in crate::edge::scheme) fn freeze(plan: &PlanStatus) -> Steps {
    Steps::anchor(ServiceOrder::Freeze { migration: plan.migration })
}

/// When it is drained, have the frozen source send what is left; when it does, tell the anchor.
pub(in crate::edge::scheme) fn finish(s: &Situation<'_>, plan: &PlanStatus, lazy: Lazy) -> Steps {
    match progress(s, plan) {
        Progress::Draining => Steps::default(),
        Progress::Drained | Progress::Copying => {
            let (migration, targets, lazy) = (plan.migration, endpoints(plan), lazy.is_yes());
            Steps::server(plan.snapshotter, ServerCommand::Finish { migration, targets, lazy })
        }
        Progress::Cut => reached(plan, Phase::Transfer),
    }
}

/// When it is drained, have the frozen source's memory copied. When the copy is made before it was seen to begin, both are
/// told at once: the source is frozen until then.
pub(in crate::edge::scheme) fn copy_frozen(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match progress(s, plan) {
        Progress::Draining => Steps::default(),
        Progress::Drained => snapshot(plan, Image::FullCopy),
        Progress::Copying => reached(plan, Phase::Snapshot),
        Progress::Cut => {
            let migration = plan.migration;
            let copied = ServiceOrder::Reached { migration, phase: Phase::Snapshot };
            vec![Step::Anchor(copied), Step::Anchor(ServiceOrder::Thaw { migration })].into()
        }
    }
}

/// Have the source go on when its memory is copied.
pub(in crate::edge::scheme) fn thaw_when_copied(s: &Situation<'_>, plan: &PlanStatus) -> Steps {
    match progress(s, plan) {
        Progress::Draining | Progress::Drained | Progress::Copying => Steps::default(),
        Progress::Cut => Steps::anchor(ServiceOrder::Thaw { migration: plan.migration }),
    }
}

/// How far a source that is to be frozen is.
enum Progress {
    /// It may still be applying requests; or it has not reported, and has been asked.
    Draining,
    Drained,
    /// It copies its memory; or a pre-copy's source goes on keeping account of what has changed.
    Copying,
    /// It has said what it sends.
    Cut,
}

fn progress(s: &Situation<'_>, plan: &PlanStatus) -> Progress {
    if plan.mark.is_none() {
        return Progress::Draining;
    }
    if s.view.cut(plan.snapshotter, plan.migration).is_some() {
        return Progress::Cut;
    }
    match s.view.alive(plan.snapshotter) {
        None => Progress::Draining,
        Some(_) if s.copying(plan.snapshotter) == Some(plan.migration) => Progress::Copying,
        Some(_) => Progress::Drained,
    }
}
