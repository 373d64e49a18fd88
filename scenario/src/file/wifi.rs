//! `radio.wifi`: an IEEE 802.11a channel at each access point, in virtual time. What it models is in `docs/radio.md`; the model itself
//! is the simulator's.

use super::check::{Checked, refuse, within};
use crate::size::{Rate, Span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// An IEEE 802.11a channel at each access point, on which the AGV, the access point and neighbours contend. In virtual time it stands
/// in place of `radio.link`, whose loss and duplication remain; a real run goes on using `radio.link`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Wifi {
    /// Which standard.
    pub standard: WifiStandard,
    /// The rate of data frames: `6 Mbit/s` to `54 Mbit/s`, or `by-distance`.
    pub rate: WifiRate,
    /// What the distance allows, where the rate is `by-distance`.
    pub range: WifiRange,
    /// When a frame goes out that finds the medium idle.
    pub access: WifiAccess,
    /// From one beacon to the next; 0 for none.
    pub beacons: Span,
    /// Other AGVs at each access point: each sends requests like ours and gets answers, and is nothing but that.
    pub neighbours: u16,
    /// Frames that wait in a station or an access point at the most; what comes on top is lost.
    pub queue_frames: u32,
    /// How long a frame may wait and be tried before it is given up.
    pub lifetime: Span,
    /// How often a frame is sent at the most until it is acknowledged.
    pub attempts: u8,
    /// Probability that a frame of 1000 bytes arrives damaged, 0 to 1; shorter frames are damaged less often.
    pub frame_error: f64,
}

/// Which standard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WifiStandard {
    /// 5 GHz, OFDM, channels of 20 MHz.
    #[default]
    #[serde(rename = "802.11a")]
    A,
}

/// The rate of data frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WifiRate {
    /// Always the same.
    Fixed(OfdmRate),
    /// The fastest that the distance allows.
    ByDistance,
}

/// A rate of the OFDM PHY.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are the rates")]
pub enum OfdmRate {
    Mbit6,
    Mbit9,
    Mbit12,
    Mbit18,
    Mbit24,
    Mbit36,
    Mbit48,
    Mbit54,
}

/// When a frame goes out that finds the medium idle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WifiAccess {
    /// At once, if the medium has been idle for a DIFS: the standard's rule.
    #[default]
    Immediate,
    /// After a further DIFS from its arrival, as some simulators have it.
    Difs,
}

/// Log-distance path loss: how far each rate reaches.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WifiRange {
    /// Power sent, antennas included, in dBm.
    pub tx_power_dbm: f64,
    /// Path loss over the first metre, in dB.
    pub loss_at_1_m_db: f64,
    /// Path loss exponent: 2 in free space, about 3 on a factory floor.
    pub exponent: f64,
}

/// What a rate may be, for people.
const RATES: &str = "6, 9, 12, 18, 24, 36, 48 or 54 Mbit/s, or by-distance";
const BY_DISTANCE: &str = "by-distance";

impl OfdmRate {
    /// All of them, the slowest first.
    pub const ALL: [Self; 8] = [
        Self::Mbit6,
        Self::Mbit9,
        Self::Mbit12,
        Self::Mbit18,
        Self::Mbit24,
        Self::Mbit36,
        Self::Mbit48,
        Self::Mbit54,
    ];

    /// Mbit/s.
    pub const fn mbit_s(self) -> u16 {
        match self {
            Self::Mbit6 => 6,
            Self::Mbit9 => 9,
            Self::Mbit12 => 12,
            Self::Mbit18 => 18,
            Self::Mbit24 => 24,
            Self::Mbit36 => 36,
            Self::Mbit48 => 48,
            Self::Mbit54 => 54,
        }
    }

    fn rate(self) -> Rate {
        Rate(u64::from(self.mbit_s()) * 1_000_000)
    }
}

impl fmt::Display for WifiRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(rate) => rate.rate().fmt(f),
            Self::ByDistance => f.write_str(BY_DISTANCE),
        }
    }
}

impl Serialize for WifiRate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WifiRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim() == BY_DISTANCE {
            return Ok(Self::ByDistance);
        }
        let rate: Option<Rate> = text.parse().ok();
        let known = OfdmRate::ALL.into_iter().find(|known| Some(known.rate()) == rate);
        known.map(Self::Fixed).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&text), &RATES))
    }
}

impl JsonSchema for WifiRate {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "WifiRate".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "pattern": r"^(6|9|12|18|24|36|48|54) ?Mbit/s$|^by-distance$"
        })
    }
}

impl Default for Wifi {
    /// The standard's own values: attempts are dot11ShortRetryLimit (7), the lifetime is dot11MaxTransmitMSDULifetime (512 time
    /// units of 1.024 ms). The queue is that of common drivers and simulators.
    fn default() -> Self {
        Self {
            standard: WifiStandard::A,
            rate: WifiRate::Fixed(OfdmRate::Mbit54),
            range: WifiRange::default(),
            access: WifiAccess::Immediate,
            beacons: Span::us(102_400),
            neighbours: 0,
            queue_frames: 500,
            lifetime: Span::us(512 * 1_024),
            attempts: 7,
            frame_error: 0.0,
        }
    }
}

impl Default for WifiRange {
    /// 40 mW; free space over the first metre at 5.15 GHz: 20 log10(4π · 5.15e9 / 2.998e8) = 46.68 dB.
    fn default() -> Self {
        Self { tx_power_dbm: 16.0, loss_at_1_m_db: 46.68, exponent: 3.0 }
    }
}

/// The first mistake in `radio.wifi`.
pub(super) fn check(wifi: &Wifi) -> Checked {
    within("radio.wifi.neighbours", wifi.neighbours, 0..=1_000)?;
    within("radio.wifi.queue_frames", wifi.queue_frames, 1..=100_000)?;
    within("radio.wifi.lifetime", wifi.lifetime, Span::ms(1)..=Span::s(60))?;
    within("radio.wifi.attempts", wifi.attempts, 1..=255)?;
    within("radio.wifi.range.tx_power_dbm", wifi.range.tx_power_dbm, -50.0..=50.0)?;
    within("radio.wifi.range.loss_at_1_m_db", wifi.range.loss_at_1_m_db, 0.0..=150.0)?;
    within("radio.wifi.range.exponent", wifi.range.exponent, 1.0..=10.0)?;
    if wifi.beacons != Span::ns(0) && !(Span::ms(1)..=Span::s(60)).contains(&wifi.beacons) {
        let wrong = format!("{} is out of range", wifi.beacons);
        return refuse("radio.wifi.beacons", wrong, "write 1 ms to 60 s, or 0 for none");
    }
    if !(0.0..=1.0).contains(&wifi.frame_error) {
        let wrong = format!("{} is not a probability", wifi.frame_error);
        return refuse("radio.wifi.frame_error", wrong, "write 0 to 1");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Override, Testbed, parse};
    use super::*;

    fn wifi(text: &str) -> Result<Option<Wifi>, String> {
        let set = [Override::new("radio.wifi", text)];
        let read: Result<Testbed, _> = parse("t.yaml", "", &set);
        read.map(|testbed| testbed.radio.wifi).map_err(|error| error.to_string())
    }

    #[test]
    fn left_out_there_is_none_and_an_empty_one_has_the_standards_values() {
        assert_eq!(wifi(""), Ok(None));
        assert_eq!(wifi("{}"), Ok(Some(Wifi::default())));
    }

    #[test]
    fn what_the_demo_file_shows_in_its_comment_is_the_default() {
        let demo = include_str!("../../../testbed.yaml");
        let comment =
            demo.lines().skip_while(|line| *line != "  # wifi:").take_while(|line| line.starts_with("  #"));
        let lines: Vec<String> = comment.map(|line| line.replacen("# ", "", 1)).collect();
        assert_eq!(lines.len(), 11);
        let text = format!("radio:\n{}", lines.join("\n"));
        let read = parse("t.yaml", &text, &[]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.radio.wifi, Some(Wifi::default()));
    }

    #[test]
    fn single_fields_are_set_and_the_rest_stays() {
        let set = "radio.wifi.neighbours=49".parse().unwrap();
        let crowded = parse("t.yaml", "", &[set]).unwrap();
        assert_eq!(crowded.radio.wifi, Some(Wifi { neighbours: 49, ..Wifi::default() }));
    }

    #[test]
    fn every_rate_of_the_standard_reads_back_and_no_other_does() {
        for rate in OfdmRate::ALL.map(WifiRate::Fixed).into_iter().chain([WifiRate::ByDistance]) {
            assert_eq!(wifi(&format!("{{rate: {rate}}}")), Ok(Some(Wifi { rate, ..Wifi::default() })));
        }
        for (rate, shown) in [("7 Mbit/s", "\"7 Mbit/s\""), ("unlimited", "\"unlimited\"")] {
            let told = wifi(&format!("{{rate: {rate}}}")).unwrap_err();
            let right = format!("radio.wifi.rate: {shown} does not fit here; write {RATES}");
            assert!(told.ends_with(&right), "{told}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_at_its_field() {
        for (text, told) in [
            ("{standard: 802.11b}", "radio.wifi.standard: `802.11b` is not known here"),
            ("{access: at-once}", "radio.wifi.access: `at-once` is not known here"),
            ("{frame_error: 2}", "radio.wifi.frame_error: 2 is not a probability; write 0 to 1"),
            (
                "{beacons: 10 us}",
                "radio.wifi.beacons: 10 us is out of range; write 1 ms to 60 s, or 0 for none",
            ),
            ("{attempts: 0}", "radio.wifi.attempts: 0 is out of range; write 1 to 255"),
            ("{queue_frames: 0}", "radio.wifi.queue_frames: 0 is out of range"),
            ("{range: {exponent: 0}}", "radio.wifi.range.exponent: 0 is out of range; write 1 to 10"),
            ("{retries: 3}", "radio.wifi.retries: there is no such field"),
        ] {
            let error = wifi(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
