//! What is drawn: short runs with small states and many migrations, on a route that passes access points of both switches in turn,
//! with all that a testbed file lets go wrong. Everything that is drawn can be carried out to the end, so a run that is stuck is
//! a finding.

use super::plan::Plan;
use std::fmt::Write;
use zerogap_proto::{Phase, Scheme};
use zerogap_scenario::draw::{Sampler, stream};

const SERVERS: [&str; 4] = ["edge-a1", "edge-a2", "edge-b1", "edge-b2"];
/// Access points along the route: enough for a dozen migrations on the way there.
const POINTS: u64 = 12;
/// Faults in one run at the most.
const FAULTS_MAX: u64 = 4;

/// The run of this index.
pub(super) fn plan(seed: u64, index: u64, schemes: &[Scheme]) -> Plan {
    let mut dice = Dice(stream(seed, &format!("explore.{index}")));
    let scheme = dice.pick(if schemes.is_empty() { &Scheme::ALL } else { schemes });
    let migrations = 1 + dice.below(12);
    let ground = ground(&mut dice, scheme, migrations);
    let twists = twists(&mut dice, scheme);
    let mortal = dice.pick(&SERVERS);
    let count = dice.below(FAULTS_MAX + 1);
    let faults = (0..count).map(|_| fault(&mut dice, scheme, migrations, mortal)).collect();
    Plan { index, scheme, ground, twists, faults }
}

/// Draws.
struct Dice(Sampler);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        (self.0.dice() * bound as f64) as u64
    }

    fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.0.dice() < probability
    }

    /// Small values as likely as large ones.
    fn log_between(&mut self, from: u64, to: u64) -> u64 {
        (from as f64 * (to as f64 / from as f64).powf(self.0.dice())).round() as u64
    }
}

/// What every run needs: where the AGV drives, how often it asks, what moves.
fn ground(dice: &mut Dice, scheme: Scheme, migrations: u64) -> Vec<String> {
    let spacing_mm = dice.between(250, 1_200);
    let mut points = String::new();
    for n in 0..POINTS {
        let (switch, x_mm) = (1 + n % 2, 1_000 + n * spacing_mm);
        let _ = write!(points, "{{name: p{n}, switch: s{switch}, x_mm: {x_mm}, y_mm: 19000}},");
    }
    let end_mm = 1_000 + POINTS * spacing_mm;
    let fill = dice.pick(&["dense", "sparse"]);
    vec![
        format!("seed={}", dice.below(1 << 32)),
        format!("scheme={}", scheme.name()),
        format!("migrations={migrations}"),
        "duration=1 ms".into(),
        format!("state={{size: {} KiB, fill: {fill}}}", dice.log_between(4, 512)),
        format!("topology.access_points=[{points}]"),
        format!("client.route=[{{x_mm: 1000, y_mm: 18000}}, {{x_mm: {end_mm}, y_mm: 18000}}]"),
        "client.hysteresis_mm=50".into(),
        "client.start_delay=2 ms".into(),
        format!("client.interval={{kind: normal, mean: {} ms, std_dev: 0.4 ms}}", dice.between(6, 12)),
        format!("client.lidar_beams={}", dice.pick(&[8, 16])),
        format!("review.agreements={}", dice.between(1, 10)),
        format!("controllers.hold_time={} ms", dice.between(1, 60)),
        "controllers.timeouts={prepare: 2 s, rounds: 4 s, snapshot: 2 s, transfer: 4 s, restore: 2 s}".into(),
    ]
}

/// What is not as in the file.
fn twists(dice: &mut Dice, scheme: Scheme) -> Vec<String> {
    let mut twists = Vec::new();
    if dice.chance(0.4) {
        for server in SERVERS {
            if dice.chance(0.6) {
                twists.push(format!("links.overrides.{server}={{{}}}", unsound(dice)));
            }
        }
    }
    if dice.chance(0.35) {
        let rate = dice.between(20, 900);
        let sound = format!("rate: {rate} Mbit/s, reorder: 0.02, jitter: 50 us");
        let trunk = if dice.chance(0.5) { unsound(dice) } else { sound };
        twists.push(format!("links.overrides.s1-s2={{{trunk}}}"));
    }
    if dice.chance(0.2) {
        twists
            .push(format!("radio.link={{rate: 54 Mbit/s, delay: 54 us, queue: 256 KB, {}}}", unsound(dice)));
    }
    let mut maybe = |dice: &mut Dice, probability: f64, twist: String| {
        if dice.chance(probability) {
            twists.push(twist);
        }
    };
    let twist = format!("radio.overlap={} ms", dice.between(1, 50));
    maybe(dice, 0.2, twist);
    let twist = format!("radio.handover_interruption={} ms", dice.between(1, 40));
    maybe(dice, 0.1, twist);
    let twist = format!("service.selection={}", dice.pick(&["first", "vote"]));
    maybe(dice, 0.4, twist);
    let twist = format!("service.absences_to_promote={}", dice.between(1, 5));
    maybe(dice, 0.3, twist);
    let window = dice.pick(&[2, 4, 8]);
    maybe(dice, 0.2, format!("service.window={window}"));
    let twist = format!("service.log_entries={}", dice.between(64, 160));
    maybe(dice, 0.15, twist);
    let (reactive, decision_time_us) = (dice.chance(0.2), dice.below(6_000));
    if reactive {
        maybe(dice, 1.0, "controllers.handover=reactive".into());
        maybe(dice, 1.0, format!("controllers.decision_time={decision_time_us} us"));
    }
    let twist = format!("controllers.refresh={} ms", dice.between(10, 100));
    maybe(dice, 0.5, twist);
    maybe(dice, 0.1, "controllers.no_standby=abort".into());
    let twist = format!("review.absences_max={}", dice.between(1, 20));
    maybe(dice, 0.2, twist);
    match scheme {
        Scheme::PreCopy | Scheme::Hybrid => {
            let (budget_us, rounds) = (dice.log_between(1, 10_000), dice.between(1, 5));
            let copying = format!(
                "copying={{downtime_budget: {budget_us} us, rounds_max: {rounds}, hybrid_rounds: {rounds}}}"
            );
            maybe(dice, 0.7, copying);
        }
        Scheme::StopAndCopy | Scheme::PostCopy | Scheme::Redundancy | Scheme::HotStandby => {}
    }
    twists
}

fn unsound(dice: &mut Dice) -> String {
    let (loss, twice, late) = (dice.0.dice() * 0.03, dice.0.dice() * 0.05, dice.0.dice() * 0.05);
    format!("loss: {loss:.4}, duplicate: {twice:.4}, reorder: {late:.4}, jitter: 50 us")
}

/// One fault. Most kills name the same server, or where one serves alone the one that is the target then: otherwise most runs
/// would be over with the loss of the state, of which there is no more to be seen than that.
fn fault(dice: &mut Dice, scheme: Scheme, migrations: u64, mortal: &str) -> String {
    let (at, migration) = at(dice, scheme, migrations);
    let alone = scheme.replicas() == 1;
    let likely = if alone { target_of(migration) } else { mortal };
    let node = if dice.chance(0.85) { likely } else { dice.pick(&SERVERS) };
    let ms = dice.between(1, 150);
    match dice.below(10) {
        0..=2 => format!("{{kind: kill, at: {at}, node: {node}}}"),
        3 | 4 => format!("{{kind: stop, at: {at}, node: {}, for: {ms} ms}}", dice.pick(&SERVERS)),
        5 | 6 => {
            // The memory of a server that serves alone is never right again, and then nothing can move any more: so only on its way, and
            // where that is too late to notice, in the last migration.
            let at = if alone { format!("{{phase: Transfer, migration: {migrations}}}") } else { at };
            let node = if alone { target_of(migrations) } else { node };
            let at_restore = alone || dice.chance(0.5);
            let (byte, bit) = (dice.below(1_000_000), dice.below(8));
            format!(
                "{{kind: flip-bit, at: {at}, node: {node}, byte: {byte}, bit: {bit}, at_restore: {at_restore}}}"
            )
        }
        7 | 8 => {
            let link =
                dice.pick(&["s1-s2", "s1-s2", "edge-a1", "edge-a2", "edge-b1", "edge-b2", "p0", "agv"]);
            format!("{{kind: link-down, at: {at}, link: {link}, for: {ms} ms}}")
        }
        _ => format!("{{kind: restart-controllers, at: {at}}}"),
    }
}

/// Who takes over in this migration if those before were complete.
const fn target_of(migration: u64) -> &'static str {
    if migration % 2 == 1 { "edge-b1" } else { "edge-a1" }
}

/// When, and in which migration as far as that is said.
fn at(dice: &mut Dice, scheme: Scheme, migrations: u64) -> (String, u64) {
    let migration = dice.between(1, migrations);
    if dice.chance(0.3) {
        return (format!("{{time: {} us}}", dice.between(1_000, 250_000 * migrations)), migration);
    }
    let delay_us = if dice.chance(0.3) { 0 } else { dice.log_between(10, 60_000) };
    let phase = dice.pick(phases(scheme));
    (format!("{{phase: {phase}, migration: {migration}, delay: {delay_us} us}}"), migration)
}

const fn phases(scheme: Scheme) -> &'static [Phase] {
    use Phase::{
        Complete, Freeze, Prepare, Pull, Replay, Restore, Review, Rounds, Snapshot, SwitchOver, Transfer,
    };
    match scheme {
        Scheme::StopAndCopy => &[Prepare, Freeze, Transfer, Restore, SwitchOver, Complete],
        Scheme::PreCopy => &[Prepare, Rounds, Freeze, Transfer, Restore, SwitchOver, Complete],
        Scheme::PostCopy => &[Prepare, Freeze, Transfer, SwitchOver, Pull, Complete],
        Scheme::Hybrid => &[Prepare, Rounds, Freeze, Transfer, SwitchOver, Pull, Complete],
        Scheme::Redundancy => {
            &[Prepare, Freeze, Snapshot, Transfer, Restore, Replay, Review, SwitchOver, Complete]
        }
        Scheme::HotStandby => &[Snapshot, Transfer, Restore, Replay, Review, SwitchOver, Complete],
    }
}
