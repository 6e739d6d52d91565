//! The indicators and the feeds of the catalogue, as they are.

use dinh_lake::Decimal;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::Feed;
use dinh_lake::indicator::Indicator;
use serde::Serialize;
use utoipa::ToSchema;

use super::outline::Seen;

/// The indicators of the catalogue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Indicators {
    /// The version of the catalogue.
    pub catalogue_version: u64,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry at the time of the answer.
    pub position: u64,
    /// In order of code.
    pub indicators: Vec<IndicatorRow>,
}

/// One indicator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IndicatorRow {
    /// Its code.
    pub indicator: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// Its name in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// What sort of figure it has.
    pub kind: &'static str,
    /// Its unit of measure.
    pub unit_of_measure: String,
    /// The pillar that it belongs to.
    pub pillar: Option<String>,
    /// How it behaves over units and time.
    pub behaviour: &'static str,
    /// How it adds up over units.
    pub aggregation: &'static str,
    /// How it adds up over time.
    pub aggregation_time: &'static str,
    /// The indicator of its numerator.
    pub numerator: Option<String>,
    /// The indicator of its denominator.
    pub denominator: Option<String>,
    /// value = factor * numerator / denominator.
    pub factor: i64,
    /// Which way is better.
    pub direction: &'static str,
    /// The levels at which it may be reported.
    pub levels: Vec<String>,
    /// The stages at which it may be reported.
    pub stages: Vec<&'static str>,
    /// The stage that an answer takes when none is asked for.
    pub default_stage: &'static str,
    /// The smallest value that can be true.
    #[schema(value_type = Option<f64>)]
    pub min: Option<Decimal>,
    /// The largest value that can be true.
    #[schema(value_type = Option<f64>)]
    pub max: Option<Decimal>,
    /// Whether only whole numbers can be true.
    pub integer: bool,
    /// Who may read it.
    pub tier: &'static str,
    /// What it is split by across a reform.
    pub rebase_weight: String,
    /// For a reported rank, the indicator that it ranks.
    pub ranks: Option<String>,
    /// Feeds in order of preference, where it has its own.
    pub precedence: Vec<String>,
}

impl IndicatorRow {
    fn of(indicator: &Indicator) -> Self {
        Self {
            indicator: indicator.indicator.clone(),
            name: indicator.name_vi.clone(),
            name_en: indicator.name_en.clone(),
            kind: indicator.kind.code(),
            unit_of_measure: indicator.unit_of_measure.clone(),
            pillar: indicator.pillar.clone(),
            behaviour: indicator.behaviour.code(),
            aggregation: indicator.aggregation.code(),
            aggregation_time: indicator.aggregation_time.code(),
            numerator: indicator.numerator.clone(),
            denominator: indicator.denominator.clone(),
            factor: indicator.factor,
            direction: indicator.direction.code(),
            levels: indicator.levels.iter().cloned().collect(),
            stages: indicator.stages.iter().map(|stage| stage.code()).collect(),
            default_stage: indicator.default_stage.code(),
            min: indicator.min,
            max: indicator.max,
            integer: indicator.integer,
            tier: indicator.tier.code(),
            rebase_weight: indicator.rebase_weight.clone(),
            ranks: indicator.ranks.clone(),
            precedence: indicator.precedence.clone(),
        }
    }
}

/// Lists the indicators.
#[must_use]
pub fn indicators(catalogue: &Catalogue, seen: Seen) -> Indicators {
    let indicators = catalogue.indicators.values().map(IndicatorRow::of).collect();
    Indicators {
        catalogue_version: catalogue.version,
        as_of: seen.as_of,
        position: seen.position,
        indicators,
    }
}

/// The feeds of the catalogue.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Feeds {
    /// The version of the catalogue.
    pub catalogue_version: u64,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry at the time of the answer.
    pub position: u64,
    /// In order of name.
    pub feeds: Vec<FeedRow>,
}

/// One feed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FeedRow {
    /// Its name, as in `feed=`.
    pub feed: String,
    /// Its title in Vietnamese.
    pub name: String,
    /// Its title in English, where the catalogue has one.
    pub name_en: Option<String>,
    /// Official or synthetic.
    pub class: &'static str,
    /// The calendar of its reporting periods.
    pub calendar: &'static str,
    /// The smallest number wins where two feeds report one cell.
    pub precedence: i64,
    /// The code of the unit whose subtree it reports on.
    pub within: String,
    /// The indicators that it may carry; empty means all.
    pub indicators: Vec<String>,
    /// Working days after a period's last day in which its figures are due; null: they have no deadline.
    pub deadline_working_days: Option<u32>,
}

impl FeedRow {
    fn of(feed: &Feed) -> Self {
        Self {
            feed: feed.feed.clone(),
            name: feed.name_vi.clone(),
            name_en: feed.name_en.clone(),
            class: feed.class.code(),
            calendar: feed.calendar.code(),
            precedence: feed.precedence,
            within: feed.within.clone(),
            indicators: feed.indicators.iter().cloned().collect(),
            deadline_working_days: feed.deadline_working_days,
        }
    }
}

/// Lists the feeds.
#[must_use]
pub fn feeds(catalogue: &Catalogue, seen: Seen) -> Feeds {
    let feeds = catalogue.feeds.values().map(FeedRow::of).collect();
    Feeds {
        catalogue_version: catalogue.version,
        as_of: seen.as_of,
        position: seen.position,
        feeds,
    }
}
