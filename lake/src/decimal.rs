//! Exact decimals: every figure in Dinh is a `Decimal128(18, 6)`, never a float.
//!
//! Invariant: the unscaled integer has at most 18 digits, so it fits an `i64` with room for the sign, and equals the
//! value that Arrow, Parquet and Delta keep.

use std::fmt;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Error as _, Serialize, Serializer};

/// Digits in all of a [`Decimal`].
pub const PRECISION: u8 = 18;
/// Digits after the decimal point of a [`Decimal`].
pub const SCALE: i8 = 6;

const ONE: i64 = 1_000_000;
const POWERS: [i64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, ONE];
const UNSCALED_LIMIT: i128 = 1_000_000_000_000_000_000;

/// An exact decimal number: 18 digits, 6 of them after the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i64);

/// Why a text is no [`Decimal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not an optional minus, digits, and at most one point between digits.
    #[error("not a decimal number such as `93.86`")]
    Syntax,
    /// More than 6 digits after the point, or more than 12 before it.
    #[error("more digits than decimal(18,6) holds: at most 12 before the point and 6 after it")]
    TooManyDigits,
}

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// The decimal whose value is `unscaled` / 10^6, if it has at most 18 digits.
    #[must_use]
    #[inline]
    pub fn from_unscaled(unscaled: i128) -> Option<Self> {
        if unscaled.abs() < UNSCALED_LIMIT { i64::try_from(unscaled).ok().map(Self) } else { None }
    }

    /// The whole number `n`, if it has at most 12 digits.
    #[must_use]
    pub fn from_integer(n: i64) -> Option<Self> {
        Self::from_unscaled(i128::from(n) * i128::from(ONE))
    }

    /// The value times 10^6, as Arrow keeps it.
    #[must_use]
    #[inline]
    pub fn unscaled(self) -> i128 {
        i128::from(self.0)
    }

    /// Whether there is nothing after the point.
    #[must_use]
    #[inline]
    pub fn is_integer(self) -> bool {
        self.0 % ONE == 0
    }

    /// The sum, if it fits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Self::from_unscaled(self.unscaled() + other.unscaled())
    }

    /// The difference, if it fits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        Self::from_unscaled(self.unscaled() - other.unscaled())
    }

    /// `factor * numerator / denominator`, rounded half up (away from zero) to 6 digits; `None` for a zero
    /// denominator or a result that does not fit.
    #[must_use]
    pub fn ratio(factor: i64, numerator: Self, denominator: Self) -> Option<Self> {
        if denominator.0 == 0 {
            return None;
        }
        let dividend = i128::from(factor) * numerator.unscaled() * i128::from(ONE);
        let divisor = denominator.unscaled();
        let sign = if (dividend < 0) == (divisor < 0) { 1 } else { -1 };
        let (dividend, divisor) = (dividend.abs(), divisor.abs());
        Self::from_unscaled(sign * ((2 * dividend + divisor) / (2 * divisor)))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    /// Parses `-?digits(.digits)?`. Zeroes at the end of the fraction do not count as digits.
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            all => (false, all),
        };
        let point = digits.iter().position(|byte| *byte == b'.');
        let (whole, fraction) = match point {
            Some(point) if point + 1 < digits.len() => (&digits[..point], &digits[point + 1..]),
            Some(_) => return Err(DecimalError::Syntax),
            None => (digits, &digits[..0]),
        };
        if whole.is_empty() || !whole.iter().chain(fraction).all(u8::is_ascii_digit) {
            return Err(DecimalError::Syntax);
        }
        let whole = &whole[whole.iter().take_while(|byte| **byte == b'0').count()..];
        let zeroes = fraction.iter().rev().take_while(|byte| **byte == b'0').count();
        let fraction = &fraction[..fraction.len() - zeroes];
        if whole.len() > 12 || fraction.len() > SCALE as usize {
            return Err(DecimalError::TooManyDigits);
        }
        let number = |digits: &[u8]| digits.iter().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
        let unscaled =
            number(whole) * ONE + number(fraction) * POWERS[SCALE as usize - fraction.len()];
        Ok(Self(if negative { -unscaled } else { unscaled }))
    }
}

/// Bytes of the longest text of a [`Decimal`]: sign, 12 digits, point, 6 digits.
const TEXT_BYTES_MAX: usize = 20;

/// The shortest exact text of a [`Decimal`].
#[derive(Clone, Copy, Debug)]
pub struct DecimalText {
    bytes: [u8; TEXT_BYTES_MAX],
    start: usize,
    end: usize,
}

impl DecimalText {
    /// The text.
    #[must_use]
    #[inline]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[self.start..self.end])
            .expect("it is sign, digits and point")
    }
}

impl Decimal {
    /// Its shortest exact text, without a place in memory of its own: `93.86`, `16`, `-0.5`.
    #[must_use]
    #[inline]
    pub fn text(self) -> DecimalText {
        let mut text = DecimalText {
            bytes: [b'0'; TEXT_BYTES_MAX],
            start: TEXT_BYTES_MAX,
            end: TEXT_BYTES_MAX,
        };
        let magnitude = self.0.unsigned_abs();
        let (mut whole, mut fraction) =
            (magnitude / ONE.unsigned_abs(), magnitude % ONE.unsigned_abs());
        if fraction == 0 {
            text.end -= SCALE as usize + 1;
            text.start = text.end;
        } else {
            for _ in 0..SCALE {
                text.put(b'0' + (fraction % 10) as u8);
                fraction /= 10;
            }
            text.put(b'.');
            while text.bytes[text.end - 1] == b'0' {
                text.end -= 1;
            }
        }
        loop {
            text.put(b'0' + (whole % 10) as u8);
            whole /= 10;
            if whole == 0 {
                break;
            }
        }
        if self.0 < 0 {
            text.put(b'-');
        }
        text
    }
}

impl DecimalText {
    fn put(&mut self, byte: u8) {
        self.start -= 1;
        self.bytes[self.start] = byte;
    }
}

impl fmt::Display for Decimal {
    /// The shortest exact text: `93.86`, `16`, `-0.5`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.text();
        f.pad_integral(self.0 >= 0, "", text.as_str().trim_start_matches('-'))
    }
}

impl Serialize for Decimal {
    /// A JSON number in its exact text.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_json::value::RawValue::from_string(self.to_string())
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Decimal {
    /// From the exact text of a JSON number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        raw.get().parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_in_and_out_exactly() {
        for text in ["93.86", "0", "-0.5", "1015", "999999999999.999999", "-999999999999.999999"] {
            assert_eq!(text.parse::<Decimal>().unwrap().to_string(), text);
            assert_eq!(text.parse::<Decimal>().unwrap().text().as_str(), text);
        }
        assert_eq!(format!("{:6}|", "-0.5".parse::<Decimal>().unwrap()), "  -0.5|");
        assert_eq!("016.10".parse::<Decimal>().unwrap().to_string(), "16.1");
        assert_eq!(
            serde_json::to_string(&"93.860000".parse::<Decimal>().unwrap()).unwrap(),
            "93.86"
        );
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1e3", "NaN", "1,5", "+1", "1.2.3", "１２"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::Syntax), "{text}");
        }
        for text in ["1000000000000", "0.1234567"] {
            assert_eq!(text.parse::<Decimal>(), Err(DecimalError::TooManyDigits), "{text}");
        }
    }

    #[test]
    fn ratios_round_half_up() {
        let d = |n| Decimal::from_integer(n).unwrap();
        assert_eq!(Decimal::ratio(1, d(26), d(35)).unwrap().to_string(), "0.742857");
        assert_eq!(Decimal::ratio(100, d(26), d(35)).unwrap().to_string(), "74.285714");
        assert_eq!(Decimal::ratio(1, d(-1), d(2_000_000)).unwrap().to_string(), "-0.000001");
        assert_eq!(Decimal::ratio(1, d(1), d(0)), None);
    }
}
