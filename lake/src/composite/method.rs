//! A definition with the indicators that it names: all that the arithmetic needs, and no more than that.

use std::collections::BTreeMap;

use super::check::{DefinitionFault, check};
use super::{Component, Composite, Normalisation};
use crate::decimal::Decimal;
use crate::indicator::{Direction, Indicator};
use crate::observation::Stage;

/// Why a definition cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MethodError {
    /// Components name indicators that the catalogue does not have.
    #[error("the catalogue has no indicator {0:?}")]
    UnknownIndicators(Vec<String>),
    /// The definition is not sound.
    #[error("the definition has {} faults", .0.len())]
    Unsound(Vec<DefinitionFault>),
}

/// A sound definition, ready to be used.
#[derive(Clone, Debug)]
pub struct Method<'a> {
    /// The definition.
    pub definition: &'a Composite,
    /// Its components, in order.
    pub parts: Vec<Part<'a>>,
    /// The sum of the weights, unscaled.
    pub(super) total: i128,
}

/// One component with its indicator.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The place of its group.
    pub group: usize,
    /// The component.
    pub component: &'a Component,
    /// Its indicator.
    pub indicator: &'a Indicator,
    /// Its weight, unscaled.
    pub(super) weight: i128,
    pub(super) normalisation: Normalisation,
    /// The bounds of a scale that does not depend on the figures.
    pub(super) fixed: Option<FixedScale>,
    pub(super) lower_is_better: bool,
}

/// The bounds of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FixedScale {
    pub(super) lower: Decimal,
    pub(super) upper: Decimal,
}

impl<'a> Method<'a> {
    /// The method of a definition.
    ///
    /// # Errors
    /// When an indicator is unknown, or the definition is not sound.
    pub fn of(
        definition: &'a Composite,
        indicators: &'a BTreeMap<String, Indicator>,
    ) -> Result<Self, MethodError> {
        let of_component = |(group, component): (usize, &'a Component)| {
            let Some(indicator) = indicators.get(&component.indicator) else {
                return Err(component.indicator.clone());
            };
            Ok(Part {
                group,
                component,
                indicator,
                weight: component.weight.unscaled(),
                normalisation: normalisation(definition, component),
                fixed: fixed_scale(definition, component, indicator),
                lower_is_better: lower_is_better(component, indicator).unwrap_or_default(),
            })
        };
        let (parts, unknown): (Vec<_>, Vec<_>) =
            definition.components().map(of_component).partition(Result::is_ok);
        let unknown: Vec<_> = unknown.into_iter().filter_map(Result::err).collect();
        if !unknown.is_empty() {
            return Err(MethodError::UnknownIndicators(unknown));
        }
        let faults = check(definition, |code| indicators.get(code));
        if !faults.is_empty() {
            return Err(MethodError::Unsound(faults));
        }
        let parts = parts.into_iter().filter_map(Result::ok).collect();
        Ok(Self { definition, parts, total: definition.weights_total.unscaled() })
    }
}

impl Part<'_> {
    /// The stage whose figures it takes: the one that was asked for where its indicator has it, else its own.
    #[must_use]
    pub fn stage(&self, asked: Option<Stage>) -> Stage {
        stage(self.component, self.indicator, asked)
    }
}

pub(super) fn stage(component: &Component, indicator: &Indicator, asked: Option<Stage>) -> Stage {
    let asked = asked.filter(|stage| indicator.stages.contains(stage));
    asked.or(component.stage).unwrap_or(indicator.default_stage)
}

pub(super) fn normalisation(definition: &Composite, component: &Component) -> Normalisation {
    component.normalisation.unwrap_or(definition.normalisation)
}

/// Whether less is better; none where neither way is.
pub(super) fn lower_is_better(component: &Component, indicator: &Indicator) -> Option<bool> {
    match component.direction.unwrap_or(indicator.direction) {
        Direction::Higher => Some(false),
        Direction::Lower => Some(true),
        Direction::Neutral => None,
    }
}

/// The bounds of a scale that does not depend on the figures, where both are known.
pub(super) fn fixed_scale(
    definition: &Composite,
    component: &Component,
    indicator: &Indicator,
) -> Option<FixedScale> {
    let (lower, upper) = match normalisation(definition, component) {
        Normalisation::Goalposts => {
            (component.lower.or(indicator.min), component.upper.or(indicator.max))
        }
        Normalisation::ShareOfMaximum => {
            (Some(Decimal::ZERO), component.max_points.or(indicator.max))
        }
        Normalisation::MinMax | Normalisation::ZScore | Normalisation::Rank => (None, None),
    };
    Some(FixedScale { lower: lower?, upper: upper? })
}
