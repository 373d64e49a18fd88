//! Files of measured values: where a distribution names one, its values take the name's place before anything is typed. So what is
//! loaded, kept beside a result and handed to a driver needs no other file.

use super::error::Problem;
use super::values::Values;
use serde_json::{Map, Value};
use std::path::Path;

/// Puts the values in the place of every file that an `empirical` distribution names, in the directory `beside`.
pub(super) fn inline(tree: &mut Value, beside: &Path) -> Result<(), Problem> {
    match tree {
        Value::Object(object) => {
            if object.get("kind").and_then(Value::as_str) == Some("empirical") {
                fill(object, beside)?;
            }
            let mut fields = object.iter_mut();
            fields.try_for_each(|(key, value)| inline(value, beside).map_err(|problem| problem.under(key)))
        }
        Value::Array(items) => {
            let mut items = items.iter_mut().enumerate();
            let under = |index: usize, problem: Problem| problem.under(index.to_string());
            items.try_for_each(|(index, item)| inline(item, beside).map_err(|p| under(index, p)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn fill(object: &mut Map<String, Value>, beside: &Path) -> Result<(), Problem> {
    let Some(name) = object.get("file").and_then(Value::as_str) else { return Ok(()) };
    if object.contains_key("values") {
        return Err(Problem::at("values", "there are values and a file of values", "keep one of them"));
    }
    let path = beside.join(name);
    let text = std::fs::read_to_string(&path).map_err(|error| {
        let wrong = format!("{} cannot be read: {error}", path.display());
        Problem::at("file", wrong, "give the path of a file of measured values, relative to this one")
    })?;
    let values = Values::parse(&text).map_err(|error| {
        let error = error.to_string();
        let (wrong, right) = error.split_once("; ").unwrap_or((&error, ""));
        Problem::at("file", format!("{}, {wrong}", path.display()), right)
    })?;
    let values = serde_json::to_value(&values).unwrap_or_default();
    object.remove("file");
    object.insert("values".to_owned(), values);
    Ok(())
}
