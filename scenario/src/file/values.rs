//! Measured lengths of time: read from a testbed file or from a file of their own, kept sorted, and written as whole
//! nanoseconds. Their distribution function is linear between neighbours, so that its inverse is a quantile.

use crate::size::{QuantityError, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use zerogap_proto::Duration;

/// Values of a distribution at the most.
pub(super) const VALUES_MAX: usize = 65_536;

/// Measured lengths of time from the smallest to the largest. Clones share them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values(Arc<[Duration]>);

/// What is wrong in a file of values, and in which line, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct ValuesError {
    line: usize,
    why: QuantityError,
}

impl Values {
    /// These, sorted.
    pub fn new(values: impl IntoIterator<Item = Duration>) -> Self {
        let mut values: Vec<Duration> = values.into_iter().collect();
        values.sort_unstable();
        Self(values.into())
    }

    /// Those of a text with one a line, with a unit or in whole nanoseconds. `#` begins a comment; empty lines are passed over.
    ///
    /// # Errors
    /// The first line that is neither.
    pub fn parse(text: &str) -> Result<Self, ValuesError> {
        let lines = text.lines().enumerate();
        let written = lines.map(|(index, line)| (index + 1, line.split('#').next().unwrap_or("").trim()));
        let values = written
            .filter(|(_, value)| !value.is_empty())
            .map(|(line, value)| length(value).map_err(|why| ValuesError { line, why }));
        Ok(Self::new(values.collect::<Result<Vec<_>, _>>()?))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The quantile of `p` from 0 to 1: the smallest, the largest, and in between linear from one value to the next (type 7
    /// of Hyndman and Fan, *Sample Quantiles in Statistical Packages*, 1996). 0 of nothing.
    pub fn quantile(&self, p: f64) -> Duration {
        let Some(last) = self.0.len().checked_sub(1) else { return Duration::ZERO };
        let at = p.clamp(0.0, 1.0) * last as f64;
        let below = (at as usize).min(last);
        let (low, high) = (self.0[below], self.0[(below + 1).min(last)]);
        let step_ns = high.as_nanos().saturating_sub(low.as_nanos());
        low + Duration::from_nanos(((at - below as f64) * step_ns as f64).round() as u64)
    }

    /// The mean of what is drawn: of the middles between neighbours. 0 of nothing.
    pub fn mean(&self) -> Duration {
        let ns = |value: &Duration| u128::from(value.as_nanos());
        let mean = match &*self.0 {
            [] => 0,
            [only] => ns(only),
            [first, .., last] => {
                let sum: u128 = self.0.iter().map(ns).sum();
                (2 * sum - ns(first) - ns(last)) / (2 * (self.0.len() as u128 - 1))
            }
        };
        Duration::from_nanos(u64::try_from(mean).unwrap_or(u64::MAX))
    }
}

fn length(text: &str) -> Result<Duration, QuantityError> {
    match text.parse() {
        Ok(ns) => Ok(Duration::from_nanos(ns)),
        Err(_) => text.parse::<Span>().map(|span| span.0),
    }
}

/// One of them, as it is written.
struct Measured(Duration);

struct MeasuredVisitor;

impl Visitor<'_> for MeasuredVisitor {
    type Value = Measured;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration such as 10 ms, or whole nanoseconds")
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Measured, E> {
        length(text).map(Measured).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, ns: u64) -> Result<Measured, E> {
        Ok(Measured(Duration::from_nanos(ns)))
    }
}

impl<'de> Deserialize<'de> for Measured {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MeasuredVisitor)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values: Vec<Measured> = Vec::deserialize(deserializer)?;
        Ok(Self::new(values.into_iter().map(|Measured(value)| value)))
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|value| value.as_nanos()))
    }
}

impl JsonSchema for Values {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Values".into()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = Span::json_schema(generator);
        json_schema!({
            "type": "array",
            "maxItems": VALUES_MAX,
            "items": { "anyOf": [span, { "type": "integer", "minimum": 0 }] }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(ns: &[u64]) -> Values {
        Values::new(ns.iter().copied().map(Duration::from_nanos))
    }

    #[test]
    fn a_file_has_one_a_line_with_a_unit_or_in_nanoseconds_and_comments() {
        let text = "# latencies\n5 us\n\n4600   # one of them\n  0.2 µs\n";
        assert_eq!(Values::parse(text), Ok(of(&[200, 4_600, 5_000])));
        assert_eq!(Values::parse("# none\n"), Ok(of(&[])));
    }

    #[test]
    fn what_is_wrong_in_a_file_is_told_with_its_line() {
        let complaint = |text| Values::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(complaint("1 us\nsoon\n"), @"line 2: `soon` is not a duration; write a number and a unit, such as 10 ms");
        insta::assert_snapshot!(complaint("-5\n"), @"line 1: `-5` is not a duration; write a number and a unit, such as 10 ms");
        insta::assert_snapshot!(complaint("1\n2\n3.5\n"), @"line 3: `3.5` has no unit; the units of a duration are ns, us, ms, s, min");
    }

    #[test]
    fn a_quantile_is_linear_between_neighbours() {
        let values = of(&[100, 400, 200]);
        let quantiles = [0.0, 0.25, 0.5, 0.75, 1.0].map(|p| values.quantile(p).as_nanos());
        assert_eq!(quantiles, [100, 150, 200, 300, 400]);
        assert_eq!(of(&[7]).quantile(0.3).as_nanos(), 7);
        assert_eq!(of(&[]).quantile(0.3), Duration::ZERO);
    }

    #[test]
    fn the_mean_is_that_of_what_is_drawn() {
        assert_eq!(of(&[100, 200, 400]).mean().as_nanos(), 225, "half of the draws from 150, half from 300");
        assert_eq!([of(&[]), of(&[7])].map(|values| values.mean().as_nanos()), [0, 7]);
    }

    proptest! {
        #[test]
        fn quantiles_never_leave_what_was_measured_and_never_fall(
            ns in proptest::collection::vec(0..u64::MAX / 2, 1..40), p in 0.0..1.0, more in 0.0..1.0,
        ) {
            let values = of(&ns);
            let (low, high) = (values.quantile(p), values.quantile(p + (1.0 - p) * more));
            prop_assert!(low <= high);
            prop_assert!(low.as_nanos() >= *ns.iter().min().unwrap());
            // Numbers beyond 2^53 are not exact in floating point.
            let max = *ns.iter().max().unwrap();
            prop_assert!(high.as_nanos() <= max + max / 1_000_000_000);
        }
    }
}
