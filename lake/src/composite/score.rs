//! The scores of all units of one period.

use super::aggregate::{Parted, score};
use super::fill::{Means, Values, fill};
use super::fine::Fine;
use super::method::Method;
use super::normalise::Scale;
use crate::decimal::Decimal;

/// What one unit has; figures are in the order of the components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnitFigures<'a> {
    /// The unit's kind.
    pub kind: &'a str,
    /// Its figures of the period.
    pub figures: Vec<Option<Decimal>>,
    /// Its figures of the previous period, for the rule that carries them; may be empty.
    pub previous: Vec<Option<Decimal>>,
}

/// What became of one unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a score.
    Scored(Score),
    /// It has none.
    Unscored(Unscored),
}

/// A unit's score and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Score {
    /// The score, from 0 to the definition's full score (with z-scores: around 0).
    pub score: Decimal,
    /// By component; they sum to the score exactly.
    pub contributions: Vec<Decimal>,
    /// By component, on the common scale.
    pub values: Vec<Decimal>,
    /// By component, whether it was filled in.
    pub imputed: Vec<bool>,
    /// The share of the weight that was filled in, from 0 to 1.
    pub imputed_share: Decimal,
    /// The values as the draws take them.
    pub(super) fine: Vec<Fine>,
}

/// Why a unit has no score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It has no figure at all.
    Silent,
    /// A figure is missing, and the definition refuses that.
    Missing,
    /// Figures of too small a share of the weight.
    BelowThreshold,
    /// The rule found nothing to stand for what is missing.
    NotFilled,
}

/// A unit without a score.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unscored {
    /// Why.
    pub why: Why,
    /// The components that are missing, by place.
    pub missing: Vec<usize>,
    /// The share of the weight that it has figures for, from 0 to 1.
    pub present_share: Decimal,
}

impl Method<'_> {
    /// What became of each unit, in the order of the units; the order itself changes nothing.
    ///
    /// The units must be all that are to be compared: their figures make the scales.
    #[must_use]
    pub fn outcomes(&self, units: &[UnitFigures<'_>]) -> Vec<Outcome> {
        let scale = |(index, part)| {
            let figures = units.iter().filter_map(|unit| unit.figures.get(index).copied()?);
            Scale::of(self.definition, part, figures.collect())
        };
        let scales: Vec<Scale> = self.parts.iter().enumerate().map(scale).collect();
        let row = |unit: &UnitFigures<'_>| {
            let figures = scales.iter().enumerate();
            let value = |(index, scale): (usize, &Scale)| {
                unit.figures.get(index).copied()?.map(|figure| scale.value(figure, true))
            };
            figures.map(value).collect()
        };
        let values: Values = units.iter().map(row).collect();
        let means = Means::of(self.definition, units, &values);
        let filled = |unit| fill(self, &scales, units, &values, &means, unit);
        (0..units.len()).map(|unit| self.outcome(&values[unit], || filled(unit))).collect()
    }

    fn outcome(&self, own: &[Option<Fine>], filled: impl FnOnce() -> Vec<Option<Fine>>) -> Outcome {
        let missing: Vec<usize> =
            own.iter().enumerate().filter(|(_, v)| v.is_none()).map(|(index, _)| index).collect();
        let lacking: i128 = missing.iter().map(|index| self.parts[*index].weight).sum();
        let present = self.total - lacking;
        let unscored = |why| {
            let present_share = self.share_of_total(present);
            Outcome::Unscored(Unscored { why, missing: missing.clone(), present_share })
        };
        if missing.len() == own.len() {
            return unscored(Why::Silent);
        }
        if !missing.is_empty() && self.definition.missing == super::MissingRule::Refuse {
            return unscored(Why::Missing);
        }
        const MILLION: i128 = 1_000_000;
        if present * MILLION < self.definition.threshold.unscaled() * self.total {
            return unscored(Why::BelowThreshold);
        }
        let Some(fine) = filled().into_iter().collect::<Option<Vec<Fine>>>() else {
            return unscored(Why::NotFilled);
        };
        let Some(Parted { score, contributions }) = score(self, &fine) else {
            return unscored(Why::NotFilled);
        };
        Outcome::Scored(Score {
            score,
            contributions,
            values: fine.iter().map(|value| value.decimal().unwrap_or_default()).collect(),
            imputed: own.iter().map(Option::is_none).collect(),
            imputed_share: self.share_of_total(lacking),
            fine,
        })
    }

    /// A sum of unscaled weights as a share of all.
    fn share_of_total(&self, weights: i128) -> Decimal {
        Fine::ONE.share(weights, self.total).decimal().unwrap_or_default()
    }
}
