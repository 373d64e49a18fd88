//! Writes a run's files: `events.ndjson`, `rtt.hlog`, `requests.csv`, and last `result.json`, so that a directory that has the result has
//! all of it. The only input and output of this crate's results.

use super::hlog::{HlogError, rtt_log};
use super::model::RunResult;
use crate::journal::Journal;
use crate::names::Names;
use std::path::{Path, PathBuf};
use std::{fs, io};
use zerogap_proto::Record;

/// Why a run's files could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The directory could not be created.
    #[error("cannot create the directory {path}: {source}; choose another one with --out")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file could not be written.
    #[error("cannot write {path}: {source}; is there room, and may you write there?")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The latency log could not be encoded.
    #[error("cannot write {path}: {source}")]
    Hlog {
        /// Which file it was for.
        path: PathBuf,
        /// Why.
        source: HlogError,
    },
}

/// Writes the files into `dir`, which is created if need be; files of an earlier run are replaced.
pub fn write(
    dir: &Path,
    result: &RunResult,
    journal: &Journal,
    names: &Names,
    records: &[Record],
) -> Result<(), WriteError> {
    fs::create_dir_all(dir).map_err(|source| WriteError::Directory { path: dir.to_owned(), source })?;
    let latencies = rtt_log(records, result.started_unix_ns)
        .map_err(|source| WriteError::Hlog { path: dir.join("rtt.hlog"), source })?;
    put(dir.join("events.ndjson"), journal.to_ndjson(names).as_bytes())?;
    put(dir.join("rtt.hlog"), &latencies)?;
    put(dir.join("requests.csv"), requests_csv(records).as_bytes())?;
    put(dir.join("result.json"), result.to_json().as_bytes())
}

/// Every request as its client saw it, so that anybody can compute the figures anew. Nanoseconds since the start of the run;
/// no answer: an empty field.
fn requests_csv(records: &[Record]) -> String {
    let line = |r: &Record| {
        let answered = r.answered.map(|at| at.as_nanos().to_string()).unwrap_or_default();
        format!("{},{},{},{answered},{}\n", r.sequence.0, r.due.as_nanos(), r.sent.as_nanos(), r.duplicates)
    };
    let head = "sequence,due_ns,sent_ns,answered_ns,duplicates\n".to_owned();
    head + &records.iter().map(line).collect::<String>()
}

fn put(path: PathBuf, bytes: &[u8]) -> Result<(), WriteError> {
    fs::write(&path, bytes).map_err(|source| WriteError::File { path, source })
}
