//! From text to a checked [`Testbed`]. The only place that knows YAML: what comes out of it is a tree of values, to which
//! the overrides are applied before it is typed, so that they are validated like everything else.

use super::error::{FileError, Place, Problem};
use super::locate::locate;
use super::overrides::{self, Override};
use super::{Testbed, blame, check, fleet, measured};
use serde_json::Value;
use std::path::Path;

/// The testbed in this file, changed by `overrides` in their order.
///
/// # Errors
/// The file cannot be read, or the first mistake in it.
pub fn load(path: &Path, overrides: &[Override]) -> Result<Testbed, FileError> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        let right = "give the path of a readable testbed file";
        Problem::at("", format!("cannot be read: {error}"), right).in_place(Place::File(name.clone()))
    })?;
    parse(&name, &text, overrides)
}

/// The testbed in this text, changed by `overrides` in their order. `name` is what errors call the text; files that it names are
/// looked for beside it.
///
/// # Errors
/// The first mistake in it.
pub fn parse(name: &str, text: &str, overrides: &[Override]) -> Result<Testbed, FileError> {
    let mut tree = tree_of(name, text)?;
    for change in overrides {
        let set = |problem: Problem| problem.in_place(Place::Set(change.to_string()));
        let value = self::tree(&change.value).map_err(|mistake| set(mistake.problem()))?;
        overrides::apply(&mut tree, change, value).map_err(set)?;
        prune(&mut tree);
    }
    let inlined = inlined(&mut tree, name);
    inlined.and_then(|()| typed(tree)).map_err(|problem| {
        let place = place_of(name, text, overrides, &problem);
        problem.in_place(place)
    })
}

/// The tree of values in this text, those of files that it names among them.
pub(super) fn tree_of(name: &str, text: &str) -> Result<Value, FileError> {
    let mut tree = tree(text).map_err(|mistake| {
        let parsers = match &mistake {
            Mistake::Syntax { at: Some(at), .. } => Some(line(name, at)),
            Mistake::Syntax { at: None, .. } | Mistake::Value(_) => None,
        };
        let problem = mistake.problem();
        let place = parsers.unwrap_or_else(|| place_of(name, text, &[], &problem));
        problem.in_place(place)
    })?;
    inlined(&mut tree, name).map_err(|problem| {
        let place = place_of(name, text, &[], &problem);
        problem.in_place(place)
    })?;
    Ok(tree)
}

/// Whether these overrides, which are what `text` says, make a testbed of the demo.
pub(super) fn try_out(name: &str, text: &str, overrides: &[Override]) -> Result<(), FileError> {
    let mut tree = Value::Null;
    let mut applied = overrides.iter().try_for_each(|change| {
        let value = self::tree(&change.value).map_err(Mistake::problem)?;
        overrides::apply(&mut tree, change, value)
    });
    applied = applied.and_then(|()| typed(tree).map(drop));
    applied.map_err(|problem| {
        let place = place_of(name, text, &[], &problem);
        problem.in_place(place)
    })
}

/// Paths in a text are relative to where it is.
fn inlined(tree: &mut Value, name: &str) -> Result<(), Problem> {
    measured::inline(tree, Path::new(name).parent().unwrap_or_else(|| Path::new("")))
}

fn typed(tree: Value) -> Result<Testbed, Problem> {
    let tree = if tree.is_null() { Value::Object(serde_json::Map::new()) } else { tree };
    if let Ok(defaults) = serde_json::to_value(Testbed::default()) {
        blame::shape(&tree, &defaults)?;
    }
    let mut testbed: Testbed =
        serde_path_to_error::deserialize(tree).map_err(|error| blame::problem(&error))?;
    check::check(&testbed)?;
    fleet::settle(&mut testbed);
    Ok(testbed)
}

/// Whoever wrote it: an override that touches a field with a part in it, or the line of such a field, or the line of the
/// nearest thing around the field.
fn place_of(name: &str, text: &str, overrides: &[Override], problem: &Problem) -> Place {
    let fields = || std::iter::once(&problem.path).chain(&problem.also);
    let guilty = overrides.iter().rev().find(|change| fields().any(|field| change.touches(field)));
    if let Some(change) = guilty {
        return Place::Set(change.to_string());
    }
    let find = |path: &[String]| {
        let found = locate(serde_yaml::Deserializer::from_str(text), path).and_then(|error| error.location());
        found.filter(|_| !path.is_empty())
    };
    let around = || (1..problem.path.len()).rev().find_map(|len| find(&problem.path[..len]));
    let found = fields().find_map(|field| find(field)).or_else(around);
    found.map_or_else(|| Place::File(name.into()), |at| line(name, &at))
}

fn line(name: &str, at: &serde_yaml::Location) -> Place {
    Place::Line { file: name.into(), line: at.line(), column: at.column() }
}

/// Why a text is not a tree of values.
enum Mistake {
    /// It is not YAML; the parser says where.
    Syntax { wrong: String, right: &'static str, at: Option<serde_yaml::Location> },
    /// A value that only YAML has.
    Value(Problem),
}

impl Mistake {
    fn problem(self) -> Problem {
        match self {
            Self::Syntax { wrong, right, .. } => Problem::at("", wrong, right),
            Self::Value(problem) => problem,
        }
    }
}

/// The tree of values, without those that are nothing.
fn tree(yaml: &str) -> Result<Value, Mistake> {
    let value: serde_yaml::Value = serde_yaml::from_str(yaml).map_err(|error| {
        let text = error.to_string();
        // The location is told apart from the text.
        let wrong = text.split(" at line ").next().unwrap_or(&text);
        let right = if wrong.contains("duplicate entry") {
            "keep one of them"
        } else {
            "mind the indentation, the colons and the brackets"
        };
        Mistake::Syntax { wrong: format!("this is not YAML: {wrong}"), right, at: error.location() }
    })?;
    let mut tree = plain(value).map_err(Mistake::Value)?;
    prune(&mut tree);
    Ok(tree)
}

/// A field without a value is as good as left out.
fn prune(tree: &mut Value) {
    if let Value::Object(object) = tree {
        object.retain(|_, value| !value.is_null());
        object.values_mut().for_each(prune);
    } else if let Value::Array(items) = tree {
        items.iter_mut().for_each(prune);
    }
}

/// The same tree without what only YAML has.
fn plain(yaml: serde_yaml::Value) -> Result<Value, Problem> {
    let right = "write a plain mapping, list, text or number";
    Ok(match yaml {
        serde_yaml::Value::Null => Value::Null,
        serde_yaml::Value::Bool(truth) => Value::Bool(truth),
        serde_yaml::Value::Number(number) => {
            let json = serde_json::to_value(&number).ok().filter(Value::is_number);
            json.ok_or_else(|| Problem::at("", format!("`{number}` is not a usable number"), right))?
        }
        serde_yaml::Value::String(text) => Value::String(text),
        serde_yaml::Value::Sequence(items) => {
            let items = items.into_iter().enumerate();
            let plain = |(index, item): (usize, _)| plain(item).map_err(|p| p.under(index.to_string()));
            Value::Array(items.map(plain).collect::<Result<_, _>>()?)
        }
        serde_yaml::Value::Mapping(entries) => {
            let mut object = serde_json::Map::new();
            for (key, value) in entries {
                let serde_yaml::Value::String(key) = key else {
                    return Err(Problem::at("", "a key is not a text", "write the names of fields as keys"));
                };
                let value = plain(value).map_err(|problem| problem.under(&key))?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        serde_yaml::Value::Tagged(tagged) => {
            return Err(Problem::at("", format!("there is a tag, {}", tagged.tag), right));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn paths(value: &Value, at: &str, out: &mut BTreeSet<String>) {
        for (key, value) in value.as_object().into_iter().flatten() {
            let at = format!("{at}.{key}");
            paths(value, &at, out);
            out.insert(at);
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            paths(item, &format!("{at}.{index}"), out);
        }
    }

    #[test]
    fn the_demo_file_shows_every_field() {
        let demo = tree(include_str!("../../../testbed.yaml")).map_err(Mistake::problem).unwrap();
        let (mut shown, mut known) = (BTreeSet::new(), BTreeSet::new());
        paths(&demo, "", &mut shown);
        paths(&serde_json::to_value(Testbed::default()).unwrap(), "", &mut known);
        assert_eq!(shown, known);
    }
}
