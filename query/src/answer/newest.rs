//! The figures of the latest periods, or of those up to one that was asked for, read window by window until there are enough.
//!
//! Reading all is always right; this only stops early. Of each period that there is any figure of, there are all, for a
//! window has whole periods.

use chrono::{NaiveDate, TimeDelta};

use super::cell::Span;
use super::figures::Figures;
use super::gather;
use super::question::Asked;
use super::scope::Sources;
use super::windows::Windows;
use crate::error::QueryError;
use crate::sql::Statement;

/// Days by which two periods of one make may differ in length, and one to be safe.
const LENGTHS_DIFFER: i64 = 4;

/// The figures of an indicator at the stage of the answer, of all units: of the latest periods, until there are enough. Of a
/// period that was asked for, with as many of its length before it as `before` says, all that it may be made of is read
/// first.
///
/// # Errors
/// When a parameter names nothing, or the ledger cannot be read.
pub(super) async fn figures<'a>(
    statement: &'a Statement,
    asked: &'a Asked,
    before: i64,
    is_enough: impl Fn(&Figures<'a>) -> bool,
) -> Result<Figures<'a>, QueryError> {
    if asked.on.is_some() {
        // Where cells are shown decides what is in scope, and that may depend on all of them.
        return gather::figures(statement, asked, None).await;
    }
    let indicator = super::indicator(statement, asked)?;
    let parts = [&indicator.numerator, &indicator.denominator].into_iter().flatten();
    let indicators: Vec<&str> = parts.chain([&indicator.indicator]).map(String::as_str).collect();
    let sources = Sources::of(statement.catalogue(), asked.feed.as_deref())?;
    let spans = asked.period.as_ref().map(|label| sources.spans(label)).transpose()?;
    let spans = spans.unwrap_or_default();
    let needed_from = spans.iter().filter_map(|span| begin(*span, before)).min();
    let last = spans.iter().map(|span| span.end).max();
    let stage = Some(asked.stage.unwrap_or(indicator.default_stage));
    let mut all: Option<Figures<'a>> = None;
    for window in Windows::of(statement, &indicators, last).await? {
        let read = gather::figures_at(statement, asked, None, stage, window).await?;
        let figures = match all.take() {
            Some(figures) => figures.and_earlier(read),
            None => read,
        };
        let is_read = window.from.is_none_or(|from| needed_from.is_none_or(|day| from <= day));
        if is_read && is_enough(&figures) {
            return Ok(figures);
        }
        all = Some(figures);
    }
    Ok(all.expect("there is a last window, which has no beginning"))
}

/// The day from which a period, and some of its length before it, may have parts.
fn begin(span: Span, before: i64) -> Option<NaiveDate> {
    let days = span.end.signed_duration_since(span.start).num_days() + LENGTHS_DIFFER;
    span.start.checked_sub_signed(TimeDelta::days(days * before))
}
