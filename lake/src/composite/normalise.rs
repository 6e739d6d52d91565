//! From figures to a common scale, component by component.

use super::fine::Fine;
use super::method::{FixedScale, Part};
use super::{Composite, Normalisation};
use crate::decimal::Decimal;

/// The scale of one component, as the figures of all units make it.
pub(super) struct Scale {
    kind: Kind,
    lower_is_better: bool,
    /// The least that a value counts; none for a z-score, which has no least.
    floor: Option<Fine>,
}

enum Kind {
    Bounds(FixedScale),
    /// The figures' number, their sum (unscaled) and their standard deviation.
    Spread {
        count: i128,
        sum: i128,
        deviation: f64,
    },
    /// The figures in order.
    Places(Vec<Decimal>),
    /// All figures are one, or there is none.
    NoLength,
}

impl Scale {
    /// The scale that figures make, whatever their order.
    pub(super) fn of(definition: &Composite, part: &Part<'_>, mut figures: Vec<Decimal>) -> Self {
        figures.sort_unstable();
        let kind = match (part.normalisation, part.fixed, figures.as_slice()) {
            (_, Some(fixed), _) => Kind::Bounds(fixed),
            (_, None, [] | [_]) => Kind::NoLength,
            (_, None, [first, .., last]) if first == last => Kind::NoLength,
            (Normalisation::Rank, None, _) => Kind::Places(figures),
            (Normalisation::ZScore, None, _) => spread(&figures),
            (_, None, [lower, .., upper]) => {
                Kind::Bounds(FixedScale { lower: *lower, upper: *upper })
            }
        };
        let floored = part.normalisation != Normalisation::ZScore;
        let floor = floored.then(|| Fine::of_decimal(definition.floor));
        Self { kind, lower_is_better: part.lower_is_better, floor }
    }

    /// Where a figure is on the scale. `among` says whether it is one of the figures that made it.
    pub(super) fn value(&self, figure: Decimal, among: bool) -> Fine {
        let value = match &self.kind {
            Kind::NoLength if self.floor.is_none() => Fine::ZERO,
            Kind::NoLength => Fine::HALF,
            Kind::Bounds(FixedScale { lower, upper }) => {
                let length = upper.unscaled() - lower.unscaled();
                let above = (figure.unscaled() - lower.unscaled()).clamp(0, length);
                self.turned(Fine::quotient(above, length))
            }
            Kind::Spread { count, sum, deviation } => {
                let from_mean = (count * figure.unscaled() - sum) as f64;
                let value = Fine::of_float(from_mean / *count as f64 / deviation);
                if self.lower_is_better { value.negated() } else { value }
            }
            Kind::Places(figures) => {
                let (below, above) = (
                    figures.partition_point(|other| *other < figure),
                    figures.len() - figures.partition_point(|other| *other <= figure),
                );
                let own = usize::from(among);
                let equal = figures.len() - below - above - own;
                let (halves, others) = (2 * below + equal, 2 * (figures.len() - own));
                self.turned(Fine::quotient(halves as i128, others as i128))
            }
        };
        self.floor.map_or(value, |floor| value.max(floor))
    }

    /// No points at all.
    pub(super) fn zero(&self) -> Fine {
        self.floor.unwrap_or_default()
    }

    fn turned(&self, value: Fine) -> Fine {
        if self.lower_is_better { value.complement() } else { value }
    }
}

/// The mean and the standard deviation of a sample of two or more figures that are not all one, in their order.
fn spread(figures: &[Decimal]) -> Kind {
    let count = figures.len() as i128;
    let sum: i128 = figures.iter().map(|figure| figure.unscaled()).sum();
    // Each is exactly `count` times as far from the mean as it says, so nothing is lost before the division.
    let squares = figures.iter().map(|figure| {
        let from_mean = (count * figure.unscaled() - sum) as f64 / count as f64;
        from_mean * from_mean
    });
    let variance = squares.sum::<f64>() / (count - 1) as f64;
    Kind::Spread { count, sum, deviation: variance.sqrt() }
}
