//! Timeliness: whether the first report of a figure came before its deadline.
//!
//! A cell knows when its newest revision was recorded. Where that was in time, so was the first; only where it was late are
//! earlier revisions looked for. See `deadline.rs` in the lake for what is due when.

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use dinh_lake::catalogue::Catalogue;

use super::cell::{Cell, Span};
use super::read::{self, Wanted};
use crate::error::QueryError;
use crate::sql::Statement;

/// More last days than this are not named to the ledger one by one.
const DAYS_NAMED_MAX: usize = 64;

/// When a figure was due: the first instant that was too late.
#[must_use]
pub fn due_at(catalogue: &Catalogue, cell: &Cell) -> Option<DateTime<Utc>> {
    catalogue.due_at(&cell.feed, (cell.period.start, cell.period.end), cell.stage)
}

/// Says of some cells of one indicator whether they came late; `wanted` is what they were read by.
///
/// # Errors
/// When the ledger cannot be read.
pub async fn judge<'c>(
    statement: &Statement,
    wanted: &Wanted<'_>,
    cells: impl IntoIterator<Item = (&'c str, &'c mut Cell)>,
) -> Result<(), QueryError> {
    let mut doubtful: Vec<(&str, &mut Cell, DateTime<Utc>)> = Vec::new();
    for (indicator, cell) in cells {
        let Some(due) = due_at(statement.catalogue(), cell) else { continue };
        cell.late = Some(cell.recorded_at >= due);
        if cell.late == Some(true) {
            doubtful.push((indicator, cell, due));
        }
    }
    let Some(last) = doubtful.iter().map(|(_, _, due)| *due).max() else { return Ok(()) };
    let spans: BTreeSet<Span> = doubtful.iter().map(|(_, cell, _)| cell.span()).collect();
    let spans = (spans.len() <= DAYS_NAMED_MAX).then(|| spans.into_iter().collect());
    let earlier = Wanted { spans: spans.or_else(|| wanted.spans.clone()), ..wanted.clone() };
    let earlier = read::reported_before(statement, &earlier, last).await?;
    let mut in_time = HashSet::new();
    for (indicator, cell) in &earlier {
        if due_at(statement.catalogue(), cell).is_some_and(|due| cell.recorded_at < due) {
            in_time.insert((indicator.as_str(), &cell.unit, cell.span(), cell.stage, &cell.feed));
        }
    }
    for (indicator, cell, _) in doubtful {
        if in_time.contains(&(indicator, &cell.unit, cell.span(), cell.stage, &cell.feed)) {
            cell.late = Some(false);
        }
    }
    Ok(())
}
