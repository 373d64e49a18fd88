//! Quantities as people write them: durations ("4.6 ms"), sizes ("40 MB", "4 MiB") and rates ("1 Gbit/s", "unlimited").
//! Reading is exact (no floating point), and what is shown reads back to the same value. The testbed file and the
//! command line share these types.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use zerogap_proto::Duration;

/// A length of time: `200 ns`, `0.2 us` or `0.2 µs`, `10 ms`, `30 s`, `5 min`; `0` needs no unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes: `624 B`, `256 KB`, `40 MB`, `2 GB` (decimal), `4 KiB`, `4 MiB`, `1 GiB` (binary).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Bits per second: `9600 bit/s`, `64 kbit/s`, `100 Mbit/s`, `1 Gbit/s`; `unlimited` is kept as 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(pub u64);

/// Why a text is not a quantity. What is wrong stands before the semicolon, what would be right after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// Neither a number nor a number with a unit.
    #[error("`{text}` is not {kind}; write a number and a unit, such as {example}")]
    Form {
        /// What was written.
        text: String,
        /// What was wanted.
        kind: &'static str,
        /// How it could look.
        example: &'static str,
    },
    /// A number without a unit.
    #[error("`{text}` has no unit; the units of {kind} are {units}")]
    NoUnit {
        /// What was written.
        text: String,
        /// What was wanted.
        kind: &'static str,
        /// The units that there are.
        units: String,
    },
    /// A unit of something else, or of nothing.
    #[error("`{unit}` is not a unit of {kind}; the units are {units}")]
    Unit {
        /// The unit that was written.
        unit: String,
        /// What was wanted.
        kind: &'static str,
        /// The units that there are.
        units: String,
    },
    /// More than can be counted, or finer than the smallest unit.
    #[error("`{text}` cannot be kept exactly; {kind} is a whole number of {unit} below 2^64")]
    Range {
        /// What was written.
        text: String,
        /// What was wanted.
        kind: &'static str,
        /// The smallest unit.
        unit: &'static str,
    },
}

/// How a quantity is written.
struct Form {
    kind: &'static str,
    example: &'static str,
    /// A word in place of a number, meaning 0.
    zero_word: Option<&'static str>,
    /// Names and worth of the units, the smallest first; further spellings of a unit follow its preferred one.
    units: &'static [(&'static str, u64)],
}

const SPAN: Form = Form {
    kind: "a duration",
    example: "10 ms",
    zero_word: None,
    units: &[
        ("ns", 1),
        ("us", 1_000),
        ("µs", 1_000),
        ("μs", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("min", 60_000_000_000),
    ],
};
const SIZE: Form = Form {
    kind: "a size",
    example: "40 MB",
    zero_word: None,
    units: &[
        ("B", 1),
        ("KB", 1_000),
        ("kB", 1_000),
        ("KiB", 1 << 10),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
    ],
};
const RATE: Form = Form {
    kind: "a rate",
    example: "1 Gbit/s",
    zero_word: Some("unlimited"),
    units: &[("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000)],
};

impl Form {
    /// The preferred names of the units.
    fn units(&self) -> String {
        let mut units = self.units.to_vec();
        units.dedup_by_key(|&mut (_, worth)| worth);
        units.iter().map(|&(name, _)| name).collect::<Vec<_>>().join(", ")
    }

    fn parse(&self, text: &str) -> Result<u64, QuantityError> {
        let trimmed = text.trim();
        if self.zero_word == Some(trimmed) {
            return Ok(0);
        }
        let form = || QuantityError::Form { text: text.into(), kind: self.kind, example: self.example };
        let number_len = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(number_len);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let fraction = fraction.trim_end_matches('0');
        if whole.is_empty() || number.ends_with('.') || fraction.contains('.') {
            return Err(form());
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            let zero = self.zero_word.is_none() && whole.bytes().all(|b| b == b'0') && fraction.is_empty();
            let no_unit = QuantityError::NoUnit { text: text.into(), kind: self.kind, units: self.units() };
            return if zero { Ok(0) } else { Err(no_unit) };
        }
        let Some(&(_, worth)) = self.units.iter().find(|&&(name, _)| name == unit) else {
            return Err(QuantityError::Unit { unit: unit.into(), kind: self.kind, units: self.units() });
        };
        let range = || QuantityError::Range { text: text.into(), kind: self.kind, unit: self.units[0].0 };
        let value = scaled(whole, fraction, worth).ok_or_else(range)?;
        if value == 0 && self.zero_word.is_some() { Err(form()) } else { Ok(value) }
    }

    /// The value in the largest preferred unit in which it is at least 1, all digits kept.
    fn show(&self, value: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (0, Some(word)) = (value, self.zero_word) {
            return f.write_str(word);
        }
        // Binary units only for what is round in them and not in decimal ones; minutes never: 90 s is plainer.
        let fits = |&(_, worth): &(&str, u64)| {
            let decimal = 10_u64.pow(worth.ilog10()) == worth;
            let binary = worth.is_power_of_two() && value.is_multiple_of(worth);
            value >= worth && (decimal || binary && !value.is_multiple_of(1_000))
        };
        let mut best = self.units[0];
        for &unit in self.units.iter().filter(|u| fits(u)) {
            if unit.1 > best.1 {
                best = unit;
            }
        }
        let (name, worth) = best;
        let rest = value % worth;
        if rest == 0 {
            return write!(f, "{} {name}", value / worth);
        }
        let width = worth.ilog10() as usize;
        let digits = format!("{rest:0width$}");
        write!(f, "{}.{} {name}", value / worth, digits.trim_end_matches('0'))
    }
}

/// `whole.fraction × worth`, if that is a whole number that fits.
fn scaled(whole: &str, fraction: &str, worth: u64) -> Option<u64> {
    let whole: u64 = whole.parse().ok()?;
    let mut value = u128::from(whole) * u128::from(worth);
    if !fraction.is_empty() {
        let denominator = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
        let numerator = fraction.parse::<u128>().ok()?.checked_mul(u128::from(worth))?;
        if numerator % denominator != 0 {
            return None;
        }
        value += numerator / denominator;
    }
    u64::try_from(value).ok()
}

struct QuantityVisitor(&'static Form);

impl Visitor<'_> for QuantityVisitor {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} such as {}", self.0.kind, self.0.example)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        self.0.parse(text).map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<u64, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! quantity {
    ($name:ident, $form:ident, $from:expr, $into:expr, $pattern:literal) => {
        impl FromStr for $name {
            type Err = QuantityError;
            fn from_str(text: &str) -> Result<Self, QuantityError> {
                $form.parse(text).map($from)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                $form.show($into(self), f)
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(QuantityVisitor(&$form)).map($from)
            }
        }
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": ["string", "integer"], "pattern": $pattern, "maximum": 0 })
            }
        }
    };
}

quantity!(
    Span,
    SPAN,
    |ns| Self(Duration::from_nanos(ns)),
    |s: &Self| s.0.as_nanos(),
    r"^[0-9]+(\.[0-9]+)? ?(ns|us|µs|μs|ms|s|min)$|^0$"
);
quantity!(Size, SIZE, Self, |s: &Self| s.0, r"^[0-9]+(\.[0-9]+)? ?(B|KB|kB|KiB|MB|MiB|GB|GiB)$|^0$");
quantity!(Rate, RATE, Self, |s: &Self| s.0, r"^[0-9]+(\.[0-9]+)? ?[kMG]?bit/s$|^unlimited$");

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl Span {
    /// `ns` nanoseconds.
    pub const fn ns(ns: u64) -> Self {
        Self(Duration::from_nanos(ns))
    }
    /// `us` microseconds.
    pub const fn us(us: u64) -> Self {
        Self(Duration::from_micros(us))
    }
    /// `ms` milliseconds.
    pub const fn ms(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }
    /// `s` seconds.
    pub const fn s(s: u64) -> Self {
        Self(Duration::from_secs(s))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn span(text: &str) -> Result<u64, String> {
        text.parse::<Span>().map(|s| s.0.as_nanos()).map_err(|e| e.to_string())
    }

    #[test]
    fn durations_are_read_exactly_in_every_unit() {
        for (text, ns) in [
            ("10 ms", 10_000_000),
            ("0.2 us", 200),
            ("0.2 µs", 200),
            ("0.2 μs", 200),
            ("4.6ms", 4_600_000),
            (" 30 s ", 30_000_000_000),
            ("1.50 min", 90_000_000_000),
            ("7 ns", 7),
            ("0", 0),
        ] {
            assert_eq!(span(text), Ok(ns), "{text}");
        }
    }

    #[test]
    fn sizes_are_decimal_unless_the_unit_says_binary_and_rates_may_be_unlimited() {
        assert_eq!("40 MB".parse(), Ok(Size(40_000_000)));
        assert_eq!("4MiB".parse(), Ok(Size(4 << 20)));
        assert_eq!("1 Gbit/s".parse(), Ok(Rate(1_000_000_000)));
        assert_eq!("2.5 Mbit/s".parse(), Ok(Rate(2_500_000)));
        assert_eq!("unlimited".parse(), Ok(Rate(0)));
        assert!("0 bit/s".parse::<Rate>().is_err(), "a rate of nothing is not the same as unlimited");
        assert!("0".parse::<Rate>().is_err());
    }

    #[test]
    fn what_is_not_a_quantity_is_refused_with_what_would_be_right() {
        let units = "the units are ns, us, ms, s, min";
        assert_eq!(span("10 parsec"), Err(format!("`parsec` is not a unit of a duration; {units}")));
        assert_eq!(
            span("10"),
            Err("`10` has no unit; the units of a duration are ns, us, ms, s, min".into())
        );
        let form =
            |text| Err(format!("`{text}` is not a duration; write a number and a unit, such as 10 ms"));
        for text in ["", "ms", "-1 ms", "1..2 ms", ".5 ms", "1. ms", "soon"] {
            assert_eq!(span(text), form(text));
        }
        let range = "a duration is a whole number of ns below 2^64";
        assert_eq!(span("0.5 ns"), Err(format!("`0.5 ns` cannot be kept exactly; {range}")));
        assert_eq!(span("1e9 s"), Err(format!("`e9 s` is not a unit of a duration; {units}")));
        assert_eq!(
            span("99999999999 min"),
            Err(format!("`99999999999 min` cannot be kept exactly; {range}"))
        );
    }

    #[test]
    fn values_are_shown_as_a_person_would_write_them() {
        let shown: Vec<String> = [200, 4_600_000, 30_000_000_000, 90_000_000_000, 1_800_000, 0]
            .map(|ns| Span::ns(ns).to_string())
            .into();
        assert_eq!(shown, ["200 ns", "4.6 ms", "30 s", "90 s", "1.8 ms", "0 ns"]);
        let shown: Vec<String> =
            [40_000_000, 4 << 20, 624, 256_000, 1_000_001].map(|b| Size(b).to_string()).into();
        assert_eq!(shown, ["40 MB", "4 MiB", "624 B", "256 KB", "1.000001 MB"]);
        let shown: Vec<String> = [0, 54_000_000, 1_000_000_000].map(|b| Rate(b).to_string()).into();
        assert_eq!(shown, ["unlimited", "54 Mbit/s", "1 Gbit/s"]);
    }

    proptest! {
        #[test]
        fn reading_survives_any_text(text in any::<String>()) {
            let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Rate>());
        }

        #[test]
        fn reading_survives_texts_that_look_like_quantities(text in "[0-9.]{0,40} ?(ns|µs|min|GiB|KB|Gbit/s|%|é)?") {
            let _ = (text.parse::<Span>(), text.parse::<Size>(), text.parse::<Rate>());
        }

        #[test]
        fn what_is_shown_reads_back_to_the_same(value in any::<u64>(), shift in 0..64_u32) {
            let value = value >> shift;
            prop_assert_eq!(Span::ns(value).to_string().parse(), Ok(Span::ns(value)));
            prop_assert_eq!(Size(value).to_string().parse(), Ok(Size(value)));
            prop_assert_eq!(Rate(value).to_string().parse(), Ok(Rate(value)));
        }
    }
}
