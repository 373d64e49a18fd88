//! `zerogap compare`: schemes side by side for real, interleaved, each run a fresh process of this program. What is finished stays in
//! its own directory and is not run again with `--resume`. What the runs say together is computed by `zerogap_scenario::compare`.

mod config;
mod plot;
mod predict;
mod progress;
mod store;

use crate::cli::Compare;
use crate::exit::{Code, Stopped, fail};
use crate::one_run;
use config::Configs;
use progress::Progress;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use store::{Ended, Store};
use zerogap_proto::Duration;
use zerogap_scenario::compare::{
    Cell, CellId, Comparison, Contender, ControlRun, Foreseen, Plan, cell, compare, control_duration,
    prediction_table, table,
};
use zerogap_scenario::size::Size;

pub(crate) fn main(args: &Compare) -> ExitCode {
    match comparison(args).and_then(|comparison| conclude(args, &comparison)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stopped { code, why }) => fail(code, why),
    }
}

fn comparison(args: &Compare) -> Result<Comparison, Stopped> {
    let plan = Plan::new(&args.schemes, &args.states, args.repeat);
    let configs = Configs::read(args.file.as_deref(), &args.set)?;
    // Whatever is wrong with the configuration of any run is said before the first one starts.
    for id in plan.cells().iter().filter(|id| id.repetition == 1) {
        configs.of(id, None)?;
    }
    let store = Store::open(&args.out, args.resume)?;
    let mut runs =
        Runs { configs, store, cells: Vec::new(), controls: BTreeMap::new(), measured: Vec::new() };
    let todo = runs.take_finished(&plan)?;
    let expected = runs.configs.duration().0 + one_run::OVERHEAD;
    let mut progress = Progress::new(plan.cells().len(), todo.len(), expected);
    for (done, id) in todo.iter().enumerate() {
        progress.starts(id, &todo[done..]);
        let (result, took) = runs.run(id)?;
        progress.ended(id, &result, took, &todo[done + 1..]);
    }
    progress.finish();
    let predictions = args.predict.then(|| predict::predict(args, &runs)).transpose()?;
    let comparison = compare(&plan, runs.configs.threshold(), runs.cells, &runs.controls);
    Ok(Comparison { predictions, ..comparison })
}

/// What was run, and what it takes to run more.
struct Runs {
    configs: Configs,
    store: Store,
    cells: Vec<Cell>,
    controls: BTreeMap<Size, Vec<ControlRun>>,
    /// What of each run can be predicted.
    measured: Vec<(CellId, Foreseen)>,
}

impl Runs {
    /// Takes up what is finished and gives what is not, in the order in which it is to be run.
    fn take_finished(&mut self, plan: &Plan) -> Result<Vec<CellId>, Stopped> {
        let mut todo = Vec::new();
        for id in plan.cells() {
            match self.store.finished(&id, &self.configs.of(&id, None)?) {
                Some(ended) => drop(self.keep(&id, ended)),
                None => todo.push(id),
            }
        }
        Ok(todo)
    }

    fn run(&mut self, id: &CellId) -> Result<(Cell, Duration), Stopped> {
        let duration = match id.contender {
            Contender::Scheme(_) => None,
            Contender::Control => {
                Some(control_duration(self.configs.duration(), self.longest_window(id.state)))
            }
        };
        let config = self.configs.of(id, duration)?;
        let dir = self.store.begin(id, &config)?;
        let took = one_run::run(id, &dir).map_err(|Stopped { code, why }| {
            Stopped::new(code, format_args!("{why}\nwhat is finished stays; go on with --resume"))
        })?;
        let why = || Stopped::new(Code::Failed, format_args!("{id} left no result in {}", dir.display()));
        let ended = self.store.finished(id, &config).ok_or_else(why)?;
        Ok((self.keep(id, ended), took))
    }

    fn keep(&mut self, id: &CellId, ended: Ended) -> Cell {
        let cell = cell(id, &ended.result, &ended.trace);
        self.cells.push(cell.clone());
        self.measured.push((*id, Foreseen::of(&ended.result)));
        if id.contender == Contender::Control {
            let run = ControlRun { trace: ended.trace, interruptions: ended.result.interruptions };
            self.controls.entry(id.state).or_default().push(run);
        }
        cell
    }

    /// The longest migration so far at this size.
    fn longest_window(&self, state: Size) -> Duration {
        let windows =
            self.cells.iter().filter(|cell| cell.state_bytes == state.0).filter_map(|cell| cell.window_ns);
        Duration::from_nanos(windows.max().unwrap_or(0))
    }
}

/// Writes what came out beside the runs, and shows it.
fn conclude(args: &Compare, comparison: &Comparison) -> Result<(), Stopped> {
    let json = comparison.to_json();
    let mut files = vec![("compare.json".to_owned(), json.clone().into_bytes())];
    files.extend(plot::plots(comparison).map_err(|error| Stopped::new(Code::Failed, error))?);
    for (name, bytes) in files {
        let path = args.out.join(name);
        let why =
            |error| Stopped::new(Code::Failed, format_args!("cannot write {}: {error}", path.display()));
        std::fs::write(&path, bytes).map_err(why)?;
    }
    let predicted = prediction_table(comparison).map_or_else(String::new, |table| format!("\n{table}"));
    let table = table(comparison) + &predicted;
    // A reader that has gone away wants no more.
    let _ = if !args.json && std::io::stdout().is_terminal() {
        write!(std::io::stdout(), "{table}")
    } else {
        write!(std::io::stderr(), "{table}")
    };
    if args.json {
        let _ = std::io::stdout().write_all(json.as_bytes());
    }
    Ok(())
}
