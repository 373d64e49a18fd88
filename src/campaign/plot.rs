//! A campaign as the paper's figures 3 and 4: means with their 95 % confidence intervals by the size of the state, each scheme under
//! each rule of handover.

use crate::plot::{Chart, Look, Point, Series};
use zerogap_scenario::campaign::{Campaign, Group, Summary};

/// The pictures as files: names and contents, each as SVG and as PNG.
pub(super) fn plots(campaign: &Campaign) -> Result<Vec<(String, Vec<u8>)>, String> {
    let of = |title: &str| format!("{title}, {} repetitions", campaign.configuration.plan.repeat());
    let chart = Chart {
        file: "added-delay",
        title: of("Added delay by size of the state"),
        y_label: "added delay, ms (mean and 95 % interval)",
        unit_ns: 1e6,
        threshold_ns: Some(campaign.threshold_ns),
        states_bytes: campaign.configuration.plan.states().map(|state| state.0).collect(),
        series: series(campaign, |group| group.added_delay_max_ns),
        marks: Vec::new(),
    };
    let mut files = Vec::from(chart.files()?);
    let chart = Chart {
        file: "migration-time",
        title: of("Migration time by size of the state"),
        y_label: "migration time, s (mean and 95 % interval)",
        unit_ns: 1e9,
        threshold_ns: None,
        series: series(campaign, |group| group.migration_time_ns),
        ..chart
    };
    files.extend(chart.files()?);
    Ok(files)
}

fn series(campaign: &Campaign, figure: fn(&Group) -> Option<Summary>) -> Vec<Series> {
    let plan = &campaign.configuration.plan;
    let mut series = Vec::new();
    for &scheme in plan.schemes() {
        for &handover in plan.handovers() {
            let own = |group: &&Group| (group.scheme, group.handover) == (scheme, handover);
            let groups = campaign.groups.iter().filter(own);
            let point = |group: &Group| Some(point(group.state_bytes, figure(group)?));
            let points = groups.filter_map(point).collect();
            series.push(Series { look: Look::under(scheme, handover), points });
        }
    }
    series
}

fn point(state_bytes: u64, summary: Summary) -> Point {
    let middle_ns = summary.mean.max(0).unsigned_abs();
    let half_ns = summary.ci95.unwrap_or(0);
    Point {
        state_bytes,
        low_ns: middle_ns.saturating_sub(half_ns),
        middle_ns,
        high_ns: middle_ns.saturating_add(half_ns),
    }
}
