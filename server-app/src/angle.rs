//! Sines, cosines and arc tangents in integers, so that every machine computes the same: CORDIC (J. E. Volder, *The
//! CORDIC trigonometric computing technique*, 1959). Angles are in microradians, counter-clockwise from east.

use zerogap_proto::agv::BEAMS;

/// Half a turn in microradians.
pub const HALF_TURN_URAD: i64 = 3_141_593;
/// A full turn in milliradians, as headings count it.
pub const FULL_TURN_MRAD: i64 = 6_283;
/// Fraction bits of a [`Direction`].
pub const DIRECTION_BITS: u32 = 30;

/// atan(2^-i) in microradians.
const ATAN_URAD: [i64; 20] = [
    785_398, 463_648, 244_979, 124_355, 62_419, 31_240, 15_624, 7_812, 3_906, 1_953, 977, 488, 244, 122, 61,
    31, 15, 8, 4, 2,
];
/// The product of cos(atan(2^-i)), with [`DIRECTION_BITS`] fraction bits.
const GAIN: i64 = 652_032_874;

/// A unit vector with [`DIRECTION_BITS`] fraction bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Direction {
    /// Towards east.
    pub cos: i64,
    /// Towards north.
    pub sin: i64,
}

/// The direction of each beam of a scan, relative to straight ahead.
pub const BEAM_DIRECTIONS: [Direction; BEAMS] = {
    let mut directions = [Direction { cos: 0, sin: 0 }; BEAMS];
    let mut beam = 0;
    while beam < BEAMS {
        directions[beam] = Direction::of(beam as i64 * 2 * HALF_TURN_URAD / BEAMS as i64);
        beam += 1;
    }
    directions
};

impl Direction {
    /// The direction of an angle in microradians.
    pub const fn of(angle_urad: i64) -> Self {
        let mut angle = (angle_urad + HALF_TURN_URAD).rem_euclid(2 * HALF_TURN_URAD) - HALF_TURN_URAD;
        let mut sign = 1;
        if angle > HALF_TURN_URAD / 2 || angle < -HALF_TURN_URAD / 2 {
            angle += if angle > 0 { -HALF_TURN_URAD } else { HALF_TURN_URAD };
            sign = -1;
        }
        let (mut cos, mut sin) = (GAIN, 0);
        let mut i = 0;
        while i < ATAN_URAD.len() {
            let (over_cos, over_sin) = (cos >> i, sin >> i);
            if angle >= 0 {
                (cos, sin, angle) = (cos - over_sin, sin + over_cos, angle - ATAN_URAD[i]);
            } else {
                (cos, sin, angle) = (cos + over_sin, sin - over_cos, angle + ATAN_URAD[i]);
            }
            i += 1;
        }
        Self { cos: sign * cos, sin: sign * sin }
    }

    /// This direction turned by another.
    pub const fn turned(self, by: Self) -> Self {
        Self {
            cos: (self.cos * by.cos - self.sin * by.sin) >> DIRECTION_BITS,
            sin: (self.sin * by.cos + self.cos * by.sin) >> DIRECTION_BITS,
        }
    }

    /// The point at `distance` in this direction from (`x`, `y`); any unit.
    pub const fn from_point(self, x: i64, y: i64, distance: i64) -> (i64, i64) {
        (x + ((distance * self.cos) >> DIRECTION_BITS), y + ((distance * self.sin) >> DIRECTION_BITS))
    }
}

/// The angle of the vector (`x`, `y`) in microradians, between minus and plus half a turn; 0 for no vector. Each must be
/// less than 2^40.
pub const fn atan2_urad(y: i64, x: i64) -> i64 {
    if x == 0 && y == 0 {
        return 0;
    }
    // Fraction bits, so that the shifts below lose nothing that counts.
    let (mut x, mut y) = (x << 20, y << 20);
    let mut angle = 0;
    if x < 0 {
        angle = if y >= 0 { HALF_TURN_URAD } else { -HALF_TURN_URAD };
        (x, y) = (-x, -y);
    }
    let mut i = 0;
    while i < ATAN_URAD.len() {
        let (over_x, over_y) = (x >> i, y >> i);
        if y >= 0 {
            (x, y, angle) = (x + over_y, y - over_x, angle + ATAN_URAD[i]);
        } else {
            (x, y, angle) = (x - over_y, y + over_x, angle - ATAN_URAD[i]);
        }
        i += 1;
    }
    angle
}

/// `angle_mrad` as the equal angle in [-3141, 3141].
pub const fn wrapped_mrad(angle_mrad: i64) -> i64 {
    let half = FULL_TURN_MRAD / 2;
    (angle_mrad + half).rem_euclid(FULL_TURN_MRAD) - half
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_quarter_of_the_beams_is_a_quarter_turn() {
        for (beam, x, y) in [(0, 1_000, 0), (64, 0, 1_000), (128, -1_000, 0), (192, 0, -1_000)] {
            let (at_x, at_y) = BEAM_DIRECTIONS[beam].from_point(0, 0, 1_000);
            assert!((at_x - x).abs() <= 1 && (at_y - y).abs() <= 1, "beam {beam}: {at_x}, {at_y}");
        }
    }

    proptest! {
        #[test]
        fn directions_are_sines_and_cosines(angle in -20_000_000_i64..20_000_000) {
            let (sin, cos) = (angle as f64 / 1e6).sin_cos();
            let direction = Direction::of(angle);
            let one = f64::from(1 << DIRECTION_BITS);
            prop_assert!((direction.cos as f64 / one - cos).abs() < 2e-5);
            prop_assert!((direction.sin as f64 / one - sin).abs() < 2e-5);
        }

        #[test]
        fn arc_tangents_are_right_to_a_hundredth_of_a_milliradian(
            x in -200_000_000_i64..200_000_000,
            y in -200_000_000_i64..200_000_000,
        ) {
            let expected = (y as f64).atan2(x as f64) * 1e6;
            prop_assert!((atan2_urad(y, x) as f64 - expected).abs() < 15.0);
        }

        #[test]
        fn wrapping_keeps_the_angle_and_bounds_it(angle in any::<i32>()) {
            let wrapped = wrapped_mrad(i64::from(angle));
            prop_assert!((-3_141..=3_141).contains(&wrapped));
            prop_assert_eq!((i64::from(angle) - wrapped) % FULL_TURN_MRAD, 0);
        }
    }
}
