//! The JSON schemas of what is written as a text or a number: addresses with masks, words for numbers, ports. The schemas of all
//! else are derived from the types. A schema is for editors; what is right is decided where it is read.

use super::action::{Output, RESERVED};
use super::field::{ArpOp, EthType, IpProto, Mac, Maskable, Masked, VLAN_MAX, Vlan};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;

/// Numbers as texts.
const DIGITS: &str = "^(0x[0-9a-fA-F]+|[0-9]+)$";
/// The same with a mask.
const MASKED_DIGITS: &str = "^(0x[0-9a-fA-F]+|[0-9]+)(/(0x[0-9a-fA-F]+|[0-9]+))?$";

/// One of the words, or a number up to `max`, also as a text.
fn word_or_number(words: &[&str], max: u16) -> Schema {
    json_schema!({ "anyOf": [
        { "enum": words }, { "type": "integer", "minimum": 0, "maximum": max }, { "type": "string", "pattern": DIGITS },
    ] })
}

impl<T: Maskable> JsonSchema for Masked<T> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Masked".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        if T::IS_NUMBER {
            let max = u128::MAX >> (u128::BITS - T::BITS);
            return json_schema!({ "anyOf": [
                { "type": "integer", "minimum": 0, "maximum": max as u64 }, { "type": "string", "pattern": MASKED_DIGITS },
            ] });
        }
        json_schema!({ "type": "string" })
    }
}

impl<P: JsonSchema> JsonSchema for Output<P> {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Output".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let port = generator.subschema_for::<P>();
        json_schema!({ "anyOf": [{ "enum": RESERVED }, port] })
    }
}

/// The schemas of types that are written in one place only.
macro_rules! inline {
    ($($name:ident => $schema:expr),* $(,)?) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    )*};
}

inline! {
    Mac => json_schema!({ "type": "string", "pattern": "^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$" }),
    EthType => word_or_number(Self::WORDS, Self::MAX),
    IpProto => word_or_number(Self::WORDS, Self::MAX),
    ArpOp => word_or_number(Self::WORDS, Self::MAX),
    Vlan => word_or_number(&["none", "any"], VLAN_MAX),
}
