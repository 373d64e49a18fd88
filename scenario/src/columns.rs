//! Figures in columns, for people: numbers with as many digits as they carry, fields aligned.

use std::fmt::Write as _;

/// A millisecond in nanoseconds.
pub(crate) const MS: u64 = 1_000_000;
/// A second in nanoseconds.
pub(crate) const S: u64 = 1_000_000_000;

/// In the unit, with three digits or as many as stand before the point; nothing below a thousandth.
pub(crate) fn number(ns: u64, unit_ns: u64) -> String {
    if ns == 0 {
        return "0".to_owned();
    }
    let value = ns as f64 / unit_ns as f64;
    let decimals = match value {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    format!("{value:.decimals$}")
}

/// Lines of fields, two spaces apart. Columns that are `to_the_right` hold counts.
pub(crate) fn aligned<const N: usize>(rows: &[[String; N]], to_the_right: [bool; N]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, field) in row.iter().enumerate() {
            let (width, gap) = (width(column), if column == 0 { "" } else { "  " });
            let _ = match to_the_right[column] {
                true => write!(line, "{gap}{field:>width$}"),
                false => write!(line, "{gap}{field:<width$}"),
            };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_or_as_many_as_stand_before_the_point() {
        let shown = |ns| number(ns, MS);
        assert_eq!([0, 349_647, 4_984_000].map(shown), ["0", "0.350", "4.98"]);
        assert_eq!([12_750_000, 149_800_000, 4_012_000_000].map(shown), ["12.8", "150", "4012"]);
    }

    #[test]
    fn fields_are_aligned_and_no_line_ends_in_blanks() {
        let rows = [["a", "1", "x"], ["long", "10", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(aligned(&rows, [false, true, false]), "a      1  x\nlong  10\n");
    }
}
