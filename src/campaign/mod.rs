//! `zerogap campaign`: the paper's Table I in virtual time, on all cores. What it is made of and what it says is computed by
//! `zerogap_scenario::campaign`; here runs are simulated, and results go to their places, so that neither the number of threads nor a
//! split into shards shows in them.

pub(crate) mod args;
mod config;
pub(crate) mod output;
mod plot;
pub(crate) mod pool;
mod progress;

use crate::exit::{Code, Stopped, fail};
use args::Campaign;
use config::Configs;
use progress::Progress;
use std::num::NonZero;
use std::process::ExitCode;
use zerogap_proto::control::HandoverMode;
use zerogap_scenario::campaign::{Part, Run, RunId, Shard, campaign, run};

pub(crate) fn main(args: &Campaign) -> ExitCode {
    match simulate(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped { code, why }) => fail(code, why),
    }
}

fn simulate(args: &Campaign) -> Result<(), Stopped> {
    let configs = Configs::read(args)?;
    let shared = configs.shared();
    output::open(&args.out, shared)?;
    let threads = args.threads.map_or_else(cores, usize::from);
    let mut runs = Vec::new();
    // A rule after the other, so that what each takes can be told.
    for &handover in shared.plan.handovers() {
        let share = shared.plan.share(args.shard.unwrap_or(Shard::WHOLE), handover);
        runs.extend(batch(args, &configs, handover, &share, threads)?);
    }
    let Some(shard) = args.shard else {
        return output::conclude(&args.out, &campaign(shared.clone(), runs), args.json);
    };
    let part = Part::new(shard, shared.clone(), runs);
    let text = part.to_json();
    output::write(&args.out, output::PART, text.as_bytes())?;
    if args.json {
        output::print(&text);
    }
    let (held, all) = (part.runs.len(), shared.plan.runs().len());
    let rest = "zerogap merge makes one campaign of all shards' directories";
    output::show(&format!("shard {shard}: {held} of {all} runs; {rest}\n"), args.json);
    Ok(())
}

/// All runs under one rule.
fn batch(
    args: &Campaign,
    configs: &Configs,
    handover: HandoverMode,
    ids: &[RunId],
    threads: usize,
) -> Result<Vec<Run>, Stopped> {
    let mut progress = Progress::new(handover.name(), ids.len());
    let made = pool::each(ids, threads, |id| one(configs, id), |_| progress.done());
    let runs = made.map_err(|failed| {
        let id = &ids[failed.piece];
        let again = output::replay(&args.out, id, configs.shared().plan.seed(id.repetition));
        Stopped::new(Code::Failed, format_args!("{id}: {}\nagain: {again}", failed.why))
    })?;
    progress.finish(threads);
    Ok(runs)
}

/// One run, from its configuration to what is kept of it. Whatever its figures are, it keeps the guarantees, or the campaign ends.
fn one(configs: &Configs, id: &RunId) -> Result<Run, String> {
    let scenario = configs.of(id).ok_or("it is no run of this campaign")?;
    let judged =
        zerogap_sim::check::simulate(&scenario, &mut |_, _, _| {}).map_err(|error| error.to_string())?;
    match judged.violations.first() {
        None => Ok(run(&configs.shared().plan, id, &judged.finished.result)),
        Some(violation) => Err(violation.to_string()),
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}
