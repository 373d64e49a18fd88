//! The guarantees, judged over random runs: links that lose, double and reorder, servers that die, stand still or rot,
//! controllers that forget. Each run is written as overrides, and a violation prints the command that replays it.

use crate::run::{Run, run};
use std::collections::BTreeMap;
use zerogap_proto::{Duration, Event, Goal, Instant, MigrationId, Outcome, PlanStatus};
use zerogap_scenario::draw::{Sampler, stream};

/// A run does not wait for a re-seeding that a late kill caused: one that began this shortly before the end may be unfinished.
const RESEED_TAKES_MAX: Duration = Duration::from_secs(2);
const RUNS: u64 = 60;
const PHASES: [&str; 7] = ["Snapshot", "Transfer", "Restore", "Replay", "Review", "SwitchOver", "Complete"];
const SERVERS: [&str; 4] = ["edge-a1", "edge-a2", "edge-b1", "edge-b2"];

/// A random run, and what it may be held to.
struct Plan {
    sets: Vec<String>,
    /// The trunk lost or doubled frames beyond the anchor, or was down: the client may see that.
    trunk_unsound: bool,
}

fn pick<'a>(dice: &mut Sampler, of: &[&'a str]) -> &'a str {
    of[below(dice, of.len() as u64) as usize]
}

fn below(dice: &mut Sampler, bound: u64) -> u64 {
    (dice.dice() * bound as f64) as u64
}

fn at(dice: &mut Sampler, migrations: u64) -> String {
    if dice.dice() < 0.3 {
        return format!("{{time: {} us}}", 300_000 + below(dice, 4_000_000));
    }
    let (migration, delay) = (1 + below(dice, migrations), below(dice, 60_000));
    let delay = if dice.dice() < 0.3 { 0 } else { delay };
    format!("{{phase: {}, migration: {migration}, delay: {delay} us}}", pick(dice, &PHASES))
}

/// One fault; kills name the same server, so that never both of a serving pair are dead.
fn fault(dice: &mut Sampler, migrations: u64, mortal: &str) -> String {
    let at = at(dice, migrations);
    let (byte, bit) = (below(dice, 1_000_000), below(dice, 8));
    let (ms, at_restore) = (1 + below(dice, 150), dice.dice() < 0.5);
    match below(dice, 5) {
        0 | 1 => format!("{{kind: kill, at: {at}, node: {mortal}}}"),
        2 => format!("{{kind: stop, at: {at}, node: {mortal}, for: {ms} ms}}"),
        3 => format!(
            "{{kind: flip-bit, at: {at}, node: {mortal}, byte: {byte}, bit: {bit}, at_restore: {at_restore}}}"
        ),
        _ => format!("{{kind: restart-controllers, at: {at}}}"),
    }
}

fn plan(seed: u64) -> Plan {
    let mut dice = stream(seed, "guarantees");
    let migrations = 1 + below(&mut dice, 3);
    let trunk_unsound = dice.dice() < 0.25;
    let mut sets = vec![
        format!("seed={seed}"),
        format!("migrations={migrations}"),
        "state.size=1 MB".into(),
        "duration=1 s".into(),
        "client.route=[{x_mm: 11500, y_mm: 10000}, {x_mm: 14000, y_mm: 10000}]".into(),
        format!("service.selection={}", pick(&mut dice, &["preferred", "preferred", "first", "vote"])),
    ];
    let unsound = |dice: &mut Sampler| {
        let (loss, twice, late) = (dice.dice() * 0.03, dice.dice() * 0.05, dice.dice() * 0.05);
        format!("loss: {loss:.4}, duplicate: {twice:.4}, reorder: {late:.4}, jitter: 50 us")
    };
    for server in SERVERS {
        if dice.dice() < 0.6 {
            sets.push(format!("links.overrides.{server}={{{}}}", unsound(&mut dice)));
        }
    }
    let trunk = if trunk_unsound { unsound(&mut dice) } else { "reorder: 0.02, jitter: 50 us".into() };
    sets.push(format!("links.overrides.s1-s2={{{trunk}}}"));
    let mortal = pick(&mut dice, &SERVERS);
    for index in 0..below(&mut dice, 4) {
        sets.push(format!("faults.{index}={}", fault(&mut dice, migrations, mortal)));
    }
    Plan { sets, trunk_unsound }
}

/// What is wrong with a run; nothing, one hopes.
fn violations(plan: &Plan, run: &Run) -> Vec<String> {
    let (result, mut wrong) = (run.result(), Vec::new());
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let requests = result.requests;
    if !plan.trunk_unsound {
        must(requests.duplicated == 0, "a request was answered twice");
        must(requests.lost == 0, "a request was lost although a serving server lived");
    }
    let digests: Vec<&String> = result.state_digests.values().collect();
    must(digests.windows(2).all(|pair| pair[0] == pair[1]), "the serving servers' states differ");
    let asked_for = run.scenario.testbed.migrations as usize;
    must(result.migrations_completed() >= asked_for, "the run ended before its migrations were done");
    let service = run.finished.recorder.service();
    let plan = service.and_then(|service| service.plan.as_ref());
    let excused = |left: &PlanStatus| left.goal == Goal::Reseed && began_late(run, left.migration);
    must(service.is_some() && plan.is_none_or(excused), "a plan is left over: the log is still pinned");
    wrong.extend(journal_violations(run));
    wrong
}

fn began_late(run: &Run, wanted: MigrationId) -> bool {
    let end = run.events().last().map_or(Instant::ZERO, |(at, _)| at);
    let begun = |event: &Event| matches!(event, Event::Begun { migration, .. } if *migration == wanted);
    run.events().any(|(at, event)| begun(event) && end.since(at) < RESEED_TAKES_MAX)
}

/// What the journal shows: a migration begins when none is under way, and switches over only after the agreements.
fn journal_violations(run: &Run) -> Vec<String> {
    let (mut wrong, mut cuts, mut goals) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
    let mut restored: BTreeMap<MigrationId, Vec<_>> = BTreeMap::new();
    let mut under_way: Option<MigrationId> = None;
    for (_, event) in run.events() {
        if let Event::Begun { migration, goal, .. } = event {
            if let Some(other) = under_way.replace(*migration) {
                wrong.push(format!("migration {} begins while {} is under way", migration.0, other.0));
            }
            goals.insert(*migration, *goal);
        } else if let Event::Cut { migration, mark, digest, .. } = event {
            cuts.insert(*migration, (*mark, *digest));
        } else if let Event::Restored { migration, mark, digest, .. } = event {
            restored.entry(*migration).or_default().push((*mark, *digest));
        } else if let Event::Ended { migration, outcome, review, .. } = event {
            if under_way.take() != Some(*migration) {
                wrong.push(format!("migration {} ends and was not under way", migration.0));
            }
            if *outcome != Outcome::Complete {
                continue;
            }
            let (cut, held) = (cuts.get(migration), restored.get(migration).map_or(&[][..], Vec::as_slice));
            if held.is_empty() || held.iter().any(|restored| Some(restored) != cut) {
                wrong.push(format!(
                    "migration {} completed with a state that was not the cut one",
                    migration.0
                ));
            }
            let required = run.scenario.testbed.review.agreements;
            if goals[migration] == Goal::SwitchOver && (review.agreed < required || review.disagreed > 0) {
                wrong.push(format!("migration {} switched over with {review:?}", migration.0));
            }
        }
    }
    if under_way.is_some_and(|left| goals[&left] != Goal::Reseed || !began_late(run, left)) {
        wrong.push("a migration never ended".into());
    }
    wrong
}

#[test]
fn no_random_run_breaks_a_guarantee() {
    let mut failures = String::new();
    let mut seen = [0_usize; 3];
    for seed in 1..=RUNS {
        let plan = plan(seed);
        let run = run(&plan.sets);
        seen[0] += run.outcomes().iter().filter(|outcome| **outcome == Outcome::Complete).count();
        seen[1] += run.outcomes().iter().filter(|outcome| **outcome != Outcome::Complete).count();
        seen[2] += run.events().filter(|(_, event)| matches!(event, Event::Fault { .. })).count();
        let wrong = violations(&plan, &run);
        if !wrong.is_empty() {
            let sets: String = plan.sets.iter().map(|set| format!(" --set '{set}'")).collect();
            failures += &format!("seed {seed}: {}\n  zerogap simulate{sets}\n", wrong.join("; "));
        }
    }
    println!("{} migrations completed, {} were aborted, {} faults struck", seen[0], seen[1], seen[2]);
    assert!(failures.is_empty(), "{failures}");
    assert!(seen.iter().all(|count| *count > 10), "the runs are too tame to show anything: {seen:?}");
}
