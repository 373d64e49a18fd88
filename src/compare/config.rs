//! The configuration of each run of a comparison: the testbed file, what `--set` changes, and what the comparison sets itself.
//! The whole of it is kept beside the run's result, so that a run can be made again alone, and a changed file is noticed.

use super::Stopped;
use crate::exit::Code;
use serde_json::Value;
use std::path::Path;
use zerogap_proto::Duration;
use zerogap_scenario::Scenario;
use zerogap_scenario::compare::{CellId, Contender};
use zerogap_scenario::file::{self, Override, Testbed};
use zerogap_scenario::size::Span;

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";
/// What each run has its own of, and which option says so.
const OWN: [(&str, &str); 3] = [
    ("scheme", "use --schemes"),
    ("state.size", "use --states"),
    ("migrations", "a run has one, the control none"),
];

/// What all runs share. The file is read once: what happens to it later does not change the comparison.
pub(super) struct Configs {
    name: String,
    text: String,
    set: Vec<Override>,
    shared: Testbed,
}

impl Configs {
    /// Reads the file, or the one that is there, or the built-in demo.
    pub(super) fn read(named: Option<&Path>, set: &[Override]) -> Result<Self, Stopped> {
        let own = |set: &Override| OWN.into_iter().find(|(path, _)| set.path == *path || set.path == "state");
        if let Some((set, (path, instead))) = set.iter().find_map(|set| Some((set, own(set)?))) {
            let why = format_args!("--set {set}: a comparison sets {path} itself; {instead}");
            return Err(Stopped::new(Code::Usage, why));
        }
        let path = named.or_else(|| Some(Path::new(FILE)).filter(|path| path.exists()));
        let (name, text) = match path {
            Some(path) => {
                let name = path.display().to_string();
                let read = std::fs::read_to_string(path);
                let why = |error| Stopped::new(Code::Usage, format_args!("{name}: cannot be read: {error}"));
                (name.clone(), read.map_err(why)?)
            }
            None => ("the built-in demo".to_owned(), include_str!("../../testbed.yaml").to_owned()),
        };
        let shared = file::parse(&name, &text, set).map_err(|error| Stopped::new(Code::Usage, error))?;
        Ok(Self { name, text, set: set.to_vec(), shared })
    }

    /// An answer later than this is late.
    pub(super) fn threshold(&self) -> Duration {
        self.shared.threshold.0
    }

    /// The least time of a run with a migration.
    pub(super) fn duration(&self) -> Span {
        self.shared.duration
    }

    /// The configuration of this run, checked; a control run may last longer.
    pub(super) fn of(&self, id: &CellId, duration: Option<Span>) -> Result<Value, Stopped> {
        let testbed = self.testbed(id, duration, &[])?;
        let config = serde_json::to_value(&testbed).map_err(|error| Stopped::new(Code::Failed, error))?;
        Scenario::new(testbed).check().map_err(|error| Stopped::new(Code::Usage, error))?;
        Ok(config)
    }

    /// The same, laid over with what was `calibrated`.
    pub(super) fn testbed(
        &self,
        id: &CellId,
        duration: Option<Span>,
        calibrated: &[Override],
    ) -> Result<Testbed, Stopped> {
        let mut set = [calibrated, &self.set].concat();
        set.push(Override::new("state.size", id.state));
        // All contenders of a repetition send their requests at the same times; the next repetition has others.
        set.push(Override::new("seed", self.shared.seed.wrapping_add(u64::from(id.repetition) - 1)));
        match id.contender {
            Contender::Scheme(scheme) => {
                set.extend([Override::new("scheme", scheme.name()), Override::new("migrations", 1)]);
            }
            Contender::Control => set.push(Override::new("migrations", 0)),
        }
        set.extend(duration.map(|duration| Override::new("duration", duration)));
        file::parse(&self.name, &self.text, &set).map_err(|error| Stopped::new(Code::Usage, error))
    }
}

/// Whether a run that was made with `kept` is the run that `wanted` asks for. What an earlier version of this program did not know is at
/// its default. What only virtual time looks at makes no other run for real. A control run is as long as the migrations that it was made
/// beside.
pub(super) fn same(id: &CellId, kept: &Value, wanted: &Value) -> bool {
    let kept = file::parse("what was kept", &kept.to_string(), &[]).ok();
    let Some(kept) = kept.and_then(|kept| serde_json::to_value(kept).ok()) else { return false };
    let mut pair = [kept, wanted.clone()];
    for config in pair.iter_mut().filter_map(Value::as_object_mut) {
        config.remove("sim");
        if id.contender == Contender::Control {
            config.remove("duration");
        }
    }
    pair[0] == pair[1]
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_proto::Scheme;
    use zerogap_scenario::size::Size;

    fn id(contender: Contender, repetition: u32) -> CellId {
        CellId { state: Size(4_000_000), contender, repetition }
    }

    fn configs(set: &[&str]) -> Result<Configs, String> {
        let set: Vec<Override> = set.iter().map(|set| set.parse().unwrap()).collect();
        Configs::read(None, &set).map_err(|stopped| stopped.why)
    }

    fn of(set: &[&str], id: &CellId, duration: Option<Span>) -> Value {
        configs(set).unwrap().of(id, duration).map_err(|stopped| stopped.why).unwrap()
    }

    const HOT: Contender = Contender::Scheme(Scheme::HotStandby);

    #[test]
    fn a_run_has_one_migration_the_control_none_and_all_of_a_repetition_the_same_seed() {
        let hot = of(&["seed=7"], &id(HOT, 3), None);
        assert_eq!((&hot["scheme"], &hot["migrations"]), (&"hot-standby".into(), &1.into()));
        assert_eq!((&hot["state"]["size"], &hot["seed"]), (&"4 MB".into(), &9.into()));
        let control = of(&["seed=7"], &id(Contender::Control, 3), Some(Span::s(30)));
        assert_eq!((&control["migrations"], &control["seed"]), (&0.into(), &9.into()));
        assert_eq!(control["duration"], "30 s");
    }

    #[test]
    fn what_is_kept_beside_a_run_is_a_testbed_file_that_says_the_same() {
        let kept =
            of(&["links.overrides={s1-s2: {delay: 50 us}}", "review.agreements=50"], &id(HOT, 1), None);
        let again = file::parse("kept", &kept.to_string(), &[]).unwrap();
        assert_eq!(serde_json::to_value(again).unwrap(), kept);
    }

    #[test]
    fn another_configuration_is_another_run_but_a_control_run_may_be_longer() {
        let control = id(Contender::Control, 1);
        let longer = of(&[], &control, Some(Span::s(30)));
        assert!(same(&control, &longer, &of(&[], &control, None)));
        assert!(!same(&control, &longer, &of(&["threshold=11ms"], &control, None)));
        let hot = id(HOT, 1);
        assert!(same(&hot, &of(&[], &hot, None), &of(&["seed=1"], &hot, None)), "that is the default");
        assert!(!same(&hot, &of(&[], &hot, None), &of(&["duration=9s"], &hot, None)));
        let replay = "sim.replay={kind: constant, value: 1ms}";
        assert!(same(&hot, &of(&[], &hot, None), &of(&[replay], &hot, None)), "virtual time's business");
        let mut earlier = of(&[], &hot, None);
        earlier["review"].as_object_mut().unwrap().remove("deadline");
        assert!(same(&hot, &earlier, &of(&[], &hot, None)), "what was not known then is at its default");
        earlier["review"]["agreements"] = 0.into();
        assert!(!same(&hot, &earlier, &of(&[], &hot, None)), "no longer a configuration");
    }

    #[test]
    fn what_the_comparison_sets_itself_cannot_be_set() {
        for set in ["scheme=hot-standby", "state.size=4MB", "state={size: 4MB}", "migrations=3"] {
            let why = configs(&[set]).err().unwrap();
            assert!(why.contains("a comparison sets"), "{why}");
        }
        assert!(configs(&["state.fill=sparse"]).is_ok());
    }
}
