//! The captures of a running switch: which port's frames go to which file. Several ports may share one.

use super::args::PortFile;
use crate::exit::{Code, Stopped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;
use zerogap_proto::PortId;
use zerogap_switch::io::{Capture, Recorder};
use zerogap_switch::table::SwitchFile;

/// All captures, while they are written.
#[derive(Default)]
pub(super) struct Captures {
    open: Vec<(PathBuf, Capture)>,
    /// Which port is recorded where.
    pub(super) recorders: Vec<(PortId, Recorder)>,
}

/// What a capture came to.
#[derive(Debug, Serialize)]
pub(super) struct Captured {
    pub(super) file: PathBuf,
    /// Frames in the file; absent if it ends before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) written: Option<u64>,
    /// Frames that there was no time to write.
    pub(super) missed: u64,
    /// Why the file ends before its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
}

impl Captures {
    /// Begins these files.
    pub(super) fn start(file: &SwitchFile, by_file: BTreeMap<PathBuf, Vec<PortId>>) -> Result<Self, Stopped> {
        let mut captures = Self::default();
        for (path, ports) in by_file {
            let names: Vec<&str> =
                ports.iter().map(|port| &file.ports[usize::from(port.0)].name[..]).collect();
            let started = File::create(&path).and_then(|out| Capture::start(out, &names));
            let (capture, recorders) = started.map_err(|error| {
                Stopped::new(Code::Usage, format!("cannot write the capture {}: {error}", path.display()))
            })?;
            captures.recorders.extend(ports.into_iter().zip(recorders));
            captures.open.push((path, capture));
        }
        Ok(captures)
    }

    /// Ends all files.
    pub(super) fn finish(self) -> Vec<Captured> {
        let finish = |(file, capture): (PathBuf, Capture)| {
            let missed = capture.missed();
            match capture.finish() {
                Ok(summary) => {
                    Captured { file, written: Some(summary.written), missed: summary.missed, error: None }
                }
                Err(error) => Captured { file, written: None, missed, error: Some(error.to_string()) },
            }
        };
        self.open.into_iter().map(finish).collect()
    }
}

/// Which ports are recorded in which file, as the switch's file and the command line (which has the last word about a port) ask.
pub(super) fn by_file(
    file: &SwitchFile,
    args: &[PortFile],
) -> Result<BTreeMap<PathBuf, Vec<PortId>>, Stopped> {
    let names = file.names();
    let known = file.ports.iter().filter_map(|port| Some((names.id(&port.name)?, port.capture.clone()?)));
    let mut files: BTreeMap<PortId, PathBuf> = known.collect();
    for PortFile { port, file } in args {
        let id = names.id(port);
        let id =
            id.ok_or_else(|| Stopped::new(Code::Usage, format!("--capture: there is no port {port}")))?;
        files.insert(id, file.clone());
    }
    let mut by_file = BTreeMap::<PathBuf, Vec<PortId>>::new();
    files.into_iter().for_each(|(port, file)| by_file.entry(file).or_default().push(port));
    Ok(by_file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_scenario::switch_file::parse;

    const PORTS: &str = "ports: [{name: a, capture: all.pcapng}, {name: b}, {name: c, capture: all.pcapng}]";

    fn asked(args: &[&str]) -> Result<String, String> {
        let args: Vec<PortFile> = args.iter().map(|arg| arg.parse().expect("PORT=FILE")).collect();
        let by_file = by_file(&parse(PORTS).expect("a file"), &args).map_err(|stopped| stopped.why)?;
        let words = by_file.into_iter().map(|(file, ports)| {
            let ports: Vec<String> = ports.iter().map(|port| port.0.to_string()).collect();
            format!("{}: {}", file.display(), ports.join(" "))
        });
        Ok(words.collect::<Vec<_>>().join(", "))
    }

    #[test]
    fn ports_of_one_file_share_it_and_the_command_line_has_the_last_word() {
        assert_eq!(asked(&[]), Ok("all.pcapng: 0 2".to_owned()));
        assert_eq!(asked(&["b=all.pcapng"]), Ok("all.pcapng: 0 1 2".to_owned()));
        assert_eq!(asked(&["c=c.pcapng"]), Ok("all.pcapng: 0, c.pcapng: 2".to_owned()));
        assert_eq!(asked(&["z=c.pcapng"]), Err("--capture: there is no port z".to_owned()));
    }
}
