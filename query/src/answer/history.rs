//! History: every revision of one cell in the order they were recorded, withdrawals included.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use dinh_lake::Decimal;
use dinh_lake::unit::UnitVersion;
use serde::Serialize;
use utoipa::ToSchema;

use super::cell::{Cell, Span};
use super::outline::{Coverage, Seen};
use super::scope::{self, Sources};
use super::series::stamp;

/// Every revision of one cell.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct History {
    /// The indicator.
    pub indicator: String,
    /// The unit's id.
    pub unit: String,
    /// Its official code.
    pub code: String,
    /// Its name in Vietnamese.
    pub name: String,
    /// The period's label.
    pub period: String,
    /// Its first day.
    pub period_start: String,
    /// Its last day, included.
    pub period_end: String,
    /// The structure date; null: as reported.
    pub on: Option<String>,
    /// When it was known; null: now.
    pub as_of: Option<String>,
    /// The newest ledger entry that the answer includes.
    pub position: u64,
    /// The feeds that revisions came from.
    pub feeds: Vec<String>,
    /// Whether the figures are made up.
    pub contains_synthetic: bool,
    /// The revisions, oldest first.
    pub rows: Vec<HistoryRow>,
}

/// One revision.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HistoryRow {
    /// The stage.
    pub stage: &'static str,
    /// The figure; null where it is withdrawn.
    #[schema(value_type = Option<f64>)]
    pub value: Option<Decimal>,
    /// The numerator, where it was given.
    #[schema(value_type = Option<f64>)]
    pub numerator: Option<Decimal>,
    /// The denominator, where it was given.
    #[schema(value_type = Option<f64>)]
    pub denominator: Option<Decimal>,
    /// How the source hedges.
    pub qualifier: &'static str,
    /// The standing of the revision.
    pub status: &'static str,
    /// What the source says that it covers.
    pub coverage: Option<Coverage>,
    /// The feed.
    pub feed: String,
    /// The submission that brought it.
    pub submission: String,
    /// Its row in the submission, from 1.
    pub row: i64,
    /// The sender's note.
    pub note: Option<String>,
    /// When it was recorded, in UTC: from then on it stood.
    pub recorded_at: String,
    /// When the next revision of its cell was recorded, in UTC; null while it stands.
    pub superseded_at: Option<String>,
    /// The ledger entry that holds it.
    pub position: u64,
}

/// A figure with where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// The figure.
    pub cell: Cell,
    /// The submission.
    pub submission: String,
    /// The row in it.
    pub row: i64,
    /// The sender's note.
    pub note: Option<String>,
    /// The ledger entry.
    pub position: u64,
}

/// What a history is made of.
#[derive(Debug)]
pub struct Revisions<'a> {
    /// The indicator's code.
    pub indicator: &'a str,
    /// When the answer was known.
    pub seen: Seen,
    /// Where figures may come from.
    pub sources: Sources<'a>,
    /// All revisions of the unit's figures.
    pub revisions: Vec<Revision>,
}

/// Tells the history of one cell.
#[must_use]
pub fn history(
    all: &Revisions<'_>,
    unit: &UnitVersion,
    span: Span,
    asked: Option<&str>,
) -> History {
    let cells = all.revisions.iter().map(|revision| &revision.cell);
    let mut revisions: Vec<_> =
        all.revisions.iter().filter(|revision| revision.cell.span() == span).collect();
    revisions.sort_by_key(|revision| (revision.cell.recorded_at, revision.row));
    let feeds: BTreeSet<_> = revisions.iter().map(|r| r.cell.feed.to_string()).collect();
    History {
        indicator: all.indicator.to_owned(),
        unit: unit.unit.0.clone(),
        code: unit.code.clone(),
        name: unit.name.clone(),
        period: scope::label(span, asked, cells),
        period_start: span.start.to_string(),
        period_end: span.end.to_string(),
        on: None,
        as_of: all.seen.as_of.clone(),
        position: all.seen.position,
        feeds: feeds.into_iter().collect(),
        contains_synthetic: all.sources.synthetic(),
        rows: rows(&revisions),
    }
}

/// The rows of revisions, oldest first. The next revision of a cell is of its stage and its feed.
fn rows(revisions: &[&Revision]) -> Vec<HistoryRow> {
    let mut next = BTreeMap::new();
    let mut rows: Vec<_> = revisions
        .iter()
        .rev()
        .map(|revision| {
            let cell = &revision.cell;
            let superseded_at = next.insert((cell.stage, &cell.feed), cell.recorded_at);
            row(revision, superseded_at)
        })
        .collect();
    rows.reverse();
    rows
}

fn row(revision: &Revision, superseded_at: Option<DateTime<Utc>>) -> HistoryRow {
    let cell = &revision.cell;
    HistoryRow {
        stage: cell.stage.code(),
        value: cell.value,
        numerator: cell.numerator,
        denominator: cell.denominator,
        qualifier: cell.qualifier.code(),
        status: cell.status.code(),
        coverage: Coverage::declared_by(cell),
        feed: cell.feed.to_string(),
        submission: revision.submission.clone(),
        row: revision.row,
        note: revision.note.clone(),
        recorded_at: stamp(cell.recorded_at),
        superseded_at: superseded_at.map(stamp),
        position: revision.position,
    }
}
