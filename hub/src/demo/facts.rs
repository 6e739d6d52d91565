//! The published figures of `deploy/hanoi/facts.csv`, by the feeds that carry them.

use std::collections::BTreeMap;

use anyhow::Context;
use dinh_proto::v1::Row;
use serde::Deserialize;

const FACTS: &str = include_str!("../../../deploy/hanoi/facts.csv");

/// One line of the file.
#[derive(Deserialize)]
struct Fact {
    feed: String,
    indicator: String,
    unit: String,
    period: String,
    stage: String,
    value: String,
    numerator: String,
    denominator: String,
    qualifier: String,
    status: String,
    coverage_reported: Option<i64>,
    coverage_expected: Option<i64>,
    note: String,
    title: String,
    published: String,
}

/// The rows of each feed, in the order of the file.
pub(super) fn rows() -> anyhow::Result<BTreeMap<String, Vec<Row>>> {
    let mut feeds = BTreeMap::<String, Vec<Row>>::new();
    for fact in csv::Reader::from_reader(FACTS.as_bytes()).into_deserialize() {
        let fact: Fact = fact.context("deploy/hanoi/facts.csv")?;
        feeds.entry(fact.feed.clone()).or_default().push(fact.into());
    }
    Ok(feeds)
}

/// The feeds that carry them.
pub(super) fn feeds() -> anyhow::Result<Vec<String>> {
    Ok(rows()?.into_keys().collect())
}

impl From<Fact> for Row {
    /// The article that published a figure is named in its note.
    fn from(fact: Fact) -> Self {
        let source = [fact.title.as_str(), fact.published.as_str()].map(str::trim);
        let source =
            source.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        let note =
            [fact.note.as_str(), source.as_str()].into_iter().filter(|part| !part.is_empty());
        Self {
            indicator: fact.indicator,
            unit: fact.unit,
            period: fact.period,
            stage: fact.stage,
            value: fact.value,
            numerator: fact.numerator,
            denominator: fact.denominator,
            qualifier: fact.qualifier,
            status: fact.status,
            coverage_reported: fact.coverage_reported,
            coverage_expected: fact.coverage_expected,
            note: note.collect::<Vec<_>>().join(" · "),
        }
    }
}
