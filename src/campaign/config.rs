//! The configuration of each run of a campaign: the testbed file, what the arguments change in it, and what the campaign sets itself.

use super::args::Campaign;
use crate::calibration;
use crate::exit::{Code, Stopped};
use std::collections::BTreeMap;
use std::path::Path;
use zerogap_proto::Scheme;
use zerogap_proto::control::HandoverMode;
use zerogap_scenario::Scenario;
use zerogap_scenario::campaign::{Configuration, Plan, RunId, TABLE_1};
use zerogap_scenario::file::{self, Override, Testbed};
use zerogap_scenario::size::Size;

/// What the built-in file is called.
const BUILT_IN: &str = "testbeds/table1.yaml, which is built in";
/// What each run has its own of, and which option says so.
const OWN: [(&str, &str); 4] = [
    ("scheme", "use --schemes"),
    ("state.size", "use --states"),
    ("controllers.handover", "use --handovers"),
    ("seed", "use --seed"),
];
/// This program, of which all shards of a campaign must have the same version.
const PROGRAM: &str = concat!("zerogap ", env!("CARGO_PKG_VERSION"));

/// The campaign's configuration and every contender's testbed, checked.
pub(super) struct Configs {
    shared: Configuration,
    contenders: BTreeMap<(Size, Scheme, HandoverMode), Testbed>,
}

impl Configs {
    /// Reads the file, or takes the built-in one. Whatever is wrong with any run's configuration is said here.
    pub(super) fn read(args: &Campaign) -> Result<Self, Stopped> {
        let own = |set: &Override| {
            OWN.into_iter().find(|(path, _)| set.path == *path || path.split('.').next() == Some(&*set.path))
        };
        if let Some((set, (path, instead))) = args.set.iter().find_map(|set| Some((set, own(set)?))) {
            let why = format_args!("--set {set}: a campaign sets {path} itself; {instead}");
            return Err(Stopped::new(Code::Usage, why));
        }
        let (name, text) = text(args.file.as_deref())?;
        let calibrated = args.calibration.as_deref().map_or(Ok(Vec::new()), calibration::overrides);
        let calibrated = calibrated.map_err(|error| Stopped::new(Code::Usage, error))?;
        let parse = |own: &[Override]| {
            let set = [&calibrated, &args.set[..], own].concat();
            file::parse(&name, &text, &set).map_err(|error| Stopped::new(Code::Usage, error))
        };
        let testbed = parse(&[])?;
        if testbed.migrations == 0 {
            let why =
                format_args!("{name}: `migrations` is 0; a campaign measures migrations, write at least 1");
            return Err(Stopped::new(Code::Usage, why));
        }
        let seed = args.seed.unwrap_or(testbed.seed);
        let plan = Plan::new(&args.schemes, &args.handovers, &args.states, args.repeat, seed);
        let mut contenders = BTreeMap::new();
        for id in plan.runs().iter().filter(|id| id.repetition == 1) {
            let contender = parse(&[
                Override::new("state.size", id.state),
                Override::new("scheme", id.scheme.name()),
                Override::new("controllers.handover", id.handover.name()),
            ])?;
            Scenario::new(contender.clone()).check().map_err(|error| Stopped::new(Code::Usage, error))?;
            contenders.insert((id.state, id.scheme, id.handover), contender);
        }
        let testbed = Testbed { seed, ..testbed };
        Ok(Self { shared: Configuration { program: PROGRAM.to_owned(), plan, testbed }, contenders })
    }

    /// What all runs share.
    pub(super) fn shared(&self) -> &Configuration {
        &self.shared
    }

    /// The scenario of this run, if the campaign has it.
    pub(super) fn of(&self, id: &RunId) -> Option<Scenario> {
        let contender = self.contenders.get(&(id.state, id.scheme, id.handover))?;
        let seed = self.shared.plan.seed(id.repetition);
        Some(Scenario::new(Testbed { seed, ..contender.clone() }))
    }
}

fn text(named: Option<&Path>) -> Result<(String, String), Stopped> {
    let Some(path) = named else { return Ok((BUILT_IN.to_owned(), TABLE_1.to_owned())) };
    let name = path.display().to_string();
    let why = |error| Stopped::new(Code::Usage, format_args!("{name}: cannot be read: {error}"));
    let text = std::fs::read_to_string(path).map_err(why)?;
    Ok((name, text))
}
