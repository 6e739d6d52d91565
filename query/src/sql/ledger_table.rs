//! The ledger at one position as a table: cold files through DataFusion's own Parquet scan, hot files from memory.
//!
//! Files are left out by their kinds and bounds before they are opened; inside a file the Parquet scan leaves out row
//! groups and pages. Filters are inexact here: the plan above applies them to every row.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringArray,
    UInt64Array,
};
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use chrono::{DateTime, NaiveDate};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, Statistics, project_schema};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::{DataSourceExec, MemorySourceConfig};
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::{ident, lit};
use dinh_lake::ledger::{DataFile, OBSERVATION, ledger_schema};
use object_store::ObjectMeta;
use object_store::path::Path;

use super::naming::named;
use super::store::ledger_url;
use super::view::View;

/// One read gets the footer of all but the widest files.
pub(super) const FOOTER_BYTES: usize = 512 << 10;

/// Which files of the ledger a scan reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// All of them.
    Any,
    /// Those whose rows are observations in the order of cells.
    Cells,
    /// The others.
    None,
}

/// A scan of some files, if there are any.
type Input = Option<Arc<dyn ExecutionPlan>>;

/// The ledger's rows of every kind, in one view; some of them may be later than its moment.
pub(super) struct LedgerTable {
    view: View,
    order: Order,
}

impl LedgerTable {
    pub(super) fn new(view: View, order: Order) -> Self {
        Self { view, order }
    }

    /// The files that may hold a row for which all of the filters hold, for a scan of one's own.
    pub(super) fn files(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<PartitionedFile>> {
        Ok(self.matching(session, filters)?.iter().map(|file| partitioned(file)).collect())
    }

    /// A scan of some columns of their observations; it may give rows for which a filter on keys does not hold.
    pub(super) fn observations(
        &self,
        session: &dyn Session,
        mut columns: Vec<usize>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let ledger = ledger_schema();
        columns.push(ledger.index_of("kind")?);
        let of_kind = ident("kind").eq(lit(OBSERVATION));
        let filters: Vec<_> = std::iter::once(of_kind).chain(filters.iter().cloned()).collect();
        let (hot, cold) = self.inputs(session, Some(&columns), &filters)?;
        let mut inputs = Vec::from_iter(hot);
        if let Some(cold) = cold {
            // A fresh file has rows of all kinds.
            let filter = conjunction(filters).expect("there is one at least");
            let schema = DFSchema::try_from(cold.schema())?;
            let filter = session.create_physical_expr(filter, &schema)?;
            inputs.push(Arc::new(FilterExec::try_new(filter, cold)?));
        }
        union(inputs, Some(&columns))
    }

    fn plan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let (hot, cold) = self.inputs(session, projection, filters)?;
        union(cold.into_iter().chain(hot).collect(), projection)
    }

    /// Scans of the files in memory and of the others.
    fn inputs(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> Result<(Input, Input)> {
        let files = self.matching(session, filters)?;
        let kinds = named("kind", filters);
        let (hot, cold): (Vec<_>, Vec<_>) = files.into_iter().partition(|f| f.hot.is_some());
        let hot: Vec<_> = hot.iter().flat_map(|file| batches(file, kinds.as_ref())).collect();
        let hot = (!hot.is_empty()).then(|| scan_hot(session, hot, projection)).transpose()?;
        let cold = (!cold.is_empty()).then(|| scan_cold(session, &cold, projection)).transpose()?;
        Ok((hot, cold))
    }

    /// The files that may hold a row for which all of the filters hold.
    pub(super) fn matching(
        &self,
        session: &dyn Session,
        filters: &[Expr],
    ) -> Result<Vec<Arc<DataFile>>> {
        let wanted = |file: &&Arc<DataFile>| match self.order {
            Order::Any => true,
            Order::Cells => is_in_order(file),
            Order::None => !is_in_order(file),
        };
        let files: Vec<_> = self.view.snapshot.files.iter().filter(wanted).cloned().collect();
        let filters = filters.iter().cloned().chain(self.view.filter_of_files());
        let Some(filter) = conjunction(filters) else { return Ok(files) };
        let schema = ledger_schema();
        let columns = DFSchema::try_from(Arc::clone(&schema))?;
        let filter = session.create_physical_expr(filter, &columns)?;
        let predicate =
            PruningPredicateBuilder::new().with_file_schema(schema).try_build(filter)?;
        let keep = predicate.prune(&Bounds { files: &files })?;
        let kept = files.into_iter().zip(keep).filter(|(_, keep)| *keep);
        Ok(kept.map(|(file, _)| file).collect())
    }
}

fn union(
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    if inputs.is_empty() {
        return Ok(Arc::new(EmptyExec::new(project_schema(&ledger_schema(), projection)?)));
    }
    UnionExec::try_new(inputs)
}

/// What reads files of the ledger, with the footers that it remembers.
pub(super) fn reader_factory(session: &dyn Session) -> Result<Arc<dyn ParquetFileReaderFactory>> {
    let runtime = session.runtime_env();
    Ok(Arc::new(CachedParquetFileReaderFactory::new(
        runtime.object_store(ledger_url())?,
        runtime.cache_manager.get_file_metadata_cache(),
    )))
}

fn scan_cold(
    session: &dyn Session,
    files: &[Arc<DataFile>],
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let options = session.table_options().parquet.clone();
    let source = ParquetSource::new(ledger_schema())
        .with_table_parquet_options(options)
        .with_metadata_size_hint(FOOTER_BYTES)
        .with_parquet_file_reader_factory(reader_factory(session)?);
    let rows: u64 = files.iter().map(|file| file.stats.num_records).sum();
    let mut statistics = Statistics::new_unknown(&ledger_schema());
    statistics.num_rows = Precision::Inexact(usize::try_from(rows).unwrap_or(usize::MAX));
    let group = FileGroup::new(files.iter().map(|file| partitioned(file)).collect());
    let config = FileScanConfigBuilder::new(ledger_url(), Arc::new(source))
        .with_file_groups(group.split_files(session.config().target_partitions()))
        .with_statistics(statistics)
        .with_projection_indices(projection.cloned())?
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// Whether the rows of a file are observations in the order of cells.
fn is_in_order(file: &DataFile) -> bool {
    file.hot.is_none() && file.is_sorted() && file.stats.may_hold(OBSERVATION)
}

/// A hot file's batches of some kinds, each batch being of one kind.
fn batches<'a>(
    file: &'a DataFile,
    kinds: Option<&'a BTreeSet<String>>,
) -> impl Iterator<Item = RecordBatch> + 'a {
    let wanted = move |batch: &&RecordBatch| {
        let kind = batch.column(0).as_string_opt::<i32>().filter(|kind| kind.len() > 0);
        kinds.is_none_or(|kinds| kind.is_some_and(|kind| kinds.contains(kind.value(0))))
    };
    let all = file.hot.as_ref().map_or(&[][..], |batches| batches);
    all.iter().filter(wanted).cloned()
}

fn scan_hot(
    session: &dyn Session,
    batches: Vec<RecordBatch>,
    projection: Option<&Vec<usize>>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let count = session.config().target_partitions().min(batches.len()).max(1);
    let mut partitions = vec![Vec::new(); count];
    for (index, batch) in batches.into_iter().enumerate() {
        partitions[index % count].push(batch);
    }
    Ok(MemorySourceConfig::try_new_exec(&partitions, ledger_schema(), projection.cloned())?)
}

/// A file with the size and time that the footer cache knows it by.
fn partitioned(file: &DataFile) -> PartitionedFile {
    PartitionedFile::from(ObjectMeta {
        location: Path::from(file.path.as_str()),
        last_modified: DateTime::from_timestamp_millis(file.modified_ms).unwrap_or_default(),
        size: file.size,
        e_tag: None,
        version: None,
    })
}

impl fmt::Debug for LedgerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerTable at {}", self.view.position())
    }
}

#[async_trait]
impl TableProvider for LedgerTable {
    fn schema(&self) -> SchemaRef {
        ledger_schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.plan(session, projection, filters)
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }
}

/// A day as days since 1970.
pub(super) fn days(day: NaiveDate) -> i32 {
    let days = day.signed_duration_since(NaiveDate::default()).num_days();
    i32::try_from(days).expect("chrono's days are fewer")
}

/// What the log knows of files, in the form that DataFusion prunes by.
struct Bounds<'a> {
    files: &'a [Arc<DataFile>],
}

impl Bounds<'_> {
    fn bound(
        &self,
        column: &Column,
        of: fn(&DataFile) -> &dinh_lake::ledger::Bounds,
    ) -> Option<ArrayRef> {
        let ends = || self.files.iter().map(|file| of(file));
        let day = |day: Option<NaiveDate>| day.map(days);
        match column.name.as_str() {
            "kind" => Some(Arc::new(ends().map(|b| Some(&b.kind)).collect::<StringArray>())),
            "position" => {
                let positions = ends().map(|b| i64::try_from(b.position).ok());
                Some(Arc::new(positions.collect::<Int64Array>()))
            }
            "period_start" => {
                Some(Arc::new(ends().map(|b| day(b.period_start)).collect::<Date32Array>()))
            }
            "period_end" => {
                Some(Arc::new(ends().map(|b| day(b.period_end)).collect::<Date32Array>()))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |file| &file.stats.min_values)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bound(column, |file| &file.stats.max_values)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let nulls = |file: &Arc<DataFile>| file.stats.null_count.get(&column.name).copied();
        Some(Arc::new(self.files.iter().map(nulls).collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.files.iter().map(|file| Some(file.stats.num_records));
        Some(Arc::new(rows.collect::<UInt64Array>()))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
