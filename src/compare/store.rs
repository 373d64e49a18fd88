//! The directory of a comparison: every run has its own directory, with its configuration written before it and its result, last
//! of all files, after it. A run is finished if its result can be read and its configuration is the one that is asked for.

use super::Stopped;
use super::config::same;
use crate::exit::Code;
use crate::one_run::CONFIG;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::{fs, io};
use zerogap_scenario::compare::{CellId, Trace};
use zerogap_scenario::file;
use zerogap_scenario::results::RunResult;
use zerogap_scenario::size::Span;

/// The directory.
pub(super) struct Store {
    out: PathBuf,
}

/// A run that is over.
pub(super) struct Ended {
    /// Its result.
    pub(super) result: RunResult,
    /// Its requests.
    pub(super) trace: Trace,
}

impl Store {
    /// Opens `out`. Runs that it holds are taken up only if that was asked for.
    pub(super) fn open(out: &Path, resume: bool) -> Result<Self, Stopped> {
        if !resume && out.join("cells").exists() {
            let why = format_args!(
                "{} already holds runs of a comparison; go on with --resume, or choose another --out",
                out.display()
            );
            return Err(Stopped::new(Code::Usage, why));
        }
        let why = |error| cannot("create", out, &error);
        fs::create_dir_all(out).map_err(why)?;
        Ok(Self { out: out.to_owned() })
    }

    /// What this run was, if it was finished with this configuration.
    pub(super) fn finished(&self, id: &CellId, wanted: &Value) -> Option<Ended> {
        let dir = self.out.join(id.directory());
        let kept: Value = serde_json::from_slice(&fs::read(dir.join(CONFIG)).ok()?).ok()?;
        let result = serde_json::from_slice(&fs::read(dir.join("result.json")).ok()?).ok()?;
        let trace = Trace::parse(&fs::read_to_string(dir.join("requests.csv")).ok()?).ok()?;
        same(id, &kept, wanted).then_some(Ended { result, trace })
    }

    /// How long at least the AGV drove in this run, if its configuration is there.
    pub(super) fn duration(&self, id: &CellId) -> Option<Span> {
        let path = self.out.join(id.directory()).join(CONFIG);
        file::load(&path, &[]).ok().map(|testbed| testbed.duration)
    }

    /// An empty directory for this run, with its configuration. What an earlier attempt has left is removed.
    pub(super) fn begin(&self, id: &CellId, config: &Value) -> Result<PathBuf, Stopped> {
        let dir = self.out.join(id.directory());
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(cannot("empty", &dir, &error));
            }
            Ok(()) | Err(_) => {}
        }
        fs::create_dir_all(&dir).map_err(|error| cannot("create", &dir, &error))?;
        let path = dir.join(CONFIG);
        fs::write(&path, format!("{config:#}\n")).map_err(|error| cannot("write", &path, &error))?;
        Ok(dir)
    }
}

fn cannot(what: &str, path: &Path, error: &io::Error) -> Stopped {
    Stopped::new(Code::Usage, format_args!("cannot {what} {}: {error}; choose another --out", path.display()))
}
