//! A calibration: what a machine was measured to take, as a file that is laid over a testbed file. What the command line sets goes
//! above both. `zerogap calibrate` writes such files; whatever sets values of a testbed file is one.

use std::path::Path;
use zerogap_scenario::file::{self, FileError, Override, Place};

/// What the calibration at `path` sets.
///
/// # Errors
/// The file cannot be read, or the first mistake in it.
pub(crate) fn overrides(path: &Path) -> Result<Vec<Override>, FileError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| FileError {
        place: Place::File(name.clone()),
        path: String::new(),
        wrong: format!("cannot be read: {error}"),
        right: "give the path of a file that `zerogap calibrate` has written".to_owned(),
    })?;
    file::overlay(&name, &text)
}
