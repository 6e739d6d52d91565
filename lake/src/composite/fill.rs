//! What stands for a component of which a unit has no figure. What a rule cannot fill in stays missing: it is never made up.

use super::fine::Fine;
use super::method::Method;
use super::normalise::Scale;
use super::score::UnitFigures;
use super::{Composite, MissingRule};

/// The values that are there, by unit and component; none where the figure is missing.
pub(super) type Values = Vec<Vec<Option<Fine>>>;

/// Fills in a unit's values; those that cannot be filled in stay none.
pub(super) fn fill(
    method: &Method<'_>,
    scales: &[Scale],
    units: &[UnitFigures<'_>],
    values: &Values,
    means: &Means,
    unit: usize,
) -> Vec<Option<Fine>> {
    let own = &values[unit];
    let of_missing = |index: usize| match method.definition.missing {
        MissingRule::Refuse => None,
        MissingRule::Zero => Some(scales[index].zero()),
        MissingRule::MeanOfOthers => mean_of(method, own, None),
        MissingRule::MeanOfGroup => mean_of(method, own, Some(method.parts[index].group)),
        MissingRule::MeanOfUnits => means.of_all[index],
        MissingRule::MeanOfKind => means.of_kind(index, units[unit].kind),
        MissingRule::PreviousPeriod => {
            units[unit].previous.get(index)?.map(|figure| scales[index].value(figure, false))
        }
    };
    own.iter().enumerate().map(|(index, value)| value.or_else(|| of_missing(index))).collect()
}

/// The weighted mean of what a unit has, of one group or of all.
fn mean_of(method: &Method<'_>, own: &[Option<Fine>], group: Option<usize>) -> Option<Fine> {
    let parts = method.parts.iter().zip(own);
    let parts = parts.filter(|(part, _)| group.is_none_or(|group| part.group == group));
    Fine::mean(parts.filter_map(|(part, value)| Some(((*value)?, part.weight))))
}

/// The means of components over units, where the rule needs them.
#[derive(Default)]
pub(super) struct Means {
    of_all: Vec<Option<Fine>>,
    of_kinds: Vec<(String, Vec<Option<Fine>>)>,
}

impl Means {
    pub(super) fn of(definition: &Composite, units: &[UnitFigures<'_>], values: &Values) -> Self {
        let components = definition.components().count();
        let over = |kind: Option<&str>| {
            let of_kind = |unit: &&UnitFigures<'_>| kind.is_none_or(|kind| unit.kind == kind);
            let mean = |index: usize| {
                let rows = units.iter().zip(values).filter(|(unit, _)| of_kind(unit));
                Fine::mean(rows.filter_map(|(_, row)| Some((row[index]?, 1))))
            };
            (0..components).map(mean).collect::<Vec<_>>()
        };
        match definition.missing {
            MissingRule::MeanOfUnits => Self { of_all: over(None), ..Self::default() },
            MissingRule::MeanOfKind => {
                let mut kinds: Vec<_> = units.iter().map(|unit| unit.kind).collect();
                kinds.sort_unstable();
                kinds.dedup();
                let of_kinds = kinds.into_iter().map(|kind| (kind.to_owned(), over(Some(kind))));
                Self { of_kinds: of_kinds.collect(), ..Self::default() }
            }
            MissingRule::Refuse
            | MissingRule::Zero
            | MissingRule::MeanOfOthers
            | MissingRule::MeanOfGroup
            | MissingRule::PreviousPeriod => Self::default(),
        }
    }

    fn of_kind(&self, index: usize, kind: &str) -> Option<Fine> {
        self.of_kinds.iter().find(|(known, _)| known == kind)?.1[index]
    }
}
