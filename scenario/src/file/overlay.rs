//! A file that is laid over another one: its values as overrides. A distribution is one value; every other mapping is gone into, so
//! that what the overlay leaves out stays as it was.

use super::error::FileError;
use super::overrides::Override;
use super::{Testbed, load};
use serde_json::Value;

/// What this text sets, as overrides in the order of the fields' names. It is written like a testbed file and may leave out what it
/// likes. Files of measured values that it names are looked for beside `name`.
///
/// # Errors
/// The first mistake in it, or in the demo that it is laid over.
pub fn overlay(name: &str, text: &str) -> Result<Vec<Override>, FileError> {
    let tree = load::tree_of(name, text)?;
    let defaults = serde_json::to_value(Testbed::default()).unwrap_or_default();
    let mut overrides = Vec::new();
    leaves(&tree, Some(&defaults), String::new(), &mut overrides);
    load::try_out(name, text, &overrides)?;
    Ok(overrides)
}

fn leaves(value: &Value, default: Option<&Value>, path: String, overrides: &mut Vec<Override>) {
    match value {
        Value::Null => {}
        Value::Object(object) if !object.contains_key("kind") && default.is_some_and(Value::is_object) => {
            for (key, value) in object {
                let dot = if path.is_empty() { "" } else { "." };
                let default = default.and_then(|default| default.get(key));
                leaves(value, default, format!("{path}{dot}{key}"), overrides);
            }
        }
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            overrides.push(Override::new(path, value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::parse;

    const CALIBRATION: &str = "
sim:
  # A comment.
  copy:
    per_mb: {kind: normal, mean: 2 ms, std_dev: 10 us}
  host_latency: {kind: empirical, values: [5 us, 4600]}
";

    #[test]
    fn what_it_sets_is_set_whole_and_what_it_leaves_out_stays() {
        let overrides = overlay("c.yaml", CALIBRATION).unwrap();
        let shown: Vec<String> = overrides.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                r#"sim.copy.per_mb={"kind":"normal","mean":"2 ms","std_dev":"10 us"}"#,
                r#"sim.host_latency={"kind":"empirical","values":["5 us",4600]}"#,
            ]
        );
        let text =
            "sim: {copy: {base: {kind: constant, value: 7 us}, per_mb: {kind: constant, value: 1 us}}}";
        let laid_over = parse("t.yaml", text, &overrides).unwrap();
        let written = parse("t.yaml", text, &[]).unwrap();
        assert_eq!(laid_over.sim.copy.base, written.sim.copy.base);
        assert_eq!(laid_over.sim.copy.per_mb.mean().as_nanos(), 2_000_000);
        assert_eq!(laid_over.sim.host_latency.mean().as_nanos(), 4_800);
        assert_eq!(laid_over.sim.replay, written.sim.replay);
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        let complaint = |text| overlay("c.yaml", text).unwrap_err().to_string();
        let no_field = "c.yaml:2:3: sim.copi: there is no such field; did you mean `copy`?";
        assert!(complaint("sim:\n  copi: {}\n").starts_with(no_field));
        insta::assert_snapshot!(complaint("sim:\n  replay: {kind: constant, value: soon}\n"), @"c.yaml:2:3: sim.replay: `soon` is not a duration; write a number and a unit, such as 10 ms");
        insta::assert_snapshot!(complaint("sim: [1"), @"c.yaml:2:1: this is not YAML: did not find expected ',' or ']'; mind the indentation, the colons and the brackets");
    }
}
