//! A small country for the tests of answers: made-up values for real district names, in memory only.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate};
use dinh_lake::Decimal;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::feed::{Calendar, Feed, FeedClass};
use dinh_lake::indicator::{
    Behaviour, Direction, Indicator, Tier, TimeAggregation, UnitAggregation, ValueKind,
};
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::period::Period;
use dinh_lake::unit::{UnitId, UnitVersion, Units};

use super::cell::{Cell, Declared, one_feed_per_cell};
use super::figures::Figures;
use super::outline::Seen;
use super::question::Asked;
use super::scope::Sources;
use super::structure::Structure;
use super::windows::Window;

pub(crate) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(crate) fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// `code`, level, parent's code: units valid from 2020-03-01 to 2024-12-31.
pub(crate) fn units(rows: &[(&str, &str, &str)]) -> Units {
    let version = |(code, level, parent): &(&str, &str, &str)| UnitVersion {
        unit: UnitId(format!("{code}.1")),
        code: (*code).to_owned(),
        name: format!("Đơn vị {code}"),
        name_en: None,
        kind: if code.starts_with('Q') { "quan" } else { "huyen" }.to_owned(),
        level: (*level).to_owned(),
        parent: (!parent.is_empty()).then(|| UnitId(format!("{parent}.1"))),
        valid_from: day("2020-03-01"),
        valid_to: Some(day("2024-12-31")),
        legal_basis: None,
    };
    Units::new(rows.iter().map(version).collect())
}

pub(crate) fn indicator(code: &str, aggregation: UnitAggregation) -> Indicator {
    Indicator {
        indicator: code.to_owned(),
        name_vi: "Chỉ tiêu".to_owned(),
        name_en: None,
        kind: ValueKind::Count,
        unit_of_measure: String::new(),
        pillar: None,
        behaviour: Behaviour::Stock,
        aggregation,
        aggregation_time: TimeAggregation::Last,
        numerator: None,
        denominator: None,
        factor: 100,
        direction: Direction::Higher,
        levels: ["commune", "district", "city"].map(str::to_owned).into(),
        stages: [Stage::SelfReported, Stage::Final].into(),
        default_stage: Stage::SelfReported,
        min: None,
        max: None,
        integer: false,
        tier: Tier::Open,
        rebase_weight: "none".to_owned(),
        ranks: None,
        precedence: Vec::new(),
        rules: dinh_lake::indicator::Rules::default(),
    }
}

pub(crate) fn feed(name: &str, class: FeedClass, precedence: i64) -> Feed {
    Feed {
        feed: name.to_owned(),
        name_vi: name.to_owned(),
        name_en: None,
        class,
        calendar: Calendar::Gregorian,
        precedence,
        within: "01".to_owned(),
        indicators: BTreeSet::new(),
        deadline_working_days: None,
    }
}

/// A catalogue with the feeds `city`, `district` and `made-up`.
pub(crate) fn catalogue(units: Units, indicator: Indicator) -> Catalogue {
    let feeds = [
        feed("city", FeedClass::Official, 10),
        feed("district", FeedClass::Official, 20),
        feed("made-up", FeedClass::Synthetic, 30),
    ];
    Catalogue {
        version: 1,
        units,
        indicators: BTreeMap::from([(indicator.indicator.clone(), indicator)]),
        feeds: feeds.into_iter().map(|feed| (feed.feed.clone(), feed)).collect(),
        ..Catalogue::default()
    }
}

/// An exact figure of the feed `city` at the stage `self`.
pub(crate) fn cell(code: &str, period: &str, value: &str) -> Cell {
    Cell {
        unit: UnitId(format!("{code}.1")),
        period: Period::parse(period, Calendar::Gregorian).unwrap(),
        stage: Stage::SelfReported,
        value: Some(decimal(value)),
        numerator: None,
        denominator: None,
        qualifier: Qualifier::Exact,
        status: Status::Normal,
        declared: None,
        feed: "city".into(),
        recorded_at: DateTime::UNIX_EPOCH,
        late: None,
        over_time: None,
        moved: None,
    }
}

impl Cell {
    pub(crate) fn at(self, stage: Stage) -> Self {
        Self { stage, ..self }
    }

    pub(crate) fn reported(self, late: bool) -> Self {
        Self { late: Some(late), ..self }
    }

    pub(crate) fn hedged(self, qualifier: Qualifier) -> Self {
        Self { qualifier, ..self }
    }

    pub(crate) fn of_feed(self, feed: &str) -> Self {
        Self { feed: feed.into(), ..self }
    }

    pub(crate) fn with_parts(self, numerator: &str, denominator: &str) -> Self {
        let (numerator, denominator) = (Some(decimal(numerator)), Some(decimal(denominator)));
        Self { numerator, denominator, ..self }
    }

    pub(crate) fn declaring(self, reported: i64, expected: i64) -> Self {
        let declared = Declared { reported: Some(reported), expected: Some(expected) };
        Self { declared: Some(declared), ..self }
    }
}

/// The figures of the catalogue's one indicator.
pub(crate) fn figures<'a>(
    catalogue: &'a Catalogue,
    feed: Option<&str>,
    cells: Vec<Cell>,
) -> Figures<'a> {
    let indicator = catalogue.indicators.values().next().unwrap();
    Figures {
        catalogue,
        seen: Seen { position: 7, as_of: None },
        indicator,
        sources: Sources::of(catalogue, feed).unwrap(),
        structure: Structure::asked(catalogue, indicator, &Asked::default(), None).unwrap(),
        window: Window::default(),
        cells: one_feed_per_cell(cells, indicator, catalogue),
        as_reported: Vec::new(),
        together: Vec::new(),
        reported_ranks: Vec::new(),
        targets: Vec::new(),
        against: None,
    }
}
