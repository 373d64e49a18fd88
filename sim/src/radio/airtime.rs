//! How long things last on an 802.11a channel of 20 MHz: frames, acknowledgements and the spaces between them. Only constants and
//! formulas of IEEE Std 802.11-2020, each with its clause; the DCF that uses them is in `medium`.
//!
//! A table of exchanges computed by hand stands at the end of this file.

use zerogap_proto::Duration;
use zerogap_proto::frame::ETHERNET_LEN;
use zerogap_scenario::file::OfdmRate;

/// aSlotTime (17.4.4).
pub const SLOT: Duration = Duration::from_micros(9);
/// aSIFSTime: between a frame and its acknowledgement (17.4.4).
pub const SIFS: Duration = Duration::from_micros(16);
/// DIFS = aSIFSTime + 2 × aSlotTime (10.3.7).
pub const DIFS: Duration = Duration::from_micros(16 + 2 * 9);
/// EIFS = aSIFSTime + AckTxTime + DIFS, the acknowledgement at the lowest mandatory rate (10.3.7): after a frame that could not be
/// understood.
pub const EIFS: Duration = Duration::from_micros(16 + 44 + 34);
/// aCWmin (17.4.4).
pub const CW_MIN: u16 = 15;
/// aCWmax (17.4.4).
pub const CW_MAX: u16 = 1_023;
/// How long a sender waits for the beginning of an acknowledgement: aSIFSTime + aSlotTime + aRxPHYStartDelay (10.3.2.11), which
/// is the 20 µs of preamble and SIGNAL.
pub const ACK_TIMEOUT: Duration = Duration::from_micros(16 + 9 + 20);
/// How long a transmission may last before everybody else must have noticed it (17.3.10.6). Who begins meanwhile collides.
pub const CCA_TIME: Duration = Duration::from_micros(4);
/// A time unit, in which beacon intervals and lifetimes are counted (3.1).
pub const TIME_UNIT: Duration = Duration::from_micros(1_024);

/// The PLCP preamble, T_PREAMBLE (table in 17.3.2.4).
const PREAMBLE_US: u64 = 16;
/// The SIGNAL field, T_SIGNAL (table in 17.3.2.4).
const SIGNAL_US: u64 = 4;
/// An OFDM symbol with its guard interval, T_SYM (table in 17.3.2.4).
const SYMBOL_US: u64 = 4;
/// The SERVICE field (17.3.5.2).
const SERVICE_BITS: u64 = 16;
/// The tail of the convolutional code (17.3.5.3).
const TAIL_BITS: u64 = 6;

/// An ACK frame: frame control, duration, receiver's address, FCS (9.3.1.4).
pub const ACK_BYTES: u32 = 2 + 2 + 6 + 4;
/// The header of a data frame with three addresses and no QoS (9.3.2.1), and the FCS (9.2.4.8).
const MAC_BYTES: u32 = 24 + 4;
/// LLC and SNAP, which say what the frame carries (IEEE Std 802.2 and RFC 1042).
const LLC_SNAP_BYTES: u32 = 8;
/// A beacon: header and FCS; timestamp 8, interval 2, capabilities 2; SSID 2 + 7, supported rates 2 + 8, TIM 2 + 4 (9.3.3.2).
pub const BEACON_BYTES: u32 = 24 + 4 + 12 + 9 + 10 + 6;

/// How long a frame of `bytes` from MAC header to FCS lasts: TXTIME = T_PREAMBLE + T_SIGNAL + T_SYM × ⌈(16 + 8 × LENGTH + 6) /
/// N_DBPS⌉ (17.4.3).
pub const fn airtime(bytes: u32, rate: OfdmRate) -> Duration {
    let bits = SERVICE_BITS + 8 * bytes as u64 + TAIL_BITS;
    Duration::from_micros(PREAMBLE_US + SIGNAL_US + SYMBOL_US * bits.div_ceil(bits_per_symbol(rate)))
}

/// The rate of the acknowledgement: the highest of the basic rate set that is not above the frame's (10.6.6.5.2), where that set is
/// the mandatory rates, 6, 12 and 24 Mbit/s (17.1.1).
pub const fn ack_rate(rate: OfdmRate) -> OfdmRate {
    match rate {
        OfdmRate::Mbit6 | OfdmRate::Mbit9 => OfdmRate::Mbit6,
        OfdmRate::Mbit12 | OfdmRate::Mbit18 => OfdmRate::Mbit12,
        OfdmRate::Mbit24 | OfdmRate::Mbit36 | OfdmRate::Mbit48 | OfdmRate::Mbit54 => OfdmRate::Mbit24,
    }
}

/// How long after the end of a frame of this rate the end of its acknowledgement is.
pub const fn acknowledged_after(rate: OfdmRate) -> Duration {
    Duration::from_nanos(SIFS.as_nanos() + airtime(ACK_BYTES, ack_rate(rate)).as_nanos())
}

/// Bytes on the air, MAC header to FCS, of what came as an Ethernet frame without FCS of `ethernet_len` bytes: its header gives way
/// to 802.11's, LLC and SNAP.
pub const fn mpdu_bytes(ethernet_len: usize) -> u32 {
    ethernet_len.saturating_sub(ETHERNET_LEN) as u32 + LLC_SNAP_BYTES + MAC_BYTES
}

/// N_DBPS, data bits in a symbol (table in 17.3.2.3): as a symbol is 4 µs, four for each Mbit/s.
const fn bits_per_symbol(rate: OfdmRate) -> u64 {
    SYMBOL_US * rate.mbit_s() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet of 624 bytes (the paper's Table I) is 624 + 8 + 24 + 4 = 660 bytes on the air, 16 + 5280 + 6 = 5302 bits; an
    /// acknowledgement is 14 bytes, 16 + 112 + 6 = 134 bits. In µs, computed by hand:
    ///
    /// | Mbit/s | N_DBPS | symbols of data    | data = 20 + 4 × | ACK at | symbols of ACK | ACK = 20 + 4 × | DIFS + data + SIFS + ACK |
    /// |--------|--------|--------------------|-----------------|--------|----------------|----------------|--------------------------|
    /// | 6      | 24     | 220.9, so 221      | 904             | 6      | 5.6, so 6      | 44             | 34 + 904 + 16 + 44 = 998 |
    /// | 9      | 36     | 147.3, so 148      | 612             | 6      | 6              | 44             | 34 + 612 + 16 + 44 = 706 |
    /// | 12     | 48     | 110.5, so 111      | 464             | 12     | 2.8, so 3      | 32             | 34 + 464 + 16 + 32 = 546 |
    /// | 18     | 72     | 73.6, so 74        | 316             | 12     | 3              | 32             | 34 + 316 + 16 + 32 = 398 |
    /// | 24     | 96     | 55.2, so 56        | 244             | 24     | 1.4, so 2      | 28             | 34 + 244 + 16 + 28 = 322 |
    /// | 36     | 144    | 36.8, so 37        | 168             | 24     | 2              | 28             | 34 + 168 + 16 + 28 = 246 |
    /// | 48     | 192    | 27.6, so 28        | 132             | 24     | 2              | 28             | 34 + 132 + 16 + 28 = 210 |
    /// | 54     | 216    | 24.5, so 25        | 120             | 24     | 2              | 28             | 34 + 120 + 16 + 28 = 198 |
    const BY_HAND: [(OfdmRate, u64, u64, u64); 8] = [
        (OfdmRate::Mbit6, 904, 44, 998),
        (OfdmRate::Mbit9, 612, 44, 706),
        (OfdmRate::Mbit12, 464, 32, 546),
        (OfdmRate::Mbit18, 316, 32, 398),
        (OfdmRate::Mbit24, 244, 28, 322),
        (OfdmRate::Mbit36, 168, 28, 246),
        (OfdmRate::Mbit48, 132, 28, 210),
        (OfdmRate::Mbit54, 120, 28, 198),
    ];

    #[test]
    fn airtimes_are_those_computed_by_hand() {
        let bytes = mpdu_bytes(14 + 624);
        assert_eq!(bytes, 660);
        let us = |duration: Duration| duration.as_nanos() / 1_000;
        let computed = OfdmRate::ALL.map(|rate| {
            let (data, ack) = (airtime(bytes, rate), airtime(ACK_BYTES, ack_rate(rate)));
            (rate, us(data), us(ack), us(DIFS + data + acknowledged_after(rate)))
        });
        assert_eq!(computed, BY_HAND);
    }

    #[test]
    fn the_constants_agree_with_the_formulas_that_define_them() {
        assert_eq!(DIFS, SIFS + SLOT.times(2));
        assert_eq!(EIFS, SIFS + airtime(ACK_BYTES, OfdmRate::Mbit6) + DIFS);
        assert_eq!(ACK_TIMEOUT, SIFS + SLOT + Duration::from_micros(PREAMBLE_US + SIGNAL_US));
        assert!(CCA_TIME < SLOT, "who begins a slot later has noticed");
    }

    /// 65 bytes at 6 Mbit/s: 16 + 520 + 6 = 542 bits, 22.6, so 23 symbols: 20 + 92 µs.
    #[test]
    fn a_beacon_takes_a_tenth_of_a_percent_of_the_air() {
        assert_eq!(BEACON_BYTES, 65);
        assert_eq!(airtime(BEACON_BYTES, OfdmRate::Mbit6), Duration::from_micros(112));
    }
}
