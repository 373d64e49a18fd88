//! Which rate a distance allows: the fastest one whose receiver still gets its minimum input level, by the log-distance path loss
//! model. A table of distances that is made once; what follows needs no floating point.
//!
//! L(d) = L(1 m) + 10 · n · log10(d / 1 m) (Rappaport, *Wireless Communications*, section 4.9), so a rate reaches as far as
//! 10^((P − L(1 m) − S) / 10n) metres, S its minimum sensitivity. There is no fading: inside its reach a rate loses nothing
//! but by collision and `frame_error`.

use zerogap_scenario::file::{OfdmRate, WifiRange, WifiRate};

/// Minimum input level sensitivity in dBm at 20 MHz (table in 17.3.10.2, IEEE Std 802.11-2020).
const fn sensitivity_dbm(rate: OfdmRate) -> f64 {
    match rate {
        OfdmRate::Mbit6 => -82.0,
        OfdmRate::Mbit9 => -81.0,
        OfdmRate::Mbit12 => -79.0,
        OfdmRate::Mbit18 => -77.0,
        OfdmRate::Mbit24 => -74.0,
        OfdmRate::Mbit36 => -70.0,
        OfdmRate::Mbit48 => -66.0,
        OfdmRate::Mbit54 => -65.0,
    }
}

/// Which rate is used where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// One rate everywhere.
    Everywhere(OfdmRate),
    /// Each rate up to its distance in millimetres, the fastest rate and so the shortest distance first.
    Within([(OfdmRate, u64); OfdmRate::ALL.len()]),
}

impl Reach {
    /// What the file asks for.
    pub fn new(rate: WifiRate, range: &WifiRange) -> Self {
        match rate {
            WifiRate::Fixed(rate) => Self::Everywhere(rate),
            WifiRate::ByDistance => {
                let mut table = OfdmRate::ALL.map(|rate| (rate, reach_mm(rate, range)));
                table.reverse();
                Self::Within(table)
            }
        }
    }

    /// The rate between two places, in millimetres; `None` out of reach of the slowest.
    pub fn rate(&self, from: (i32, i32), to: (i32, i32)) -> Option<OfdmRate> {
        match self {
            Self::Everywhere(rate) => Some(*rate),
            Self::Within(table) => {
                let across = |a: i32, b: i32| u128::from(a.abs_diff(b)).pow(2);
                let squared_mm2 = across(from.0, to.0) + across(from.1, to.1);
                let fits = table.iter().find(|(_, reach)| squared_mm2 <= u128::from(*reach).pow(2));
                fits.map(|(rate, _)| *rate)
            }
        }
    }
}

fn reach_mm(rate: OfdmRate, range: &WifiRange) -> u64 {
    let budget_db = range.tx_power_dbm - range.loss_at_1_m_db - sensitivity_dbm(rate);
    // Saturates: a reach of more millimetres than can be counted is as good as endless.
    (1e3 * 10_f64.powf(budget_db / (10.0 * range.exponent))).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16 − 46.68 + 65 = 34.32 dB and n = 3: 10^1.144 = 13.93 m for 54 Mbit/s; 51.32 dB: 10^1.7107 = 51.4 m for 6 Mbit/s.
    #[test]
    fn distance_takes_the_rate_down_step_by_step_and_then_there_is_none() {
        let reach = Reach::new(WifiRate::ByDistance, &WifiRange::default());
        let at = |metres: f64| reach.rate((0, 0), (0, (metres * 1e3) as i32)).map(OfdmRate::mbit_s);
        let seen = [0.0, 13.9, 14.0, 15.1, 20.5, 28.0, 35.1, 41.0, 47.7, 51.3, 51.5].map(at);
        let expected = [
            Some(54),
            Some(54),
            Some(48),
            Some(36),
            Some(24),
            Some(18),
            Some(12),
            Some(9),
            Some(6),
            Some(6),
            None,
        ];
        assert_eq!(seen, expected);
        assert_eq!(reach.rate((-3_000, 0), (9_000, 7_000)), Some(OfdmRate::Mbit54), "13.89 m aslant");
    }

    #[test]
    fn a_fixed_rate_is_used_everywhere() {
        let reach = Reach::new(WifiRate::Fixed(OfdmRate::Mbit12), &WifiRange::default());
        assert_eq!(reach.rate((i32::MIN, 0), (i32::MAX, 0)), Some(OfdmRate::Mbit12));
    }
}
