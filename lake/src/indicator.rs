//! Indicators (chỉ tiêu): what is counted, how it adds up, which values can be true, and which deserve a second look.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::decimal::Decimal;
use crate::observation::{Stage, codes};

codes! {
    /// What sort of figure an indicator has.
    ValueKind {
        /// A whole number of things.
        Count = "count",
        /// A share or a quotient, from a numerator and a denominator.
        Ratio = "ratio",
        /// Points of an assessment.
        Score = "score",
        /// A place in an order, as a source reported it.
        Rank = "rank",
        /// Million VND.
        Money = "money",
        /// Any other measured quantity.
        Measure = "measure",
    }
}

codes! {
    /// How a figure behaves over units and time.
    Behaviour {
        /// A quantity at a moment; adds up over units, not over time.
        Stock = "stock",
        /// A quantity over a span; adds up over units and over time.
        Flow = "flow",
        /// A quotient of two quantities.
        Ratio = "ratio",
        /// A property that does not add up (a score, a rank, a mean).
        Intensive = "intensive",
    }
}

codes! {
    /// How the units of one level make the figure of the level above.
    UnitAggregation {
        /// By adding up.
        Sum = "sum",
        /// As the ratio of the sums of numerators and denominators, never as a mean of percentages.
        RatioOfSums = "ratio_of_sums",
        /// As the plain mean of the units (scores).
        Mean = "mean",
        /// Not at all.
        None = "none",
    }
}

codes! {
    /// How the figures of shorter periods make the figure of a longer one.
    TimeAggregation {
        /// By adding up (flows).
        Sum = "sum",
        /// As the figure at its last day (stocks).
        Last = "last",
        /// As their mean, each by its months.
        Average = "average",
        /// As the ratio of the sums of numerators and denominators.
        RatioOfSums = "ratio_of_sums",
        /// Not at all.
        None = "none",
    }
}

codes! {
    /// Which way is better.
    Direction {
        /// More is better: the largest value ranks first.
        Higher = "higher",
        /// Less is better: the smallest value ranks first.
        Lower = "lower",
        /// Neither; the largest value ranks first.
        Neutral = "neutral",
    }
}

codes! {
    /// Who may read an indicator.
    Tier {
        /// Anyone.
        Open = "open",
        /// Principals with a grant to read.
        Shared = "shared",
        /// Principals with a grant to read that covers the unit.
        Restricted = "restricted",
    }
}

codes! {
    /// A rule that holds a figure against what the lake has at present. Such a rule only ever warns.
    StateRule {
        /// The units below do not have more than the unit above, of a count that adds up.
        Children = "children",
        /// A figure is not about ten or a thousand times, or a tenth or a thousandth of, the one before.
        Jump = "jump",
        /// A decimal point is not meant as a separator of thousands, nor the other way round.
        Separator = "separator",
        /// A count is not the official code of a unit.
        Code = "code",
        /// A count is not that of a unit beside it.
        Alike = "alike",
    }
}

/// What an indicator says of rules beside those that its kind has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// The indicator of what was added in the period: the figure is the one before plus this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added: Option<String>,
    /// Rules of its kind that it is not held against.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub off: BTreeSet<StateRule>,
}

impl Rules {
    /// Whether it says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One indicator of the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Indicator {
    /// Its code, such as `par_index_pct`.
    pub indicator: String,
    /// Its name in Vietnamese.
    pub name_vi: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// What sort of figure it has.
    pub kind: ValueKind,
    /// Its unit of measure, such as `%`, `người`, `triệu đồng`.
    pub unit_of_measure: String,
    /// The pillar of digital transformation that it belongs to.
    pub pillar: Option<String>,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// How it adds up over units.
    pub aggregation: UnitAggregation,
    /// How it adds up over time.
    pub aggregation_time: TimeAggregation,
    /// The indicator of its numerator, if it is a ratio of two.
    pub numerator: Option<String>,
    /// The indicator of its denominator, if it is a ratio of two.
    pub denominator: Option<String>,
    /// 100 for a percentage, 1 for a plain quotient: value = factor * numerator / denominator.
    pub factor: i64,
    /// Which way is better.
    pub direction: Direction,
    /// The levels at which it may be reported.
    pub levels: BTreeSet<String>,
    /// The stages at which it may be reported.
    pub stages: BTreeSet<Stage>,
    /// The stage that an answer takes when none is asked for.
    pub default_stage: Stage,
    /// The smallest value that can be true.
    pub min: Option<Decimal>,
    /// The largest value that can be true.
    pub max: Option<Decimal>,
    /// Whether only whole numbers can be true.
    pub integer: bool,
    /// Who may read it.
    pub tier: Tier,
    /// What it is split by across a reform: `population`, `households`, `area`, `villages`, `units`, `none`.
    pub rebase_weight: String,
    /// For a reported rank, the indicator that it ranks.
    pub ranks: Option<String>,
    /// Feeds in order of preference where the feeds' own precedence will not do.
    pub precedence: Vec<String>,
    /// What it says of rules that need the present state.
    #[serde(default, skip_serializing_if = "Rules::is_empty")]
    pub rules: Rules,
}

impl Indicator {
    /// Whether its figures are held against a rule: those of its kind, but for what it opts out of.
    ///
    /// Shares, scores and ranks have bounds, and often the same value: no such rule can tell a fault there.
    #[must_use]
    pub fn holds(&self, rule: StateRule) -> bool {
        let counts = self.kind == ValueKind::Count && self.aggregation == UnitAggregation::Sum;
        let unbounded = self.max.is_none()
            && matches!(self.kind, ValueKind::Count | ValueKind::Money | ValueKind::Measure)
            && self.behaviour != Behaviour::Ratio;
        let of_kind = match rule {
            StateRule::Children | StateRule::Code | StateRule::Alike => counts,
            StateRule::Jump | StateRule::Separator => unbounded,
        };
        of_kind && !self.rules.off.contains(&rule)
    }

    /// Whether any rule needs the present state of its figures.
    #[must_use]
    pub fn needs_state(&self) -> bool {
        self.rules.added.is_some() || StateRule::ALL.iter().any(|rule| self.holds(*rule))
    }
}
