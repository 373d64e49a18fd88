//! A run for real: hosts and processes (`stage`), workers and controllers as threads (`cast`, `controllers`), and the
//! loop on the main thread that passes messages on, carries out faults and writes everything down (`conduct`).
//!
//! ```text
//!  processes ◀─control sockets─▶ main thread ◀──mail──▶ controllers
//!      │ TAPs                     │ director             ▲
//!      ▼                          │ recorder             │ mail
//!  request worker, bulk worker ◀──┴──────────────────────┘
//! ```

mod cast;
mod conduct;
mod controllers;
mod houses;
mod stage;

use crate::place::{Placement, Work};
use crate::stall::StallMeter;
use crate::sys::clock::Clock;
use anyhow::{Context as _, Result};
use conduct::Conductor;
use std::time::SystemTime;
use zerogap_proto::{Duration, Event, Instant, NodeId};
use zerogap_scenario::file::{Core, Testbed};
use zerogap_scenario::results::{Stall, World};
use zerogap_scenario::{Ending, Finished, Scenario};

/// Runs a scenario to its end. Call it from the thread that lives as long as the program. `watch` sees each event.
///
/// # Errors
/// What this machine refused, or which part of the testbed ended before its time. Nothing is left behind.
pub fn run(scenario: &Scenario, watch: &mut dyn FnMut(Instant, NodeId, &Event)) -> Result<Finished> {
    let placement = placement(&scenario.testbed)?;
    let clock = Clock::starting_now();
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let stage = stage::Stage::set(scenario, placement, clock)?;
    // From here on this thread passes messages on and writes them down, which nobody waits for.
    placement.enter(Work::Bulk)?;
    let meter = StallMeter::start(&placement, clock)?;
    let (mut recorder, mut ending) = Conductor::new(scenario, stage, placement, clock)?.conduct(watch)?;
    let stall = |stall: &crate::stall::Stall| Stall { start: stall.start, length: stall.length };
    ending.stalls = meter.stop().stalls.iter().map(stall).collect();
    ending.started = Duration::from_nanos(u64::try_from(started.as_nanos()).unwrap_or(u64::MAX));
    let result = recorder.result(scenario, World::Real, ending);
    Ok(Finished { result, recorder })
}

/// The file's placement on this machine.
fn placement(testbed: &Testbed) -> Result<Placement> {
    let auto = Placement::of_this_machine().context("cannot place the testbed on this machine's cores")?;
    let choose = |core: Core, auto: Option<usize>| match core {
        Core::Auto => auto,
        Core::Number(number) => Some(usize::from(number)),
    };
    let wanted = testbed.placement;
    Ok(Placement {
        request_core: choose(wanted.request_core, auto.request_core),
        bulk_core: choose(wanted.bulk_core, auto.bulk_core),
        bulk_nice: if wanted.autogroup { auto.bulk_nice } else { 0 },
    })
}

/// What the conductor hands over when the run has ended.
type Ended = (zerogap_scenario::Recorder, Ending);
