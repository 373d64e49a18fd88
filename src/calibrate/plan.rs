//! Which runs a calibration makes: each scheme that tells of something at each size; one over links without a rate, which shows how fast
//! the machine itself is; and a run without a migration, for the way of a request.

use super::args::Calibrate;
use crate::exit::{Code, Stopped};
use serde_json::Value;
use std::fmt;
use std::path::Path;
use zerogap_proto::Scheme;
use zerogap_scenario::Scenario;
use zerogap_scenario::calibration::TELLING;
use zerogap_scenario::file::{self, Override};
use zerogap_scenario::size::Size;

/// The file that is looked for when none is named.
const FILE: &str = "testbed.yaml";
/// A run with a migration goes on until that is done.
const DURATION: &str = "1 s";
/// A run without one: some hundreds of requests.
const CONTROL_DURATION: &str = "8 s";

/// A run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    size: Size,
    kind: Kind,
    repetition: u32,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    Scheme(Scheme),
    /// Stop-and-copy over links without a rate.
    Unlimited,
    /// No migration.
    Control,
}

/// The runs in their order.
pub(super) fn errands(args: &Calibrate) -> Vec<Errand> {
    let middle = args.sizes.get(args.sizes.len() / 2);
    let mut errands = Vec::new();
    for repetition in 1..=args.repeat {
        for &size in &args.sizes {
            let kinds = TELLING.into_iter().map(Kind::Scheme).chain([Kind::Unlimited]);
            errands.extend(kinds.map(|kind| Errand { size, kind, repetition }));
        }
        errands.extend(middle.map(|&size| Errand { size, kind: Kind::Control, repetition }));
    }
    errands
}

/// What all runs share.
pub(super) struct Configs {
    name: String,
    text: String,
    set: Vec<Override>,
}

impl Configs {
    /// Reads the file, or the one that is there, or the built-in demo.
    pub(super) fn read(args: &Calibrate) -> Result<Self, Stopped> {
        let path = args.file.as_deref().or_else(|| Some(Path::new(FILE)).filter(|path| path.exists()));
        let (name, text) = match path {
            Some(path) => {
                let name = path.display().to_string();
                let read = std::fs::read_to_string(path);
                let why = |error| Stopped::new(Code::Usage, format_args!("{name}: cannot be read: {error}"));
                (name.clone(), read.map_err(why)?)
            }
            None => ("the built-in demo".to_owned(), include_str!("../../testbed.yaml").to_owned()),
        };
        Ok(Self { name, text, set: args.set.clone() })
    }

    /// The configuration of this run, checked.
    pub(super) fn of(&self, errand: &Errand) -> Result<Value, Stopped> {
        let usage = |error: String| Stopped::new(Code::Usage, error);
        let mut set = self.set.clone();
        set.push(Override::new("state.size", errand.size));
        set.push(Override::new("seed", errand.repetition));
        set.extend(match errand.kind {
            Kind::Scheme(scheme) => vec![
                Override::new("scheme", scheme.name()),
                Override::new("migrations", 1),
                Override::new("duration", DURATION),
            ],
            Kind::Unlimited => vec![
                Override::new("scheme", Scheme::StopAndCopy.name()),
                Override::new("migrations", 1),
                Override::new("duration", DURATION),
                Override::new("links.defaults.rate", "unlimited"),
                Override::new("links.overrides", "{}"),
            ],
            Kind::Control => {
                vec![Override::new("migrations", 0), Override::new("duration", CONTROL_DURATION)]
            }
        });
        let testbed = file::parse(&self.name, &self.text, &set).map_err(|error| usage(error.to_string()))?;
        let config = serde_json::to_value(&testbed).map_err(|error| usage(error.to_string()))?;
        Scenario::new(testbed).check().map_err(|error| usage(error.to_string()))?;
        Ok(config)
    }
}

impl fmt::Display for Errand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Scheme(scheme) => write!(f, "{}, {}", scheme.name(), self.size),
            Kind::Unlimited => write!(f, "links without a rate, {}", self.size),
            Kind::Control => write!(f, "no migration, {}", self.size),
        }
    }
}
