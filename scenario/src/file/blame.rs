//! From an error of serde to what a person can use: which field, what is wrong with it, what would be right. Errors of our
//! own types already say both, with a semicolon between.

use super::error::Problem;
use serde_json::Value;
use serde_path_to_error::{Error, Segment};

/// What the error means.
pub(super) fn problem(error: &Error<serde_json::Error>) -> Problem {
    let mut path: Vec<String> = error.path().iter().filter_map(part).collect();
    let mut also = Vec::new();
    let text = error.inner().to_string();
    let (wrong, right) = if let Some(rest) = text.strip_prefix("unknown field ") {
        let (name, known) = quoted(rest);
        // Inside a tagged enum the path ends one level above, and the tag has a part in it.
        if path.last() != Some(&name) {
            also.push(path.iter().cloned().chain(["kind".into()]).collect());
            path.push(name.clone());
        }
        ("there is no such field".to_string(), hint("the fields are", &name, &known))
    } else if let Some(rest) = text.strip_prefix("unknown variant ") {
        let (name, known) = quoted(rest);
        (format!("`{name}` is not known here"), hint("known are", &name, &known))
    } else if let Some(rest) = text.strip_prefix("missing field ") {
        (format!("{rest} is missing"), "add it".to_string())
    } else if text.starts_with("invalid IPv4 address") {
        ("this is not an IPv4 address".to_string(), "write one such as 10.90.255.1".to_string())
    } else if let Some((wrong, expected)) = text.split_once(", expected ") {
        let wrong = wrong.replace("invalid type: ", "").replace("invalid value: ", "");
        let wrong = wrong.replace("invalid length ", "a list of ");
        (format!("{} does not fit here", humane(&wrong)), format!("write {}", humane(expected)))
    } else {
        let (wrong, right) = text.split_once("; ").unwrap_or((&text, ""));
        (wrong.to_string(), right.to_string())
    };
    Problem { path, also, wrong, right }
}

/// A mapping where the defaults have one, and a list only where they have one: serde would take a list of a mapping's
/// values in their order.
pub(super) fn shape(tree: &Value, defaults: &Value) -> Result<(), Problem> {
    match (tree, defaults) {
        (Value::Object(object), Value::Object(defaults)) => {
            let mut both = object.iter().filter_map(|(key, value)| Some((key, value, defaults.get(key)?)));
            both.try_for_each(|(key, value, default)| shape(value, default).map_err(|p| p.under(key)))
        }
        (Value::Array(items), Value::Array(defaults)) => {
            let Some(default) = defaults.first() else { return Ok(()) };
            let mut each = items.iter().enumerate();
            each.try_for_each(|(index, item)| shape(item, default).map_err(|p| p.under(index.to_string())))
        }
        (Value::Array(_), Value::Object(_)) => {
            Err(Problem::at("", "a list does not fit here", "write a mapping of its fields"))
        }
        _ => Ok(()),
    }
}

/// What would be right in place of `name`.
fn hint(opening: &str, name: &str, known: &[String]) -> String {
    let all = known.join(", ");
    match nearest(name, known) {
        Some(near) => format!("did you mean `{near}`? All of them: {all}"),
        None => format!("{opening} {all}"),
    }
}

fn part(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

/// The first word in backquotes, and the others.
fn quoted(text: &str) -> (String, Vec<String>) {
    let mut words = text.split('`').skip(1).step_by(2).map(ToString::to_string);
    (words.next().unwrap_or_default(), words.collect())
}

/// serde's words for types, as people say them.
fn humane(text: &str) -> String {
    const WORDS: [(&str, &str); 14] = [
        ("unit value", "an empty value"),
        ("null", "an empty value"),
        ("boolean `", "`"),
        ("integer `", "`"),
        ("floating point `", "`"),
        ("string or map", "one of its words"),
        ("string ", ""),
        ("a borrowed string", "a text"),
        ("a string", "a text"),
        ("a sequence", "a list"),
        ("sequence", "a list"),
        ("a map", "a mapping"),
        ("a boolean", "true or false"),
        ("an array of length 2", "a list of two"),
    ];
    if text.starts_with("struct ") {
        return "a mapping of its fields".into();
    }
    if text.starts_with("internally tagged enum ") {
        return "a mapping with a `kind`".into();
    }
    match text {
        "map" => return "a mapping".into(),
        "u8" => return format!("a whole number, 0 to {}", u8::MAX),
        "u16" => return format!("a whole number, 0 to {}", u16::MAX),
        "u32" => return format!("a whole number, 0 to {}", u32::MAX),
        "u64" => return "a whole number, 0 to 2^64 - 1".into(),
        "i32" => return "a whole number".into(),
        "f64" => return "a number".into(),
        _ => {}
    }
    WORDS
        .iter()
        .find(|(word, _)| text.starts_with(word))
        .map_or_else(|| text.to_string(), |(word, plain)| text.replacen(word, plain, 1))
}

/// The known name that is most like this one, if one is like it at all.
fn nearest<'k>(name: &str, known: &'k [String]) -> Option<&'k str> {
    let (near, distance) = known.iter().map(|k| (k, distance(name, k))).min_by_key(|&(_, d)| d)?;
    (distance <= name.len().div_ceil(3)).then_some(near)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
