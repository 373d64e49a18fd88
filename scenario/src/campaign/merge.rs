//! Shards back to one: all parts of one campaign, each once, become the runs of the unsplit campaign. Anything else is refused, with
//! the parts and the difference named.

use super::model::{Configuration, PART_SCHEMA, Part};
use super::run::Run;
use super::shard::Shard;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Why parts are not one campaign. `a` and `b` are where they came from.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there is no shard to merge")]
    Nothing,
    /// It was written by another version of this program.
    #[error("{0}: its schema is {1}, not {wanted}", wanted = PART_SCHEMA)]
    Schema(String, String),
    /// They were made from different configurations.
    #[error("{a} (shard {shard_a}) and {b} (shard {shard_b}) are not of one campaign: {difference}")]
    Configuration {
        /// Where the first came from.
        a: String,
        /// Its number.
        shard_a: Shard,
        /// Where the other came from.
        b: String,
        /// Its number.
        shard_b: Shard,
        /// The first field that differs, and what each has there.
        difference: String,
    },
    /// They are parts of different splits.
    #[error("{a} is shard {shard_a} and {b} is shard {shard_b}: they are not of one split")]
    Split {
        /// Where the first came from.
        a: String,
        /// Its number.
        shard_a: Shard,
        /// Where the other came from.
        b: String,
        /// Its number.
        shard_b: Shard,
    },
    /// A part is there twice.
    #[error("shard {shard} is there twice: {a} and {b}")]
    Doubled {
        /// Its number.
        shard: Shard,
        /// Where the first came from.
        a: String,
        /// Where the other came from.
        b: String,
    },
    /// Parts are not there.
    #[error("of {of} shards {}", shown(.missing))]
    Missing {
        /// How many there should be.
        of: u32,
        /// Those that are not there.
        missing: Vec<Shard>,
    },
    /// A part does not hold the runs that its number stands for.
    #[error("{at} (shard {shard}) does not hold the runs of its share; simulate it again")]
    Runs {
        /// Where it came from.
        at: String,
        /// Its number.
        shard: Shard,
    },
}

/// Missing shards that are listed one by one.
const SHOWN: usize = 20;

fn shown(shards: &[Shard]) -> String {
    let listed: Vec<String> = shards.iter().take(SHOWN).map(Shard::to_string).collect();
    let more = shards.len().saturating_sub(SHOWN);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    let are = if shards.len() == 1 { "one is" } else { "some are" };
    format!("{are} missing: {}{rest}", listed.join(", "))
}

/// The campaign's configuration and all of its runs, from all of its parts; with each part, where it came from.
///
/// # Errors
/// The parts are not all of one campaign, each once and whole.
pub fn merge(parts: Vec<(String, Part)>) -> Result<(Configuration, Vec<Run>), MergeError> {
    let (first_at, first) = parts.first().ok_or(MergeError::Nothing)?;
    let (configuration, of) = (first.configuration.clone(), first.shard.of());
    let mut places: BTreeMap<Shard, &str> = BTreeMap::new();
    for (at, part) in &parts {
        if part.schema != PART_SCHEMA {
            return Err(MergeError::Schema(at.clone(), part.schema.clone()));
        }
        let both = || (first_at.clone(), first.shard, at.clone(), part.shard);
        if part.configuration != configuration {
            let (a, shard_a, b, shard_b) = both();
            let difference = difference(&configuration, &part.configuration);
            return Err(MergeError::Configuration { a, shard_a, b, shard_b, difference });
        }
        if part.shard.of() != of {
            let (a, shard_a, b, shard_b) = both();
            return Err(MergeError::Split { a, shard_a, b, shard_b });
        }
        if let Some(a) = places.insert(part.shard, at) {
            return Err(MergeError::Doubled { shard: part.shard, a: a.to_owned(), b: at.clone() });
        }
        if !is_whole(part) {
            return Err(MergeError::Runs { at: at.clone(), shard: part.shard });
        }
    }
    let all = (1..=of).filter_map(|index| Shard::new(index, of).ok());
    let missing: Vec<Shard> = all.filter(|shard| !places.contains_key(shard)).collect();
    if !missing.is_empty() {
        return Err(MergeError::Missing { of, missing });
    }
    Ok((configuration, parts.into_iter().flat_map(|(_, part)| part.runs).collect()))
}

fn is_whole(part: &Part) -> bool {
    let plan = &part.configuration.plan;
    let share = plan.handovers().iter().flat_map(|handover| plan.share(part.shard, *handover));
    let wanted: BTreeSet<_> = share.map(|id| (id, plan.seed(id.repetition))).collect();
    let held: BTreeSet<_> = part.runs.iter().map(|run| (run.id(), run.seed)).collect();
    held.len() == part.runs.len() && held == wanted
}

/// The first field in which they differ, in words.
fn difference(a: &Configuration, b: &Configuration) -> String {
    let values = serde_json::to_value(a).ok().zip(serde_json::to_value(b).ok());
    let found = values.and_then(|(a, b)| differs(String::new(), &a, &b));
    found.unwrap_or_else(|| "their configurations differ".to_owned())
}

fn differs(at: String, a: &Value, b: &Value) -> Option<String> {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let child = |key: &String| if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            let of =
                |object: &serde_json::Map<String, Value>, key| object.get(key).cloned().unwrap_or_default();
            keys.into_iter().find_map(|key| differs(child(key), &of(a, key), &of(b, key)))
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{at} is {a} in the one and {b} in the other")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::campaign;
    use crate::campaign::testing::{all, configuration, part, plan};
    use proptest::prelude::*;

    fn split(configuration: &Configuration, of: u32) -> Vec<(String, Part)> {
        let shards = (1..=of).map(|index| Shard::new(index, of).unwrap());
        shards.map(|shard| (format!("dir-{shard}"), part(configuration, shard))).collect()
    }

    fn refused(parts: Vec<(String, Part)>) -> String {
        merge(parts).unwrap_err().to_string()
    }

    #[test]
    fn shards_of_different_configurations_are_refused_and_the_field_is_named() {
        let mut parts = split(&configuration(2), 3);
        parts[2].1.configuration.testbed.review.agreements = 50;
        assert_eq!(
            refused(parts),
            "dir-1/3 (shard 1/3) and dir-3/3 (shard 3/3) are not of one campaign: \
             testbed.review.agreements is 20 in the one and 50 in the other"
        );
        let mut parts = split(&configuration(2), 2);
        parts[1].1.configuration.plan = plan(3);
        assert!(refused(parts).contains("plan.repeat is 2 in the one and 3 in the other"));
    }

    #[test]
    fn missing_doubled_and_foreign_shards_are_refused_by_their_numbers() {
        let configuration = configuration(2);
        let mut parts = split(&configuration, 4);
        parts.retain(|(_, part)| part.shard.to_string() == "2/4");
        assert_eq!(refused(parts), "of 4 shards some are missing: 1/4, 3/4, 4/4");
        let mut parts = split(&configuration, 3);
        parts.remove(1);
        assert_eq!(refused(parts.clone()), "of 3 shards one is missing: 2/3");
        parts.push(("again".to_owned(), parts[0].1.clone()));
        assert_eq!(refused(parts), "shard 1/3 is there twice: dir-1/3 and again");
        let mut parts = split(&configuration, 2);
        parts.push(("other".to_owned(), part(&configuration, Shard::new(3, 3).unwrap())));
        assert_eq!(refused(parts), "dir-1/2 is shard 1/2 and other is shard 3/3: they are not of one split");
        assert_eq!(refused(Vec::new()), "there is no shard to merge");
        let none =
            vec![("x".to_owned(), Part::new(Shard::new(1, 9_999).unwrap(), configuration, Vec::new()))];
        assert!(matches!(merge(none), Err(MergeError::Runs { .. } | MergeError::Missing { .. })));
    }

    #[test]
    fn a_shard_that_lacks_a_run_has_one_twice_or_another_s_is_refused() {
        let whole = split(&configuration(3), 2);
        let spoilt = |spoil: &dyn Fn(&mut Vec<Run>)| {
            let mut parts = whole.clone();
            spoil(&mut parts[0].1.runs);
            refused(parts)
        };
        let wanted = "dir-1/2 (shard 1/2) does not hold the runs of its share; simulate it again";
        assert_eq!(spoilt(&|runs| runs.truncate(1)), wanted);
        assert_eq!(spoilt(&|runs| runs.push(runs[0])), wanted);
        assert_eq!(spoilt(&|runs| runs[0].seed += 1), wanted);
        let mut parts = whole;
        parts[0].1.schema = "zerogap.campaign-shard/2".to_owned();
        assert!(refused(parts).contains("its schema is zerogap.campaign-shard/2"));
    }

    proptest! {
        #[test]
        fn however_it_was_split_the_merged_campaign_is_that_of_the_unsplit_run(
            of in 1..30_u32,
            repeat in 1..6_u32,
            by in 0..30_usize,
        ) {
            let configuration = configuration(repeat);
            let mut parts = split(&configuration, of);
            parts.rotate_left(by % of as usize);
            let (merged, runs) = merge(parts).unwrap();
            let unsplit = campaign(configuration.clone(), all(&configuration.plan));
            prop_assert_eq!(campaign(merged, runs).to_json(), unsplit.to_json());
        }
    }
}
