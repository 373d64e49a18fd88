//! What the ports are called. Files and commands name ports, tables number them; names are looked up once, when a bundle
//! is read, and numbers again when something is shown.

use super::action::RESERVED;
use super::bundle::{Bundle, BundleError, Place, Problem};
use super::flow::FlowSpec;
use super::group::GroupSpec;
use std::convert::Infallible;
use thiserror::Error;
use zerogap_proto::PortId;

/// The longest name of a Linux interface.
const NAME_LEN_MAX: usize = 15;

/// A port that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no port `{name}`; there are {known}")]
pub struct UnknownPort {
    /// What was asked for.
    pub name: String,
    /// The names that there are.
    pub known: String,
}

/// The names of a switch's ports; the index is the port's number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortNames(Vec<String>);

impl PortNames {
    /// These names, numbered from 0.
    pub fn new(names: impl IntoIterator<Item = String>) -> Self {
        Self(names.into_iter().collect())
    }

    /// The port that is called so.
    pub fn id(&self, name: &str) -> Option<PortId> {
        let index = self.0.iter().position(|known| known == name)?;
        u16::try_from(index).ok().map(PortId)
    }

    /// What a port is called; its number if it has no name.
    pub fn name(&self, port: PortId) -> String {
        self.0.get(usize::from(port.0)).cloned().unwrap_or_else(|| port.to_string())
    }

    /// A flow as people write it.
    pub fn flow(&self, flow: &FlowSpec) -> FlowSpec<String> {
        let Ok(named) = flow.clone().map_ports(&mut |port| Ok::<_, Infallible>(self.name(port)));
        named
    }

    /// A group as people write it.
    pub fn group(&self, group: &GroupSpec) -> GroupSpec<String> {
        let Ok(named) = group.clone().map_ports(&mut |port| Ok::<_, Infallible>(self.name(port)));
        named
    }

    /// A bundle as tables need it.
    ///
    /// # Errors
    /// A change names a port that is not there.
    pub fn resolve(&self, bundle: Bundle<String>) -> Result<Bundle, BundleError> {
        let changes = bundle.0.into_iter().enumerate().map(|(index, change)| {
            let resolved = change.map_ports(&mut |name| self.known(name));
            resolved.map_err(|error| BundleError {
                place: Place::Change(index),
                problem: Problem::UnknownPort(error),
            })
        });
        changes.collect::<Result<_, _>>().map(Bundle)
    }

    /// The port that is called so, or what there is instead.
    pub(super) fn known(&self, name: String) -> Result<PortId, UnknownPort> {
        self.id(&name).ok_or_else(|| UnknownPort { name, known: self.0.join(", ") })
    }
}

/// What is wrong with a port's name, if anything is.
pub(super) fn fault_of(name: &str) -> Option<&'static str> {
    if RESERVED.contains(&name) {
        return Some("is a word with a meaning of its own in actions");
    }
    let is_sound = (1..=NAME_LEN_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:".contains(&byte))
        && ![".", ".."].contains(&name);
    (!is_sound)
        .then_some("is not the name of an interface: 1 to 15 printable characters, no `/`, `:` or space")
}
