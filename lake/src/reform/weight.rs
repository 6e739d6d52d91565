//! Weights: parts of one with 18 digits after the point, and how figures are handed out by them without a loss.

use serde::{Serialize, Serializer};

use crate::decimal::Decimal;

const ONE: u64 = 1_000_000_000_000_000_000;
/// What one step of a [`Decimal`] is in steps of a weight.
const OF_DECIMAL: u64 = ONE / 1_000_000;

/// A part of one, from 0 to 1, in steps of 10^-18.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u64);

impl Weight {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// All of it.
    pub const ONE: Self = Self(ONE);

    /// The weight of a decimal from 0 to 1.
    #[must_use]
    pub fn of(decimal: Decimal) -> Option<Self> {
        let steps = u64::try_from(decimal.unscaled()).ok()?.checked_mul(OF_DECIMAL)?;
        (steps <= ONE).then_some(Self(steps))
    }

    /// As a decimal with six digits, rounded half up.
    #[must_use]
    pub fn decimal(self) -> Decimal {
        let steps = (self.0 + OF_DECIMAL / 2) / OF_DECIMAL;
        Decimal::from_unscaled(i128::from(steps)).expect("it is not above one")
    }

    /// The two together, at most one.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self((self.0 + other.0).min(ONE))
    }

    /// What is left of one.
    #[must_use]
    pub fn rest(self) -> Self {
        Self(ONE - self.0)
    }

    /// This part of that part, rounded down.
    #[must_use]
    pub(super) fn times(self, other: Self) -> Self {
        let product = u128::from(self.0) * u128::from(other.0) / u128::from(ONE);
        Self(u64::try_from(product).expect("a part of a part is no more than one"))
    }

    pub(super) fn steps(self) -> u64 {
        self.0
    }
}

impl Serialize for Weight {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.decimal().serialize(serializer)
    }
}

/// Weights in proportion to some numbers, not all of them zero; they sum to exactly one.
pub(super) fn proportional(numbers: &[u64]) -> Vec<Weight> {
    let sum: u128 = numbers.iter().map(|n| u128::from(*n)).sum();
    let of_one = |n: &u64| {
        let steps = u128::from(*n) * u128::from(ONE) / sum.max(1);
        Weight(u64::try_from(steps).expect("a part of the sum is no more than the sum"))
    };
    let mut weights: Vec<_> = numbers.iter().map(of_one).collect();
    complete(weights.iter_mut());
    weights
}

/// Gives what is left to one, by rounding, to the largest of some weights; to the first of several.
pub(super) fn complete<'a>(weights: impl Iterator<Item = &'a mut Weight>) {
    let mut weights: Vec<_> = weights.collect();
    let sum: u64 = weights.iter().map(|weight| weight.0).sum();
    if let Some(largest) = largest(weights.iter().map(|weight| weight.0)) {
        weights[largest].0 += ONE.saturating_sub(sum);
    }
}

/// Hands a figure out by weights that sum to one: each part is rounded half up to six digits, and what the rounding left or
/// took goes to the largest weight, so the parts sum to exactly the figure. None only where a part does not fit.
#[must_use]
pub fn hand_out(figure: Decimal, weights: &[Weight]) -> Option<Vec<Decimal>> {
    let part = |weight: &Weight| {
        let product = figure.unscaled() * i128::from(weight.0);
        let (one, half) = (i128::from(ONE), i128::from(ONE / 2));
        product.signum() * ((product.abs() + half) / one)
    };
    let mut parts: Vec<i128> = weights.iter().map(part).collect();
    let left = figure.unscaled() - parts.iter().sum::<i128>();
    if let Some(largest) = largest(weights.iter().map(|weight| weight.0)) {
        parts[largest] += left;
    }
    parts.into_iter().map(Decimal::from_unscaled).collect()
}

/// The place of the first of the largest.
fn largest(numbers: impl Iterator<Item = u64>) -> Option<usize> {
    let reversed = |(place, number): (usize, u64)| (number, std::cmp::Reverse(place));
    numbers.enumerate().map(reversed).max().map(|(_, place)| place.0)
}
