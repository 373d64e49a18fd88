//! From runs to what they say together: the paper's two figures, each size, scheme and rule a point with its confidence interval.

use super::model::{Campaign, Configuration, Group, GroupRequests, Removed, SCHEMA};
use super::plan::Plan;
use super::run::Run;
use super::statistics::Summary;
use std::collections::BTreeMap;
use zerogap_proto::control::HandoverMode;

/// The campaign of these runs, which may come in any order. Runs that the plan does not have are left out.
pub fn campaign(configuration: Configuration, runs: Vec<Run>) -> Campaign {
    let mut by_id: BTreeMap<_, _> = runs.into_iter().map(|run| (run.id(), run)).collect();
    let runs: Vec<Run> = configuration.plan.runs().iter().filter_map(|id| by_id.remove(id)).collect();
    Campaign {
        schema: SCHEMA.to_owned(),
        threshold_ns: configuration.testbed.threshold.0.as_nanos(),
        groups: runs.chunk_by(together).filter_map(group).collect(),
        removed_by_notify: removed(&configuration.plan, &runs),
        configuration,
        runs,
    }
}

fn together(a: &Run, b: &Run) -> bool {
    (a.state_bytes, a.scheme, a.handover) == (b.state_bytes, b.scheme, b.handover)
}

fn group(runs: &[Run]) -> Option<Group> {
    let first = runs.first()?;
    let over = |figure: fn(&Run) -> Option<u64>| Summary::of_ns(runs.iter().filter_map(figure));
    let sum = |figure: fn(&Run) -> u64| runs.iter().map(figure).sum();
    let mut verdicts = BTreeMap::new();
    for run in runs {
        *verdicts.entry(run.verdict).or_insert(0) += 1;
    }
    Some(Group {
        state_bytes: first.state_bytes,
        scheme: first.scheme,
        handover: first.handover,
        runs: runs.len() as u64,
        verdicts,
        added_delay_max_ns: over(|run| run.added_delay_max_ns),
        downtime_ns: over(|run| Some(run.downtime_ns)),
        migration_time_ns: over(|run| run.migration_time_ns),
        rtt_p50_ns: over(|run| run.rtt_p50_ns),
        requests: GroupRequests {
            sent: sum(|run| run.sent),
            late: sum(|run| run.late),
            lost: sum(|run| run.lost),
        },
    })
}

fn removed(plan: &Plan, runs: &[Run]) -> Vec<Removed> {
    if !HandoverMode::ALL.iter().all(|handover| plan.handovers().contains(handover)) {
        return Vec::new();
    }
    let added: BTreeMap<_, i64> = runs
        .iter()
        .filter_map(|run| Some((run.id(), i64::try_from(run.added_delay_max_ns?).ok()?)))
        .collect();
    let under = |handover| {
        move |run: &Run| {
            let mut id = run.id();
            id.handover = handover;
            id
        }
    };
    let pair = |run: &Run| {
        let [waits, tells] = HandoverMode::ALL.map(|handover| added.get(&under(handover)(run)).copied());
        Some(waits? - tells?)
    };
    let of_one_rule = runs.iter().filter(|run| run.handover == HandoverMode::Notify);
    let of_one_rule: Vec<Run> = of_one_rule.copied().collect();
    let removed = |runs: &[Run]| {
        let first = runs.first()?;
        let added_delay_max_ns = Summary::of(runs.iter().filter_map(pair));
        Some(Removed { state_bytes: first.state_bytes, scheme: first.scheme, added_delay_max_ns })
    };
    of_one_rule.chunk_by(together).filter_map(removed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::testing::{all, configuration, ms};
    use zerogap_proto::Scheme;

    fn found(campaign: &Campaign, state_bytes: u64, scheme: Scheme, handover: HandoverMode) -> &Group {
        let wanted = |g: &&Group| (g.state_bytes, g.scheme, g.handover) == (state_bytes, scheme, handover);
        campaign.groups.iter().find(wanted).unwrap()
    }

    #[test]
    fn each_size_scheme_and_rule_is_a_group_with_its_summaries() {
        let configuration = configuration(3);
        let campaign = campaign(configuration.clone(), all(&configuration.plan));
        assert_eq!(campaign.groups.len(), 8);
        let hot = found(&campaign, 4_000_000, Scheme::HotStandby, HandoverMode::Reactive);
        let added = hot.added_delay_max_ns.unwrap();
        // 4.01, 4.02 and 4.03 ms: a standard deviation of 10 µs, t = 4.303.
        assert_eq!((added.mean, added.median, added.count), (4_020_000, 4_020_000, 3));
        assert_eq!(added.ci95, Some(24_841));
        assert_eq!(hot.migration_time_ns.unwrap().mean, 40_000_000);
        assert_eq!((hot.runs, hot.requests.sent, hot.requests.lost), (3, 3 * 781, 0));
    }

    #[test]
    fn what_notify_removes_is_told_run_by_run() {
        let configuration = configuration(3);
        let campaign = campaign(configuration.clone(), all(&configuration.plan));
        let removed: Vec<_> = campaign
            .removed_by_notify
            .iter()
            .map(|r| (r.state_bytes, r.scheme, r.added_delay_max_ns.unwrap().mean))
            .collect();
        let (small, large, waiting) = (4_000_000, 40_000_000, ms(4) as i64);
        assert_eq!(
            removed,
            [
                (small, Scheme::Redundancy, 0),
                (small, Scheme::HotStandby, waiting),
                (large, Scheme::Redundancy, 0),
                (large, Scheme::HotStandby, waiting),
            ]
        );
        let exact = campaign.removed_by_notify[1].added_delay_max_ns.unwrap().ci95;
        assert_eq!(exact, Some(0), "what the runs share cancels out");
    }

    #[test]
    fn the_order_in_which_runs_came_does_not_show() {
        let configuration = configuration(4);
        let in_order = all(&configuration.plan);
        let mut turned = in_order.clone();
        turned.rotate_left(13);
        turned.reverse();
        let json = |runs| campaign(configuration.clone(), runs).to_json();
        assert_eq!(json(turned), json(in_order));
    }

    #[test]
    fn one_rule_alone_removes_nothing() {
        let mut configuration = configuration(1);
        let schemes = [Scheme::HotStandby];
        let states: Vec<_> = configuration.plan.states().collect();
        configuration.plan = Plan::new(&schemes, &[HandoverMode::Notify], &states, 1, 1);
        let campaign = campaign(configuration.clone(), all(&configuration.plan));
        assert_eq!((campaign.groups.len(), campaign.removed_by_notify.len()), (2, 0));
    }
}
