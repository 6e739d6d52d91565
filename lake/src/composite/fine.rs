//! Numbers with 18 digits after the point, for what lies between figures and scores, both of which have 6.
//!
//! Invariant: what is multiplied fits an `i128`: a value of the common scale is below 10^3 (a z-score of some thousand
//! units is below 100), a weight and a full score have 6 + 6 digits, a definition has 500 components at most.

use crate::decimal::Decimal;

const ONE: i128 = 1_000_000_000_000_000_000;
const MILLION: i128 = 1_000_000;

/// A number with 18 digits after the point.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Fine(i128);

impl Fine {
    pub(super) const ZERO: Self = Self(0);
    pub(super) const HALF: Self = Self(ONE / 2);
    pub(super) const ONE: Self = Self(ONE);

    /// `dividend / divisor`; the divisor is positive, and both have 19 digits at most.
    pub(super) fn quotient(dividend: i128, divisor: i128) -> Self {
        Self(divided(dividend * ONE, divisor))
    }

    /// The nearest one to a float, of which 12 digits after the point are taken to be right.
    pub(super) fn of_float(value: f64) -> Self {
        const DIGITS: f64 = 1e12;
        // The cast saturates; values of the common scale and scores are far from the bounds.
        Self((value * DIGITS).round() as i128 * MILLION)
    }

    pub(super) fn of_decimal(value: Decimal) -> Self {
        Self(value.unscaled() * (ONE / MILLION))
    }

    pub(super) fn float(self) -> f64 {
        self.0 as f64 / ONE as f64
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }

    /// 1 less it.
    pub(super) fn complement(self) -> Self {
        Self(ONE - self.0)
    }

    pub(super) fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Itself times `part / whole`, both in unscaled decimals; the whole is positive.
    pub(super) fn share(self, part: i128, whole: i128) -> Self {
        Self(divided(self.0 * part, whole))
    }

    /// The mean of some values with their weights; none where no weight is positive.
    pub(super) fn mean(values: impl IntoIterator<Item = (Self, i128)>) -> Option<Self> {
        let (mut sum, mut weights) = (0, 0);
        for (value, weight) in values {
            sum += value.0 * weight;
            weights += weight;
        }
        (weights > 0).then(|| Self(divided(sum, weights)))
    }

    /// Itself times a decimal.
    pub(super) fn times(self, factor: Decimal) -> Self {
        Self(divided(self.0 * factor.unscaled(), MILLION))
    }

    /// The decimal with 6 digits, rounded half up (away from zero). It is rounded to 12 digits first, so that the half
    /// that several thirds and sevenths make is seen as a half.
    pub(super) fn decimal(self) -> Option<Decimal> {
        Decimal::from_unscaled(divided(divided(self.0, MILLION), MILLION))
    }

    /// The greatest decimal with 6 digits that is not above it, in unscaled form, and what is left over.
    pub(super) fn floor(self) -> (i128, i128) {
        const REST: i128 = ONE / MILLION;
        (self.0.div_euclid(REST), self.0.rem_euclid(REST))
    }
}

/// The quotient, rounded half away from zero; the divisor is positive.
fn divided(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    if rest.abs() >= divisor - rest.abs() { quotient + dividend.signum() } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_that_thirds_make_is_rounded_up() {
        let third = Fine::quotient(1, 3);
        let sum = third.plus(third).plus(third);
        assert_ne!(sum, Fine::ONE);
        assert_eq!(sum.decimal().unwrap().to_string(), "1");
        let half_micro = sum.times("0.000001".parse().unwrap()).share(1, 2);
        assert_eq!(half_micro.decimal().unwrap().to_string(), "0.000001");
        assert_eq!(half_micro.negated().decimal().unwrap().to_string(), "-0.000001");
    }

    #[test]
    fn quotients_round_away_from_zero() {
        assert_eq!([divided(5, 2), divided(-5, 2), divided(4, 3), divided(-4, 3)], [3, -3, 1, -1]);
        assert_eq!(Fine::quotient(-1, 2), Fine::HALF.negated());
        assert_eq!(Fine::of_decimal("0.5".parse().unwrap()), Fine::HALF);
        assert_eq!(Fine::of_float(0.5), Fine::HALF);
    }

    #[test]
    fn the_widest_values_fit() {
        let million = Decimal::from_integer(1_000_000).unwrap();
        let widest = Fine::ONE.share(100, 1);
        let values = std::iter::repeat_n((widest, million.unscaled() / 500), 500);
        assert_eq!(Fine::mean(values).unwrap(), widest);
        assert_eq!(widest.times(million).decimal().unwrap().to_string(), "100000000");
    }
}
