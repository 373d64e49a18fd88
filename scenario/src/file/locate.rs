//! From a dotted path to its line: walks a document and stops, with an error, at the key or element that the path names.
//! The format's own deserializer then says where it was stopped, so block style, flow style and comments all work.

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The error with which the document's deserializer stopped at `path`; `None` if the path is not in the document.
pub(super) fn locate<'de, D: Deserializer<'de>>(document: D, path: &[String]) -> Option<D::Error> {
    Walk { path }.deserialize(document).err()
}

/// Goes on with what the path's first part names. At the path's end: stops.
#[derive(Clone, Copy)]
struct Walk<'p> {
    path: &'p [String],
}

/// Whether a key is the one wanted; stops there if it is the path's end.
#[derive(Clone, Copy)]
struct Key<'p> {
    wanted: &'p str,
    last: bool,
}

fn stop<T, E: Error>() -> Result<T, E> {
    Err(E::custom("found"))
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Walk<'_> {
    fn scalar<E: Error>(self) -> Result<(), E> {
        if self.path.is_empty() { stop() } else { Ok(()) }
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return stop() };
        while let Some(hit) = map.next_key_seed(Key { wanted, last: rest.is_empty() })? {
            if hit {
                map.next_value_seed(Walk { path: rest })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Some((wanted, rest)) = self.path.split_first() else { return stop() };
        for index in 0_usize.. {
            let more = if *wanted == index.to_string() {
                seq.next_element_seed(Walk { path: rest })?.is_some()
            } else {
                seq.next_element::<IgnoredAny>()?.is_some()
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }
    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }
    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.scalar()
    }
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        match (key == self.wanted, self.last) {
            (true, true) => stop(),
            (hit, _) => Ok(hit),
        }
    }
}
