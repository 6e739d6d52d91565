//! What the answers about one indicator are made of.

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;
use dinh_lake::unit::Units;

use super::cell::{Cell, Span};
use super::outline::Seen;
use super::scope::Sources;
use super::structure::Structure;
use super::together::{Together, TogetherRow};
use super::windows::Window;

/// One indicator's figures in one snapshot of the ledger.
#[derive(Clone, Debug)]
pub struct Figures<'a> {
    /// The catalogue of the answer.
    pub catalogue: &'a Catalogue,
    /// When the answer was known.
    pub seen: Seen,
    /// The indicator.
    pub indicator: &'a Indicator,
    /// Where figures may come from.
    pub sources: Sources<'a>,
    /// The structure that the cells are shown on.
    pub structure: Structure<'a>,
    /// The periods that cells were read of.
    pub window: Window,
    /// The indicator's current cells at the stage of the answer (a series: at all), of one feed each, on the structure; of
    /// all periods of the window.
    pub cells: Vec<Cell>,
    /// The same cells as they were reported, where the structure is another; else empty.
    pub as_reported: Vec<Cell>,
    /// Figures that hold for several units of the structure together.
    pub together: Vec<Together>,
    /// The current cells of the indicators that report this one's ranks; for rankings only.
    pub reported_ranks: Vec<Cell>,
    /// The indicator's current cells at the stage `target`; for distances only.
    pub targets: Vec<Cell>,
    /// The same figures as they were known at an earlier moment; for movement against it only.
    pub against: Option<Box<Figures<'a>>>,
}

impl<'a> Figures<'a> {
    /// The same figures with more cells.
    #[must_use]
    pub fn with_cells(&self, more: Vec<Cell>) -> Self {
        let mut with = self.clone();
        with.cells.extend(more);
        with
    }

    /// The cells as they were reported.
    #[must_use]
    pub fn reported(&self) -> &[Cell] {
        if self.structure.rebases() { &self.as_reported } else { &self.cells }
    }

    /// The units that the cells are shown on.
    #[must_use]
    pub fn units(&self) -> &'a Units {
        self.structure.units
    }

    /// The day on which the units of a period's cells are looked up.
    #[must_use]
    pub fn day(&self, span: Span) -> NaiveDate {
        self.structure.day(span)
    }

    /// The figures of a period that hold for several units together.
    #[must_use]
    pub fn together_in(&self, span: Span) -> Vec<TogetherRow> {
        let of_span = self.together.iter().filter(|together| together.span == span);
        of_span.map(|together| together.row(&self.structure, &self.catalogue.units)).collect()
    }

    /// The same figures with those of the window before.
    #[must_use]
    pub fn and_earlier(mut self, earlier: Self) -> Self {
        self.cells.extend(earlier.cells);
        self.as_reported.extend(earlier.as_reported);
        self.together.extend(earlier.together);
        self.window.from = earlier.window.from;
        self
    }
}
