//! The trunks between the switches of one command: ports of the same name and the type `trunk` in two files are its two ends.

use crate::exit::{Code, Stopped};
use std::collections::BTreeMap;
use std::io;
use zerogap_switch::io::Trunk;
use zerogap_switch::table::{PortType, SwitchFile};

/// Ends that no switch has taken yet, by the trunk's name.
#[derive(Default)]
pub(super) struct Trunks(BTreeMap<String, Vec<Trunk>>);

impl Trunks {
    /// A trunk for every two ends in these files.
    pub(super) fn between(files: &[(String, SwitchFile)]) -> Result<Self, Stopped> {
        let mut switches = BTreeMap::<&str, Vec<&str>>::new();
        for (switch, file) in files {
            for port in file.ports.iter().filter(|port| port.kind == PortType::Trunk) {
                switches.entry(&port.name).or_default().push(switch);
            }
        }
        let trunks = switches.into_iter().map(|(name, at)| match at[..] {
            [one, other] if one != other => {
                let (one, other) = Trunk::pair(name).map_err(|error| {
                    Stopped::new(Code::Machine, format!("the trunk {name} cannot be made: {error}"))
                })?;
                Ok((name.to_owned(), vec![one, other]))
            }
            _ => Err(Stopped::new(
                Code::Usage,
                format!(
                    "the trunk {name} is to join two switches, and has an end at: {}; give each of the two a file with \
                     --config, and in both a port {{name: {name}, type: trunk}}",
                    at.join(", ")
                ),
            )),
        });
        trunks.collect::<Result<_, _>>().map(Self)
    }

    /// An end of the trunk of this name.
    pub(super) fn take(&mut self, name: &str) -> io::Result<Trunk> {
        let end = self.0.get_mut(name).and_then(Vec::pop);
        end.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the trunk has no end left"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zerogap_scenario::switch_file::parse;

    fn between(files: &[(&str, &str)]) -> Result<Trunks, String> {
        let parsed = files.iter().map(|(name, text)| (name.to_string(), parse(text).expect("a file")));
        Trunks::between(&parsed.collect::<Vec<_>>()).map_err(|stopped| stopped.why)
    }

    #[test]
    fn ports_of_one_name_in_two_files_are_the_ends_of_a_trunk() {
        const T: &str = "ports: [{name: t, type: trunk}]";
        const T_AND_U: &str = "ports: [{name: t, type: trunk}, {name: u, type: trunk}]";
        let mut trunks = between(&[("a", T), ("b", T_AND_U), ("c", "ports: [{name: u, type: trunk}]")])
            .expect("t joins a and b, u joins b and c");
        for (name, is_there) in [("t", true), ("t", true), ("t", false), ("u", true), ("v", false)] {
            assert_eq!(trunks.take(name).is_ok(), is_there, "{name}");
        }
        for (files, ends) in [(&[("a", T)][..], "at: a;"), (&[("a", T), ("b", T), ("c", T)], "at: a, b, c;")]
        {
            let why = between(files).err().expect("not two ends");
            assert!(why.contains(ends) && why.contains("{name: t, type: trunk}"), "{why}");
        }
    }
}
