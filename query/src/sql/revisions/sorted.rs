//! Sorted files, read in the order of cells: of each only the pages of a range, and of them only the columns that are asked
//! for, texts of the key as the dictionaries that they are stored as.
//!
//! # Decisions
//! - They are read without DataFusion's scan, which makes texts of dictionaries, filters by kind and feed row by row, and
//!   copies what it keeps. Its cache of footers serves both.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelector,
};
use parquet::arrow::async_reader::{
    AsyncFileReader, ParquetRecordBatchStream, ParquetRecordBatchStreamBuilder,
};
use parquet::file::metadata::PageIndexPolicy;

use super::super::cell::{CELL_ORDER, Cells};
use super::super::ledger_table::FOOTER_BYTES;
use super::keyed::{Asked, Keyed, RECORDED_AT, Reader, STATUS};
use super::pages::{Page, Pruning, pages};
use super::ranges::Range;

/// The columns that are stored as dictionaries of few texts.
const DICTIONARIES: [&str; 5] = ["indicator", "unit", "stage", "feed", STATUS];
/// Rows of a batch.
pub(super) const BATCH_ROWS: usize = 8_192;
/// Footers that are read at once.
const OPENED_AT_ONCE: usize = 16;

type FileReader = Box<dyn AsyncFileReader>;

/// The sorted files of a scan.
#[derive(Debug)]
pub(super) struct SortedFiles {
    pub(super) files: Vec<PartitionedFile>,
    pub(super) readers: Arc<dyn ParquetFileReaderFactory>,
    pub(super) pruning: Option<Pruning>,
    pub(super) asked: Arc<Asked>,
}

/// One of them, opened.
pub(super) struct SortedFile {
    files: Arc<SortedFiles>,
    index: usize,
    metadata: ArrowReaderMetadata,
    pub(super) pages: Vec<Page>,
}

impl SortedFiles {
    /// Reads the footers.
    ///
    /// # Errors
    /// When a file cannot be read.
    pub(super) async fn open(
        self: &Arc<Self>,
        cells: &Arc<Cells>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Vec<SortedFile>> {
        let open = |index| SortedFile::open(Arc::clone(self), index, cells, metrics);
        let opened = stream::iter(0..self.files.len()).map(open).buffered(OPENED_AT_ONCE);
        opened.try_filter(|file| std::future::ready(!file.pages.is_empty())).try_collect().await
    }

    fn reader(&self, index: usize, metrics: &ExecutionPlanMetricsSet) -> Result<FileReader> {
        let file = self.files[index].clone();
        Ok(self.readers.create_reader(index, file, Some(FOOTER_BYTES), metrics)?)
    }
}

impl SortedFile {
    async fn open(
        files: Arc<SortedFiles>,
        index: usize,
        cells: &Arc<Cells>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Self> {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let footer = files.reader(index, metrics)?.get_metadata(Some(&options)).await?;
        let metadata = ArrowReaderMetadata::try_new(Arc::clone(&footer), options.clone())?;
        let pages = pages(&metadata, files.pruning.as_ref(), cells)?;
        let options = options.with_schema(with_dictionaries(metadata.schema()));
        let metadata = ArrowReaderMetadata::try_new(footer, options)?;
        Ok(Self { files, index, metadata, pages })
    }

    /// The revisions of a range; none if no page has any.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn revisions(
        &self,
        range: Range,
        cells: &Arc<Cells>,
        metrics: &ExecutionPlanMetricsSet,
    ) -> Result<Option<BoxStream<'static, Result<Keyed>>>> {
        let pages = self.pages.iter();
        let pages: Vec<_> =
            pages.filter(|page| range.may_hold(page.low, page.high, cells)).collect();
        if pages.is_empty() {
            return Ok(None);
        }
        let (groups, selection) = self.selection(&pages);
        let asked = &self.files.asked;
        let output = asked.columns.fields().iter().map(|field| field.name().as_str());
        let names: HashSet<&str> =
            CELL_ORDER.into_iter().chain([RECORDED_AT, STATUS]).chain(output).collect();
        let roots = self.metadata.schema().fields().iter().enumerate();
        let roots = roots.filter(|(_, field)| names.contains(field.name().as_str()));
        let roots = roots.map(|(index, _)| index);
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), roots);
        let reader = self.files.reader(self.index, metrics)?;
        let builder =
            ParquetRecordBatchStreamBuilder::new_with_metadata(reader, self.metadata.clone())
                .with_projection(mask)
                .with_row_groups(groups)
                .with_row_selection(selection)
                .with_batch_size(BATCH_ROWS);
        let reading = Reading {
            rows: builder.build()?,
            reader: Reader::new(Arc::clone(asked), Arc::clone(cells)),
            cells: Arc::clone(cells),
            range,
            left: pages.iter().map(|page| (page.rows, page.is_filtered)).collect(),
        };
        let revisions = stream::try_unfold(reading, |mut reading| async {
            let next = reading.next().await;
            next.map(|next| next.map(|rows| (rows, reading)))
        });
        Ok(Some(revisions.boxed()))
    }

    /// The row groups of some pages, and their rows in these.
    fn selection(&self, pages: &[&Page]) -> (Vec<usize>, RowSelection) {
        let (mut groups, mut rows) = (Vec::new(), Vec::new());
        for of_group in pages.chunk_by(|a, b| a.group == b.group) {
            let group = of_group[0].group;
            let mut next = 0;
            for page in of_group {
                rows.push(RowSelector::skip(page.start - next));
                rows.push(RowSelector::select(page.rows));
                next = page.start + page.rows;
            }
            let all = self.metadata.metadata().row_group(group).num_rows();
            rows.push(RowSelector::skip(usize::try_from(all).unwrap_or(next).saturating_sub(next)));
            groups.push(group);
        }
        // Selectors of no rows are left out, and like neighbours joined.
        (groups, rows.into())
    }
}

/// Rows on their way out of a file.
struct Reading {
    rows: ParquetRecordBatchStream<FileReader>,
    reader: Reader,
    cells: Arc<Cells>,
    range: Range,
    /// Of the rows that are left: how many come next, and whether they are to be filtered.
    left: VecDeque<(usize, bool)>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Keyed>> {
        while let Some(batch) = self.rows.try_next().await? {
            let is_filtered = self.is_filtered(batch.num_rows());
            let rows = self.reader.read(&batch, is_filtered)?;
            self.reader.check_order(&rows)?;
            let own = self.range.of(&rows.keys, |key| *key, &self.cells);
            if !own.is_empty() {
                return Ok(Some(rows.slice(own.start, own.end)));
            }
        }
        Ok(None)
    }

    /// Whether one of the next rows is to be filtered; they are not among those left any more.
    fn is_filtered(&mut self, rows: usize) -> bool {
        let (mut rows, mut is_filtered) = (rows, false);
        while rows > 0 {
            let Some((left, filtered)) = self.left.front_mut() else { return true };
            is_filtered |= *filtered;
            let taken = rows.min(*left);
            (rows, *left) = (rows - taken, *left - taken);
            if *left == 0 {
                self.left.pop_front();
            }
        }
        is_filtered
    }
}

impl fmt::Debug for SortedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SortedFile of {} pages", self.pages.len())
    }
}

/// The schema of a file, with texts of few kinds as dictionaries.
fn with_dictionaries(schema: &SchemaRef) -> SchemaRef {
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let field = |field: &Arc<Field>| {
        let is_text = *field.data_type() == DataType::Utf8;
        if is_text && DICTIONARIES.contains(&field.name().as_str()) {
            return Arc::new(field.as_ref().clone().with_data_type(kind.clone()));
        }
        Arc::clone(field)
    };
    Arc::new(Schema::new(schema.fields().iter().map(field).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests;
