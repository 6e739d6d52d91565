//! The present state: of every series its newest figure and the one before, in memory, for rules that hold a new figure
//! against them.
//!
//! ```text
//! open ──> fill: all files, newest first ──> follow: each entry that the ledger publishes
//!            silent                            ready, at a position
//! ```
//!
//! A series is (feed, indicator, unit, stage, length of period); figures of different lengths are never held against each
//! other. Only indicators that have such a rule are kept. So the size depends on the catalogue and not on history.
//!
//! Invariants:
//! - *Nobody waits*: until it is filled, and while a large entry is taken in, there is no [`View`], and rules are silent.
//!   An ack never depends on it, nor does opening.
//! - *One position*: a view has all entries up to its position and nothing of later ones.
//! - *Any order*: of one period the newest `recorded_at` counts, whatever order rows are taken in; a withdrawn figure keeps
//!   its place, so that what came before it is still known.
//! - *Bounded*: past [`BYTES_MAX`] no new series is taken in, and rules are silent on it.
//!
//! # Decisions
//! - Two figures are kept of a series. Where both are withdrawn, or a row is older than both, rules are silent: they warn,
//!   so what they miss costs less than what they say wrongly.

mod follow;
mod series;

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, TimestampMicrosecondType};
use tokio::sync::watch;

use crate::catalogue::Catalogue;
use crate::decimal::Decimal;
use crate::intern::{Interner, Seed};
use crate::ledger::Snapshot;
use crate::observation::{Qualifier, Stage, Status};

pub use series::{Figure, Length, Series};

/// Bytes that the present state takes at most.
pub const BYTES_MAX: usize = 64 << 20;
/// Bytes that a series takes at most: while the map of all grows there are two, the new one half empty.
const SERIES_BYTES: usize = 288;
/// Rows of an entry that are taken in under one lock: a few milliseconds.
const ROWS_AT_ONCE: u64 = 20_000;

/// The columns of an observation that matter.
pub(crate) const COLUMNS: [&str; 11] = [
    "kind",
    "feed",
    "indicator",
    "unit",
    "stage",
    "period_start",
    "period_end",
    "value",
    "qualifier",
    "status",
    "recorded_at",
];

/// What names a series, by numbers of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    feed: u32,
    indicator: u32,
    unit: u32,
    stage: u8,
    length: u8,
}

/// The present state of a ledger.
#[derive(Debug)]
pub struct Present {
    state: RwLock<State>,
    /// The position of the newest view; none while there is none.
    position: watch::Sender<Option<u64>>,
}

#[derive(Debug, Default)]
struct State {
    /// The entries that are taken in.
    position: u64,
    is_ready: bool,
    /// Indicators that are kept.
    wanted: BTreeSet<String>,
    feeds: Interner,
    indicators: Interner,
    /// Whether an indicator is kept, by its number.
    is_wanted: Vec<bool>,
    units: Interner,
    series: HashMap<Key, Series, Seed>,
    /// The newest day that any unit has a figure for, by feed, indicator, stage and length.
    newest: HashMap<Key, i32, Seed>,
    is_full: bool,
}

impl Default for Present {
    fn default() -> Self {
        Self { state: RwLock::default(), position: watch::Sender::new(None) }
    }
}

impl Present {
    /// The state at one position; none until it is filled. Hold it briefly, and across no await.
    #[must_use]
    pub fn view(&self) -> Option<View<'_>> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        state.is_ready.then_some(View { state })
    }

    /// Takes in what a snapshot has beyond the present view, if that is little and nobody is in the way. The task that
    /// follows the ledger does it too; so whoever pushes right after an answer is held against what was answered.
    pub fn catch_up(&self, snapshot: &Snapshot) {
        const ROWS_MAX: u64 = 2_048;
        let Ok(mut state) = self.state.try_write() else { return };
        let pending = || follow::pending(snapshot, state.position);
        let rows: u64 = pending().map(|file| file.stats.num_records).sum();
        if !state.is_ready || rows > ROWS_MAX || pending().any(|file| file.hot.is_none()) {
            return;
        }
        let batches: Vec<_> = pending().flat_map(|file| file.observations()).collect();
        for batch in batches {
            state.take_in(batch);
        }
        state.position = state.position.max(snapshot.position);
        let position = state.position;
        drop(state);
        self.announce(Some(position));
    }

    /// Waits until a view has an entry.
    pub async fn reached(&self, position: u64) {
        let mut reached = self.position.subscribe();
        // The sender is part of `self`, so it is not gone.
        let _ = reached.wait_for(|now| now.is_some_and(|now| now >= position)).await;
    }

    fn announce(&self, position: Option<u64>) {
        self.position.send_if_modified(|now| std::mem::replace(now, position) != position);
    }
}

/// The indicators whose figures some rule needs.
pub(crate) fn wanted(catalogue: &Catalogue) -> BTreeSet<String> {
    let ruled = catalogue.indicators.values().filter(|indicator| indicator.needs_state());
    ruled
        .flat_map(|indicator| [Some(&indicator.indicator), indicator.rules.added.as_ref()])
        .flatten()
        .cloned()
        .collect()
}

impl State {
    fn new(wanted: BTreeSet<String>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes in observations.
    fn take_in(&mut self, batch: &RecordBatch) {
        let text = |name: &str| batch[name].as_string::<i32>();
        let (feeds, indicators, units) = (text("feed"), text("indicator"), text("unit"));
        let (stages, qualifiers, statuses) = (text("stage"), text("qualifier"), text("status"));
        let starts = batch["period_start"].as_primitive::<Date32Type>();
        let ends = batch["period_end"].as_primitive::<Date32Type>();
        let values = batch["value"].as_primitive::<Decimal128Type>();
        let stamps = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
        let (mut feed, mut indicator) = (Last::default(), Last::default());
        for row in 0..batch.num_rows() {
            let indicator = indicator.number(indicators.value(row), |code| self.indicator(code));
            if !self.is_wanted[indicator as usize] {
                continue;
            }
            let Some(stage) = Stage::from_code(stages.value(row)) else { continue };
            let value = values.is_valid(row).then(|| Decimal::from_unscaled(values.value(row)));
            let figure = Figure {
                start: starts.value(row),
                end: ends.value(row),
                value: value.flatten().unwrap_or_default(),
                recorded_at: stamps.value(row),
                is_withdrawn: statuses.value(row) == Status::Withdrawn.code(),
                is_exact: qualifiers.value(row) == Qualifier::Exact.code(),
            };
            let feed = feed.number(feeds.value(row), |feed| self.feeds.number(feed));
            let unit = self.units.number(units.value(row));
            let (stage, length) = (stage as u8, Length::of(figure.start, figure.end) as u8);
            self.put(Key { feed, indicator, unit, stage, length }, figure);
        }
    }

    fn put(&mut self, key: Key, figure: Figure) {
        if let Some(series) = self.series.get_mut(&key) {
            series.take_in(figure);
        } else if self.has_room() {
            self.series.insert(key, Series::new(figure));
        } else {
            return;
        }
        let newest = self.newest.entry(Key { unit: 0, ..key }).or_insert(i32::MIN);
        *newest = figure.end.max(*newest);
    }

    fn has_room(&mut self) -> bool {
        let texts = self.feeds.bytes() + self.indicators.bytes() + self.units.bytes();
        let bytes = texts + (self.series.len() + self.newest.len()) * SERIES_BYTES;
        if bytes + SERIES_BYTES > BYTES_MAX && !std::mem::replace(&mut self.is_full, true) {
            let series = self.series.len();
            tracing::warn!(series, "the present state is full: rules are silent on further series");
        }
        !self.is_full
    }

    fn indicator(&mut self, code: &str) -> u32 {
        let number = self.indicators.number(code);
        if self.is_wanted.len() <= number as usize {
            self.is_wanted.push(self.wanted.contains(code));
        }
        number
    }
}

/// The number of the text before, which is the likeliest one.
#[derive(Default)]
struct Last<'t>(Option<(&'t str, u32)>);

impl<'t> Last<'t> {
    fn number(&mut self, text: &'t str, find: impl FnOnce(&str) -> u32) -> u32 {
        match self.0 {
            Some((last, number)) if last == text => number,
            _ => {
                let number = find(text);
                self.0 = Some((text, number));
                number
            }
        }
    }
}

/// The present state at one position.
#[derive(Debug)]
pub struct View<'p> {
    state: RwLockReadGuard<'p, State>,
}

/// The series of one feed, indicator, stage and length: what is left to say is the unit.
#[derive(Clone, Copy, Debug)]
pub struct SeriesOf(Key);

impl View<'_> {
    /// The newest entry that it includes.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.state.position
    }

    /// The series of all units of a feed, indicator, stage and length of period, if there are any.
    #[must_use]
    pub fn series(
        &self,
        feed: &str,
        indicator: &str,
        stage: Stage,
        length: Length,
    ) -> Option<SeriesOf> {
        let (feed, indicator) =
            (self.state.feeds.find(feed)?, self.state.indicators.find(indicator)?);
        let key = Key { feed, indicator, unit: 0, stage: stage as u8, length: length as u8 };
        self.state.newest.contains_key(&key).then_some(SeriesOf(key))
    }

    /// Whether all series of an indicator are known, so that one which is not there has no figure.
    #[must_use]
    pub fn has_all(&self, indicator: &str) -> bool {
        !self.state.is_full && self.state.wanted.contains(indicator)
    }

    /// The newest day that any unit has a figure for.
    #[must_use]
    pub fn newest(&self, of: SeriesOf) -> i32 {
        self.state.newest.get(&of.0).copied().unwrap_or(i32::MIN)
    }

    /// The number of a unit, to be used with [`Self::of_unit`].
    #[must_use]
    pub fn unit(&self, unit: &str) -> Option<u32> {
        self.state.units.find(unit)
    }

    /// The series of a unit.
    #[must_use]
    pub fn of_unit(&self, of: SeriesOf, unit: u32) -> Option<&Series> {
        self.state.series.get(&Key { unit, ..of.0 })
    }
}

#[cfg(test)]
mod tests;
