//! Every run of a comparison again in virtual time, with the same configuration and seed, on a machine that takes what was calibrated.

use super::Runs;
use crate::calibration;
use crate::campaign::pool;
use crate::cli::Compare;
use crate::exit::{Code, Stopped};
use zerogap_scenario::Scenario;
use zerogap_scenario::compare::{CellId, Foreseen, Predictions, predictions};

/// What is predicted of the runs, which are all over by now: nothing that is measured is disturbed.
pub(super) fn predict(args: &Compare, runs: &Runs) -> Result<Predictions, Stopped> {
    let calibrated = args.calibration.as_deref().map_or(Ok(Vec::new()), calibration::overrides);
    let calibrated = calibrated.map_err(|error| Stopped::new(Code::Usage, error))?;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let simulated = pool::each(
        &runs.measured,
        threads,
        |(id, measured)| {
            let testbed = runs.configs.testbed(id, runs.store.duration(id), &calibrated)?;
            let finished = zerogap_sim::simulate(&Scenario::new(testbed), &mut |_, _, _| {})
                .map_err(|error| Stopped::new(Code::Failed, format_args!("{id} in virtual time: {error}")))?;
            Ok((*id, *measured, Foreseen::of(&finished.result)))
        },
        |_: &(CellId, Foreseen, Foreseen)| {},
    );
    Ok(predictions(&simulated.map_err(|failed| failed.why)?))
}
