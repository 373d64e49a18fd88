//! Ids and positions, each a type of its own so that an epoch can never be passed for an incarnation.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);
        id!(@show $name, $prefix);
    };
    (@show $name:ident, $prefix:literal) => {

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

/// A node of the topology: index into the scenario's list of names.
///
/// In text formats it is written as `{"$node": 3}`, so that whoever knows the names can put them in its place without
/// knowing the fields of every event.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u16);
id!(@show NodeId, "n");

impl Serialize for NodeId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_u16(self.0);
        }
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(NODE_KEY, &self.0)?;
        map.end()
    }
}

/// The key under which a node's number stands in text formats, see [`NodeId`].
pub const NODE_KEY: &str = "$node";

id!(/// A port of one switch.
    PortId(u16), "p");
id!(/// A service: a virtual address, a UDP port, the servers that hold it.
    ServiceId(u16), "svc");
id!(/// A client of services, as it names itself in its messages.
    ClientId(u32), "c");
id!(/// One attempt to move or re-seed a service. Counted by the anchor, never used twice.
    MigrationId(u32), "m");
id!(/// Number of changes of role in a service. Commands with an older one are refused.
    Epoch(u32), "e");
id!(/// Number of lives of a server or client: the upper half counts processes, the lower half resets within one.
    Incarnation(u32), "i");
id!(/// Number that a client gives its request.
    Sequence(u64), "q");
id!(/// Position in a service's request log.
    Offset(u64), "#");

impl Offset {
    /// The position after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
    /// How many positions lie from `base` up to this one; zero if it is before it.
    pub const fn from(self, base: Self) -> u64 {
        self.0.saturating_sub(base.0)
    }
}

impl Epoch {
    /// The epoch after this one.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl Incarnation {
    /// The first incarnation of the process that is a host's `life`-th.
    pub const fn of_life(life: u16) -> Self {
        Self((life as u32) << 16)
    }
    /// The incarnation after a reset within the same process.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
