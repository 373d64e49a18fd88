//! The directory in which a calibration makes its runs. It goes when the calibration ends, also when it is interrupted.

use crate::exit::{Code, Stopped};
use std::fs;
use std::path::{Path, PathBuf};
use zerogap_testbed::sys::interrupt;

/// A directory that is removed when this is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    /// A fresh one. From now on an interrupt is noticed by whoever waits for a run, so that the directory can be removed.
    pub(super) fn new() -> Result<Self, Stopped> {
        let path = std::env::temp_dir().join(format!("zerogap-calibrate-{}", std::process::id()));
        let cannot = |error| {
            let why = format_args!(
                "cannot create {}: {error}; set TMPDIR to a directory with room",
                path.display()
            );
            Stopped::new(Code::Machine, why)
        };
        interrupt::heed().map_err(cannot)?;
        fs::create_dir(&path).map_err(cannot)?;
        Ok(Self(path))
    }

    /// A fresh directory in it.
    pub(super) fn directory(&self, name: &str) -> Result<PathBuf, Stopped> {
        let path = self.0.join(name);
        fs::create_dir(&path).map_err(|error| {
            Stopped::new(Code::Machine, format_args!("cannot create {}: {error}", path.display()))
        })?;
        Ok(path)
    }

    /// Puts a run's directory away.
    pub(super) fn remove(path: &Path) {
        // What is left goes with the whole directory.
        let _ = fs::remove_dir_all(path);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        Self::remove(&self.0);
    }
}
