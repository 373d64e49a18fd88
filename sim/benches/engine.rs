//! How fast the simulator is: events a second on one core, and seconds of real time for a simulated minute, for both schemes of
//! the paper, with Table I's scanner of four beams. `cargo bench -p zerogap-sim`; to compare two versions, build both and run them in turns.

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a benchmark looks at the clock")]

use std::time::Instant;
use zerogap_scenario::Scenario;
use zerogap_scenario::file::{Override, parse};
use zerogap_sim::world::World;

/// The program's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 5;
const SETS: [&str; 3] = ["duration=60s", "client.lidar_beams=4", "service.scrub_interval=0"];

fn main() {
    for scheme in ["redundancy", "hot-standby"] {
        for state in ["4MB", "2GB"] {
            let own = [format!("scheme={scheme}"), format!("state.size={state}")];
            let sets = SETS.iter().map(|set| set.parse()).chain(own.iter().map(|set| set.parse()));
            let sets = sets.collect::<Result<Vec<Override>, _>>().expect("sound overrides");
            let scenario = Scenario::new(parse("the demo", "", &sets).expect("a sound file"));
            let (took_s, events) = median(&scenario);
            let rate = events as f64 / took_s / 1e6;
            println!(
                "{scheme:12} {state:>5}  {events:>9} events  {:7.1} ms  {rate:5.2} M events/s",
                took_s * 1e3
            );
        }
    }
}

/// The median of several runs, in seconds, and the events of one.
fn median(scenario: &Scenario) -> (f64, u64) {
    let mut times = Vec::new();
    let mut events = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let mut world = World::new(scenario).expect("a sound scenario");
        world.run(&mut |_, _, _| {});
        events = world.happened();
        world.finish();
        times.push(began.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    (times[ROUNDS / 2], events)
}
