//! Sine, cosine and direction in integers, so that every machine computes the same. Angles are nanoradians: a turn in
//! milliradians a second, integrated by the millisecond, is then exact. A pose's milliradians are [`NRAD_PER_MRAD`] each.

/// Nanoradians in a milliradian.
pub const NRAD_PER_MRAD: i64 = 1_000_000;
/// The full circle in nanoradians.
pub const TURN_NRAD: i64 = 6_283_185_307;
/// One, as sines and cosines are given. With 24 bits after the point, the product with any difference of two `i32`
/// coordinates fits an `i64`, and 30 m away the error is under 10 µm.
pub const ONE: i64 = 1 << ONE_BITS;
/// Bits after the point in sines and cosines.
pub const ONE_BITS: u32 = 24;

const QUARTER_NRAD: i64 = 1_570_796_327;
/// Bits after the point inside the series.
const SERIES_BITS: u32 = 30;

/// Sine and cosine of any angle, as multiples of 1 / [`ONE`], right to one unit.
pub const fn sin_cos(angle_nrad: i64) -> (i64, i64) {
    let angle_nrad = angle_nrad.rem_euclid(TURN_NRAD);
    let rest_nrad = angle_nrad % QUARTER_NRAD;
    // The series are only used up to an eighth of a turn, where six terms are enough.
    let (sin, cos) = if rest_nrad <= QUARTER_NRAD / 2 {
        series(rest_nrad)
    } else {
        let (cos, sin) = series(QUARTER_NRAD - rest_nrad);
        (sin, cos)
    };
    match angle_nrad / QUARTER_NRAD {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// The direction from the origin to a point, in [0, [`TURN_NRAD`]); 0 for the origin itself. The arguments must be
/// differences of `i32` coordinates.
pub const fn heading_to(dx: i64, dy: i64) -> i64 {
    // Of a point in the lower half, look for its mirror image at the origin.
    let lower = dy < 0;
    let (dx, dy) = if lower { (-dx, -dy) } else { (dx, dy) };
    let (mut low, mut high) = (0, TURN_NRAD / 2);
    while low < high {
        let middle = low + (high - low) / 2;
        let (sin, cos) = sin_cos(middle);
        if cos * dy - sin * dx > 0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if lower { (low + TURN_NRAD / 2) % TURN_NRAD } else { low }
}

/// The Taylor series of sine and cosine for an angle of at most an eighth of a turn.
const fn series(angle_nrad: i64) -> (i64, i64) {
    const UNIT: i64 = 1 << SERIES_BITS;
    let x = (angle_nrad << SERIES_BITS) / 1_000_000_000;
    let square = (x * x) >> SERIES_BITS;
    // One step of Horner's scheme: 1 - x²/divisor · rest.
    const fn step(square: i64, divisor: i64, rest: i64) -> i64 {
        UNIT - ((square * rest) >> SERIES_BITS) / divisor
    }
    let sin = step(square, 42, step(square, 72, step(square, 110, UNIT)));
    let sin = step(square, 6, step(square, 20, sin));
    let cos = step(square, 30, step(square, 56, step(square, 90, UNIT)));
    let cos = step(square, 2, step(square, 12, cos));
    (rounded((x * sin) >> SERIES_BITS), rounded(cos))
}

const fn rounded(value: i64) -> i64 {
    const DROPPED: u32 = SERIES_BITS - ONE_BITS;
    (value + (1 << (DROPPED - 1))) >> DROPPED
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_cardinal_directions_are_exact() {
        assert_eq!(sin_cos(0), (0, ONE));
        assert_eq!(sin_cos(QUARTER_NRAD), (ONE, 0));
        assert_eq!(sin_cos(2 * QUARTER_NRAD), (0, -ONE));
        assert_eq!(sin_cos(-QUARTER_NRAD), (-ONE, 0));
        assert_eq!(sin_cos(TURN_NRAD), (0, ONE));
    }

    #[test]
    fn directions_of_known_points_are_found() {
        let eighth = TURN_NRAD / 8;
        let cases =
            [(1, 0, 0), (1, 1, 1), (0, 1, 2), (-1, 1, 3), (-1, 0, 4), (-1, -1, 5), (0, -1, 6), (1, -1, 7)];
        for (dx, dy, eighths) in cases {
            let off = heading_to(dx * 1_000, dy * 1_000) - eighths * eighth;
            assert!(off.abs() <= 100, "({dx}, {dy}) is off by {off} nrad");
        }
        assert_eq!(heading_to(0, 0), 0);
    }

    proptest! {
        #[test]
        fn sine_and_cosine_are_right_to_one_unit(angle_nrad in -2 * TURN_NRAD..2 * TURN_NRAD) {
            let (sin, cos) = sin_cos(angle_nrad);
            let angle = angle_nrad.rem_euclid(TURN_NRAD) as f64 / 1e9;
            prop_assert!((sin as f64 - angle.sin() * ONE as f64).abs() <= 1.0);
            prop_assert!((cos as f64 - angle.cos() * ONE as f64).abs() <= 1.0);
        }

        #[test]
        fn heading_to_finds_what_sin_cos_made(angle_nrad in 0..TURN_NRAD) {
            let (sin, cos) = sin_cos(angle_nrad);
            let off = (heading_to(cos, sin) - angle_nrad).rem_euclid(TURN_NRAD);
            prop_assert!(off.min(TURN_NRAD - off) <= 200);
        }
    }
}
