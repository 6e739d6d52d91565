//! Composite indices (chỉ số tổng hợp): one score for a unit, made of many of its figures by a definition that is data.
//!
//! A definition has versions, each with its legal basis and its days; a version has groups, a group has components, and a
//! component is an indicator with a weight. Any version may be run over any period, so that a movement is never one of the
//! method.
//!
//! ```text
//! figures ─> normalise ─> fill in what is missing ─> mean within groups ─> mean over groups ─> score ─> rank interval
//!            normalise.rs  fill.rs                    aggregate.rs                              score.rs  draws.rs
//! ```
//!
//! Invariants: the weights of the components sum to that of their group, and those of the groups to `weights_total`
//! ([`check`]); the contributions of a score's components sum to it exactly; a score does not depend on the order of rows,
//! and a rank interval depends on nothing but figures, definition and seed, on any machine.
//!
//! # Decisions
//! - A weight is a share of the whole, not of its group: the effective weight of a component is its weight over
//!   `weights_total`, as in a table of points.
//! - Figures that were filled in never move the scale: least and greatest figure, mean, spread and ranks are those of the
//!   figures that there are.
//! - Where the scale has no length, because all units have one figure, each gets the middle: 0.5, a z-score 0.
//! - Ranks as a normalisation are the share of the other units that are worse, those that are equal counting half.
//! - Means that fill in are arithmetic and weighted, of normalised figures.
//! - The contributions to a geometric mean are the score parted by weight times value.
//! - The fourth rule for what is missing that other software calls a group mean is here two: of the component group, and of
//!   the units of the same kind.

mod aggregate;
mod check;
mod draws;
mod fill;
mod fine;
mod method;
mod normalise;
mod score;
#[cfg(test)]
mod tests;
mod transcendental;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::indicator::Direction;
use crate::observation::{Stage, codes};

pub use check::{DefinitionFault, Place, check};
pub use draws::{Drawing, RankInterval};
pub use method::{Method, MethodError, Part};
pub use score::{Outcome, Score, UnitFigures, Unscored, Why};

/// Draws for a rank interval at most: ranks of all of them are kept while the interval is sought, 4 bytes for each unit.
pub const DRAWS_MAX: u32 = 2_000;
/// The greatest sum of weights, and the greatest full score: what keeps 18 digits after the point within an `i128`.
pub const WEIGHTS_TOTAL_MAX: i64 = 1_000_000;
/// Components of a definition at most, for the same reason.
pub const COMPONENTS_MAX: usize = 500;

codes! {
    /// How a figure is put on a common scale, from 0 to 1, where 1 is best.
    Normalisation {
        /// Its place between the least and the greatest figure of the units.
        MinMax = "min_max",
        /// How many standard deviations (of a sample) it is from the mean of the units; from below 0 to above.
        ZScore = "z_score",
        /// Its place between two fixed bounds; beyond them it counts as on them. Comparable over years.
        Goalposts = "goalposts",
        /// Its share of a fixed maximum, such as the points to be had. Comparable over years.
        ShareOfMaximum = "share_of_maximum",
        /// The share of the other units that are worse.
        Rank = "rank",
    }
}

codes! {
    /// How several values make one.
    Mean {
        /// The weighted sum: one value makes up for another in full.
        Arithmetic = "arithmetic",
        /// The weighted product: a low value weighs more than its share.
        Geometric = "geometric",
    }
}

codes! {
    /// What stands for a component of which a unit has no figure.
    MissingRule {
        /// Nothing: the unit has no score.
        Refuse = "refuse",
        /// No points.
        Zero = "zero",
        /// The mean of the unit's other components: the score is rescaled to what there is.
        MeanOfOthers = "mean_of_others",
        /// The mean of the unit's other components in the same group.
        MeanOfGroup = "mean_of_group",
        /// The mean of the component over the units that have it.
        MeanOfUnits = "mean_of_units",
        /// The mean of the component over the units of the same kind that have it.
        MeanOfKind = "mean_of_kind",
        /// The unit's own figure of the previous period.
        PreviousPeriod = "previous_period",
    }
}

/// One version of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Composite {
    /// The code of the index, such as `dti_commune`; versions share it.
    pub composite: String,
    /// The version, such as `2025`.
    pub version: String,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// The first day of a period's end that it is for.
    pub valid_from: NaiveDate,
    /// The last one; none while it goes on.
    pub valid_to: Option<NaiveDate>,
    /// The decision that it rests on.
    pub legal_basis: Option<String>,
    /// The level of the units that it scores; none: the level with the most figures.
    pub level: Option<String>,
    /// How components are put on a common scale, unless they say otherwise.
    pub normalisation: Normalisation,
    /// How the components of a group make the group.
    pub within_groups: Mean,
    /// How the groups make the index.
    pub over_groups: Mean,
    /// What stands for what is missing.
    pub missing: MissingRule,
    /// The share of the weight that a unit must have figures for to be scored, from 0 to 1.
    pub threshold: Decimal,
    /// What the weights sum to.
    pub weights_total: Decimal,
    /// The score of a unit that has everything.
    pub full_score: Decimal,
    /// The least that a component counts on the common scale; a geometric mean may need one over 0.
    pub floor: Decimal,
    /// How far a draw moves each weight at most, as a share of it: 0.25 is from 75 % to 125 %.
    pub weight_spread: Decimal,
    /// How many draws of weights the rank interval is made of.
    pub draws: u32,
    /// Where the draws begin.
    pub seed: u32,
    /// Whether it only shows how such an index is written down, because the real weights are not public.
    pub example: bool,
    /// What else there is to say of it.
    pub note: Option<String>,
    /// Its groups, in order.
    pub groups: Vec<Group>,
}

/// A group of components.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its code within the version.
    pub group: String,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Its name in English, where there is one.
    pub name_en: Option<String>,
    /// Its weight, which is the sum of those of its components.
    pub weight: Decimal,
    /// Its components, in order.
    pub components: Vec<Component>,
}

/// A component of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its code within the version.
    pub component: String,
    /// Its name in Vietnamese; none: that of the indicator.
    pub name_vi: Option<String>,
    /// Its name in English; none: that of the indicator.
    pub name_en: Option<String>,
    /// The indicator whose figures it takes.
    pub indicator: String,
    /// The stage whose figures it takes; none: the indicator's default.
    pub stage: Option<Stage>,
    /// Its weight.
    pub weight: Decimal,
    /// The most points to be had, for a share of the maximum; none: the indicator's `max`.
    pub max_points: Option<Decimal>,
    /// Which way is better; none: as the indicator says.
    pub direction: Option<Direction>,
    /// How it is put on the common scale; none: as the version says.
    pub normalisation: Option<Normalisation>,
    /// The lower goalpost; none: the indicator's `min`.
    pub lower: Option<Decimal>,
    /// The upper goalpost; none: the indicator's `max`.
    pub upper: Option<Decimal>,
    /// What a unit must show for it.
    pub evidence: Option<String>,
}

impl Composite {
    /// The key of its record: `<composite>/<version>`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{}/{}", self.composite, self.version)
    }

    /// Whether it is for periods that end on a day.
    #[must_use]
    pub fn valid_on(&self, on: NaiveDate) -> bool {
        self.valid_from <= on && self.valid_to.is_none_or(|last| on <= last)
    }

    /// Its components with the place of their group, in order.
    pub fn components(&self) -> impl Iterator<Item = (usize, &Component)> {
        let groups = self.groups.iter().enumerate();
        groups.flat_map(|(index, group)| group.components.iter().map(move |c| (index, c)))
    }
}
