//! Indicators (chỉ tiêu): what is counted, how it adds up, and which values can be true.

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
    /// How it adds up over time: `sum`, `last`, `average`, `ratio_of_sums` or `none`.
    pub aggregation_time: String,
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
}
