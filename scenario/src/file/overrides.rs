//! Overrides: `--set PATH=VALUE` of the command line, applied to the tree of values before it is typed. What the path
//! goes through and the file leaves out comes from the defaults, so that `client.interval.mean=5ms` works on any file.

use super::Testbed;
use super::error::Problem;
use serde_json::{Map, Value};
use std::fmt;
use std::str::FromStr;

/// A value to put in place of the file's. Reads and shows as `PATH=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// Where, dotted from the top; elements of lists by their index from 0.
    pub path: String,
    /// What, as YAML: `5 ms`, `3`, `true`, `[s1, s2]`.
    pub value: String,
}

/// Why a text is not an override.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not PATH=VALUE; write it like client.interval.mean=5ms")]
pub struct OverrideError(String);

impl Override {
    /// `value` at `path`.
    pub fn new(path: impl Into<String>, value: impl fmt::Display) -> Self {
        Self { path: path.into(), value: value.to_string() }
    }

    /// Whether it wrote the field at `path`, something around it or something in it.
    pub(super) fn touches(&self, path: &[String]) -> bool {
        !path.is_empty() && self.path.split('.').zip(path).all(|(own, other)| own == other)
    }
}

impl FromStr for Override {
    type Err = OverrideError;
    fn from_str(text: &str) -> Result<Self, OverrideError> {
        match text.split_once('=') {
            Some((path, value)) if path.trim().split('.').all(|part| !part.is_empty()) => {
                Ok(Self::new(path.trim(), value))
            }
            Some(_) | None => Err(OverrideError(text.into())),
        }
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.path, self.value)
    }
}

/// Puts `value` where `change` says.
pub(super) fn apply(tree: &mut Value, change: &Override, value: Value) -> Result<(), Problem> {
    let mut defaults = serde_json::to_value(Testbed::default()).ok();
    let mut here = tree;
    let mut walked = String::new();
    let bad = |walked: &str, wrong: String, right: String| Err(Problem::at(walked, wrong, right));
    for part in change.path.split('.') {
        defaults = defaults.as_ref().and_then(|at| child(at, part)).cloned();
        if here.is_null() {
            *here = Value::Object(Map::new());
        }
        here = match here {
            Value::Object(object) => {
                let left_out = || defaults.clone().unwrap_or(Value::Null);
                object.entry(part).or_insert_with(left_out)
            }
            Value::Array(items) => {
                let count = items.len();
                match part.parse::<usize>() {
                    Ok(index) if index < count => &mut items[index],
                    Ok(index) if index == count => {
                        items.push(Value::Null);
                        &mut items[index]
                    }
                    Ok(_) | Err(_) => {
                        let right = format!("write an index from 0 to {count}, where {count} adds one");
                        return bad(&walked, format!("the list has no element `{part}`"), right);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                let right = format!("end the path at `{walked}`");
                return bad(&walked, format!("this is a plain value and has no field `{part}`"), right);
            }
        };
        let dot = if walked.is_empty() { "" } else { "." };
        walked = format!("{walked}{dot}{part}");
    }
    *here = value;
    Ok(())
}

fn child<'v>(value: &'v Value, part: &str) -> Option<&'v Value> {
    match value {
        Value::Object(object) => object.get(part),
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
