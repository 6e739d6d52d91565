//! What the answers about one indicator are made of.

use dinh_lake::catalogue::Catalogue;
use dinh_lake::indicator::Indicator;

use super::cell::Cell;
use super::outline::Seen;
use super::scope::Sources;

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
    /// The indicator's current cells at the stage of the answer (a series: at all), of one feed each.
    pub cells: Vec<Cell>,
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
}
