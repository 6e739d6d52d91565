//! Whether a long history slows the ledger down: the ack of a small group, and the opening of the lake, early and late.
//!
//! It goes through the ledger in this process, with its care as a hub gives it, so that a hundred thousand entries are made
//! in minutes; what gRPC and judging add to an ack does not depend on history.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use dinh_lake::ledger::Outcome;
use dinh_lake::observation::accepted_schema;
use dinh_lake::submission::{Mode, Submission};
use dinh_lake::{Lake, LakeOptions, LakeUrl};
use indicatif::ProgressBar;

use super::spread::Spread;
use super::town;

/// Entries that count as a short history.
pub(super) const EARLY: u64 = 100;
/// Groups whose acks are timed at each point.
const TIMED: u64 = 200;
/// Entries between rounds of care.
const CARE_EVERY: u64 = 16;
/// How often the lake is opened at each point; the quickest counts.
const OPENINGS: usize = 3;

/// The ledger at one point of its history.
#[derive(Clone, Debug)]
pub(super) struct Point {
    /// Its entries, those of its care among them.
    pub(super) entries: u64,
    /// Live files.
    pub(super) files: usize,
    /// From a group to its outcome.
    pub(super) acks: Spread,
    /// How long the lake took to open.
    pub(super) opened: Duration,
}

/// Makes a history of so many groups of so many rows on a fresh lake; gives its early and its late point.
///
/// # Errors
/// When the lake fails.
pub(super) async fn measure(
    folder: &Path,
    groups: u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<[Point; 2]> {
    let url = LakeUrl::from(folder);
    let lake = Lake::open(&url, LakeOptions::default()).await?;
    let mut done = 0;
    append(&lake, &mut done, EARLY, rows, progress).await?;
    let (early, lake) = point(lake, &mut done, rows, progress).await?;
    append(&lake, &mut done, groups.saturating_sub(EARLY + 2 * TIMED), rows, progress).await?;
    let (late, _) = point(lake, &mut done, rows, progress).await?;
    Ok([early, late])
}

/// Times some acks, then some openings; gives back the lake, open.
async fn point(
    mut lake: Arc<Lake>,
    done: &mut u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<(Point, Arc<Lake>)> {
    let acks = Spread::of(append(&lake, done, TIMED, rows, progress).await?);
    let snapshot = lake.ledger().snapshot();
    let (entries, files) = (snapshot.position, snapshot.files.len());
    drop(snapshot);
    let (url, mut opened) = (lake.url().clone(), Duration::MAX);
    for _ in 0..OPENINGS {
        // Its folder has one holder at a time: it is closed before it is opened again.
        drop(lake);
        let began = Instant::now();
        lake = Lake::open(&url, LakeOptions::default()).await?;
        opened = opened.min(began.elapsed());
    }
    Ok((Point { entries, files, acks, opened }, lake))
}

/// Appends groups of one submission each, with care of the ledger now and then, outside of what is timed.
async fn append(
    lake: &Lake,
    done: &mut u64,
    groups: u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..groups {
        let submission = submission(*done, rows)?;
        let began = Instant::now();
        let outcomes = lake.ledger().append(vec![submission]).await?;
        times.push(began.elapsed());
        ensure!(matches!(outcomes[..], [Outcome::Recorded(_)]), "a group was not recorded");
        *done += 1;
        if done.is_multiple_of(CARE_EVERY) {
            while lake.ledger().maintain().await?.more {}
        }
        progress.inc(1);
    }
    Ok(times)
}

fn submission(ordinal: u64, rows: u64) -> anyhow::Result<Submission> {
    let count = usize::try_from(rows)?;
    let schema = accepted_schema();
    let texts = |texts: &mut dyn Iterator<Item = String>| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(texts))
    };
    let day = i32::try_from(10_957 + ordinal % town::DAYS)?;
    let columns = schema.fields().iter().map(|field| -> anyhow::Result<ArrayRef> {
        Ok(match field.name().as_str() {
            "row" => Arc::new(Int64Array::from_iter_values(1..=i64::try_from(rows)?)),
            "indicator" => texts(&mut (0..rows).map(|_| town::indicator(0))),
            "unit" => {
                texts(&mut (0..rows).map(|n| format!("{}.1", town::commune(n % town::COMMUNES))))
            }
            "period" => texts(&mut (0..rows).map(|_| town::day(ordinal % town::DAYS))),
            "period_start" | "period_end" => Arc::new(Date32Array::from_value(day, count)),
            "value" => {
                let values = (0..rows).map(|n| i128::from(n + ordinal) * 10_000);
                let values = Decimal128Array::from_iter_values(values);
                Arc::new(values.with_precision_and_scale(18, 6)?)
            }
            "stage" => texts(&mut (0..rows).map(|_| "self".to_owned())),
            "qualifier" => texts(&mut (0..rows).map(|_| "exact".to_owned())),
            "status" => texts(&mut (0..rows).map(|_| "normal".to_owned())),
            _ => new_null_array(field.data_type(), count),
        })
    });
    let accepted = RecordBatch::try_new(Arc::clone(&schema), columns.collect::<Result<_, _>>()?)?;
    Ok(Submission {
        feed: town::FEED.to_owned(),
        id: ordinal.to_string(),
        principal: "bench".to_owned(),
        mode: Mode::Partial,
        digest: format!("{ordinal:064x}"),
        reason: None,
        document: None,
        numbering: None,
        catalogue_version: 1,
        state_position: None,
        rows,
        accepted,
        verdicts: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_points_are_measured_on_one_lake() {
        let folder = tempfile::tempdir().unwrap();
        let progress = ProgressBar::hidden();
        let [early, late] = measure(&folder.path().join("lake"), 520, 3, &progress).await.unwrap();
        assert!(early.entries >= EARLY + TIMED && late.entries >= 520, "{early:?} {late:?}");
        assert!(late.files < 200, "care was given: {late:?}");
        assert!(late.opened < Duration::MAX && early.acks.count() == late.acks.count());
        assert_eq!(progress.position(), 520);
    }
}
