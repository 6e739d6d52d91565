//! The engine: begins statements, each over one snapshot, and runs SQL in them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, Expr, SQLOptions, SessionConfig, SessionContext, ident};
use dinh_lake::Lake;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::ledger::Snapshot;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::info;

use super::catalogue_tables::{Tables, tables};
use super::cell::KnownTexts;
use super::cooperate::CooperativeJoins;
use super::fact_table::{FactTable, Facts, Rules};
use super::failure::{from_datafusion, invalid};
use super::limits::SqlLimits;
use super::rows::{Rows, Run, out_of_time};
use super::store::LedgerOnly;
use crate::access::{Access, sha256_hex};
use crate::error::{ErrorKind, QueryError, Text};

/// Consumers named in the log when memory runs out.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

/// Runs statements over a lake.
pub struct Engine {
    lake: Arc<Lake>,
    limits: SqlLimits,
    /// What every session starts from: functions, rules, settings, memory and disk.
    base: SessionState,
    /// The same without physical rules, for the scans inside the tables.
    scans: Arc<SessionState>,
    /// What was made of the catalogue, with its version.
    of_catalogue: Mutex<Option<(u64, Arc<OfCatalogue>)>>,
    turns: Arc<Semaphore>,
}

/// What is made of a catalogue once.
struct OfCatalogue {
    tables: Tables,
    texts: Arc<KnownTexts>,
}

impl Engine {
    /// An engine over a lake.
    ///
    /// # Errors
    /// When the folder to spill to cannot be used.
    pub fn new(lake: Arc<Lake>, limits: SqlLimits) -> Result<Self, QueryError> {
        let runtime = runtime(&lake, &limits)
            .map_err(|error| QueryError::internal("starting the SQL engine", &error))?;
        let base = SessionStateBuilder::new()
            .with_config(config(&limits))
            .with_runtime_env(runtime)
            .with_default_features()
            .with_physical_optimizer_rule(Arc::new(CooperativeJoins))
            .build();
        let base = without_foreign_ways(base);
        let scans = SessionStateBuilder::new_from_existing(base.clone())
            .with_physical_optimizer_rules(Vec::new())
            .build();
        let scans = Arc::new(scans);
        let turns = Arc::new(Semaphore::new(limits.running_max));
        Ok(Self { lake, limits, base, scans, of_catalogue: Mutex::new(None), turns })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// Begins a statement: takes the snapshot that all of it will see.
    ///
    /// # Errors
    /// Only when the hub is at fault.
    pub fn begin(&self, access: &Access) -> Result<Statement, QueryError> {
        let snapshot = self.lake.ledger().snapshot();
        let catalogue = self.lake.catalogue();
        let session = self.session(&snapshot, &catalogue, access);
        let session = session.map_err(|error| from_datafusion(&error))?;
        let access = access.clone();
        Ok(Statement { session, catalogue, access, position: snapshot.position })
    }

    /// Runs one SQL statement.
    ///
    /// # Errors
    /// When it is not one statement that reads, or it fails, or a limit is reached.
    pub async fn run(&self, sql: &str, access: &Access) -> Result<Rows, QueryError> {
        if sql.len() > self.limits.statement_bytes_max {
            return Err(invalid(&format!(
                "it is longer than {} bytes",
                self.limits.statement_bytes_max
            )));
        }
        let turn = timeout(self.limits.wait_max, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy()) };
        let deadline = Instant::now() + self.limits.time_max;
        let statement = self.begin(access)?;
        let principal = access.principal.as_deref();
        let digest = sha256_hex(sql.as_bytes());
        info!(principal, sql = &digest[..16], position = statement.position, "statement begins");
        let stream = timeout_at(deadline, statement.stream(sql)).await;
        let stream = stream.map_err(|_| out_of_time())?.map_err(|error| from_datafusion(&error))?;
        let catalogue_version = statement.catalogue.version;
        let run = Run { position: statement.position, catalogue_version, deadline, turn };
        Ok(Rows::start(stream, run, &self.limits))
    }

    fn session(
        &self,
        snapshot: &Arc<Snapshot>,
        catalogue: &Arc<Catalogue>,
        access: &Access,
    ) -> Result<SessionContext, DataFusionError> {
        let schema = MemorySchemaProvider::new();
        let made = self.of_catalogue(catalogue)?;
        let texts = Arc::clone(&made.texts);
        let rules = Arc::new(Rules::new(Arc::clone(catalogue), texts, access.clone()));
        for facts in Facts::ALL {
            let table = FactTable::new(
                facts,
                Arc::clone(snapshot),
                Arc::clone(&rules),
                Arc::clone(&self.scans),
            )?;
            schema.register_table(facts.name().to_owned(), Arc::new(table))?;
        }
        for (name, table) in &made.tables {
            schema.register_table((*name).to_owned(), Arc::clone(table))?;
        }
        let dinh = MemoryCatalogProvider::new();
        dinh.register_schema(SCHEMA, Arc::new(schema))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(dinh));
        let state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(Arc::new(catalogs))
            .build();
        Ok(SessionContext::new_with_state(state))
    }

    fn of_catalogue(&self, catalogue: &Catalogue) -> Result<Arc<OfCatalogue>, DataFusionError> {
        let mut kept = self.of_catalogue.lock().expect("nothing panics while it is held");
        match kept.as_ref().filter(|(version, _)| *version == catalogue.version) {
            Some((_, made)) => Ok(Arc::clone(made)),
            None => {
                let texts = Arc::new(KnownTexts::of(catalogue));
                let made = Arc::new(OfCatalogue { tables: tables(catalogue)?, texts });
                *kept = Some((catalogue.version, Arc::clone(&made)));
                Ok(made)
            }
        }
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("limits", &self.limits).finish_non_exhaustive()
    }
}

const CATALOG: &str = "dinh";
const SCHEMA: &str = "public";

fn runtime(lake: &Lake, limits: &SqlLimits) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let mode = match &limits.spill_dir {
        Some(folder) => DiskManagerMode::Directories(vec![folder.clone()]),
        None => DiskManagerMode::OsTmpDirectory,
    };
    let disk = DiskManagerBuilder::default()
        .with_mode(mode)
        .with_max_temp_directory_size(limits.spill_bytes_max);
    let memory =
        TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes_max), CONSUMERS_NAMED);
    let store = lake.ledger().object_store();
    RuntimeEnvBuilder::new()
        .with_disk_manager_builder(disk)
        .with_memory_pool(Arc::new(memory))
        .with_metadata_cache_limit(limits.metadata_bytes_max)
        .with_object_store_registry(Arc::new(LedgerOnly::new(store)))
        .build_arc()
}

fn config(limits: &SqlLimits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_default_catalog_and_schema(CATALOG, SCHEMA)
        .with_create_default_catalog_and_schema(false)
        .with_information_schema(true);
    if let Some(partitions) = limits.partitions {
        config = config.with_target_partitions(partitions);
    }
    let options = config.options_mut();
    // `93.86` is a decimal in a statement, as it is in the ledger.
    options.sql_parser.parse_float_as_decimal = true;
    // A recursion has no bound but the clock.
    options.execution.enable_recursive_ctes = false;
    config
}

/// Takes away what could read or write anything but the tables: file formats, table factories, and table functions such as
/// `generate_series`, which make rows out of nothing.
fn without_foreign_ways(base: SessionState) -> SessionState {
    let mut builder = SessionStateBuilder::new_from_existing(base)
        .with_table_functions(std::collections::HashMap::new())
        .with_table_factories(std::collections::HashMap::new());
    if let Some(formats) = builder.file_formats() {
        formats.clear();
    }
    builder.build()
}

fn busy() -> QueryError {
    let message = Text::new(
        "máy chủ đang bận; hãy thử lại sau giây lát",
        "the hub is busy; try again in a moment",
    );
    QueryError::new(ErrorKind::Busy, "busy", message)
}

/// One statement: a session over one snapshot of ledger and catalogue.
pub struct Statement {
    session: SessionContext,
    catalogue: Arc<Catalogue>,
    access: Access,
    position: u64,
}

impl Statement {
    /// What it may read.
    #[must_use]
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The catalogue of the snapshot.
    #[must_use]
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The ledger position of the snapshot.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Some columns of the rows of a table for which a filter holds.
    ///
    /// # Errors
    /// When the ledger cannot be read.
    pub async fn select(
        &self,
        table: &str,
        columns: &[&str],
        filter: Expr,
    ) -> Result<Vec<RecordBatch>, QueryError> {
        let rows = async {
            let rows: DataFrame = self.session.table(table).await?;
            let columns = columns.iter().map(|column| ident(*column)).collect::<Vec<_>>();
            rows.filter(filter)?.select(columns)?.collect().await
        };
        rows.await.map_err(|error| from_datafusion(&error))
    }

    /// Parses and plans one statement that reads, and starts it.
    async fn stream(
        &self,
        sql: &str,
    ) -> Result<datafusion::execution::SendableRecordBatchStream, DataFusionError> {
        let plan = self.read_only(sql).await?;
        let state = self.session.state();
        let plan = state.create_physical_plan(&plan).await?;
        execute_stream(plan, self.session.task_ctx())
    }

    async fn read_only(&self, sql: &str) -> Result<LogicalPlan, DataFusionError> {
        let plan = self.session.state().create_logical_plan(sql).await?;
        SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false)
            .verify_plan(&plan)?;
        Ok(plan)
    }
}

impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Statement at {}", self.position)
    }
}
