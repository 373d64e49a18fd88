//! What is wrong with a testbed file, told to a person: where it stands, what is wrong, what would be right.

use std::fmt;

/// A mistake in a testbed file or in what overrides it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// Where it was written.
    pub place: Place,
    /// The field, dotted from the top (`topology.servers.0.switch`); empty for the file as a whole.
    pub path: String,
    /// What is wrong.
    pub wrong: String,
    /// What would be right; may be empty.
    pub right: String,
}

/// Where a mistake was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Nowhere in particular: it follows from what was left out.
    #[default]
    Unknown,
    /// In a file as a whole.
    File(String),
    /// In a file. Lines and columns count from 1.
    Line {
        /// The file's name.
        file: String,
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// In an override, `--set PATH=VALUE`.
    Set(String),
}

/// A mistake before it is known where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) path: Vec<String>,
    /// Other fields that have a part in it.
    pub(super) also: Vec<Vec<String>>,
    pub(super) wrong: String,
    pub(super) right: String,
}

impl Problem {
    /// At this dotted path.
    pub(super) fn at(path: &str, wrong: impl Into<String>, right: impl Into<String>) -> Self {
        Self { path: parts(path), also: Vec::new(), wrong: wrong.into(), right: right.into() }
    }

    /// The same, with other fields that have a part in it: if the first one was not written, one of them was.
    pub(super) fn with(mut self, also: &[&str]) -> Self {
        self.also.extend(also.iter().copied().map(parts));
        self
    }

    /// The same, one level further down.
    pub(super) fn under(mut self, part: impl Into<String>) -> Self {
        self.path.insert(0, part.into());
        self
    }

    /// The same, with the place.
    pub(super) fn in_place(self, place: Place) -> FileError {
        FileError { place, path: self.path.join("."), wrong: self.wrong, right: self.right }
    }
}

fn parts(path: &str) -> Vec<String> {
    path.split('.').filter(|part| !part.is_empty()).map(Into::into).collect()
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Unknown => {}
            Place::File(file) => write!(f, "{file}: ")?,
            Place::Line { file, line, column } => write!(f, "{file}:{line}:{column}: ")?,
            Place::Set(text) => write!(f, "--set {text}: ")?,
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.wrong)?;
        if self.right.is_empty() { Ok(()) } else { write!(f, "; {}", self.right) }
    }
}
