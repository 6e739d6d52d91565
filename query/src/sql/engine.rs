//! The engine: begins statements, each over one snapshot, and runs SQL in them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList,
    MemorySchemaProvider, SchemaProvider,
};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::RelationPlanner;
use datafusion::prelude::{SessionConfig, SessionContext};
use dinh_lake::Lake;
use dinh_lake::catalogue::Catalogue;
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::info;

use super::catalogue_tables::{Tables, tables};
use super::cell::KnownTexts;
use super::cooperate::CooperativeJoins;
use super::fact_table::{FactTable, Facts};
use super::failure::{from_datafusion, invalid};
use super::limits::SqlLimits;
use super::rows::{Rows, Run, out_of_time};
use super::rules::{Claim, Rules};
use super::statement::Statement;
use super::store::LedgerOnly;
use super::timeliness::{self, TimelinessTable};
use super::view::View;
use crate::access::{Access, sha256_hex};
use crate::as_of::{AsOf, Moment};
use crate::error::{ErrorKind, QueryError, Text};

/// Consumers named in the log when memory runs out.
const CONSUMERS_NAMED: NonZeroUsize = NonZeroUsize::new(5).expect("five is not zero");

/// Catalogues that tables are kept of: the present one, and those of some moments that are compared with it.
const CATALOGUES_KEPT: usize = 4;

/// Runs statements over a lake.
pub struct Engine {
    lake: Arc<Lake>,
    limits: SqlLimits,
    /// What every session starts from: functions, rules, settings, memory and disk.
    base: SessionState,
    /// The same without physical rules, for the scans inside the tables.
    scans: Arc<SessionState>,
    /// What was made of catalogues, with their versions; the one that was asked for last comes last.
    of_catalogue: Mutex<Vec<(u64, Arc<OfCatalogue>)>>,
    /// The columns of the view `conflicts`, once a statement has found them out.
    view_schema: OnceCell<SchemaRef>,
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
        Ok(Self {
            lake,
            limits,
            base,
            scans,
            of_catalogue: Mutex::default(),
            view_schema: OnceCell::new(),
            turns,
        })
    }

    /// The lake.
    #[must_use]
    pub fn lake(&self) -> &Arc<Lake> {
        &self.lake
    }

    /// Its limits.
    pub(super) fn limits(&self) -> &SqlLimits {
        &self.limits
    }

    /// What the scans inside the tables are planned with.
    pub(super) fn scans(&self) -> &SessionState {
        &self.scans
    }

    /// Where the columns of the view `conflicts` are kept.
    pub(super) fn view_schema(&self) -> &OnceCell<SchemaRef> {
        &self.view_schema
    }

    /// Begins a statement: takes the snapshot that all of it will see, or what was known at a moment of the past.
    ///
    /// # Errors
    /// When there is no such moment, or the hub is at fault.
    pub async fn begin(
        self: &Arc<Self>,
        access: &Access,
        as_of: Option<AsOf>,
    ) -> Result<Statement, QueryError> {
        self.begin_claimed(access, as_of, Claim::default()).await
    }

    /// Begins what is part of a statement, held to the class of feeds that the statement claims.
    pub(super) async fn begin_claimed(
        self: &Arc<Self>,
        access: &Access,
        as_of: Option<AsOf>,
        claim: Claim,
    ) -> Result<Statement, QueryError> {
        let moment = match as_of {
            Some(as_of) => Some(self.moment(as_of).await?),
            None => None,
        };
        let present = self.lake.catalogue();
        let catalogue = match moment {
            Some(moment) => self.catalogue_at(moment.stamp)?,
            None => Arc::clone(&present),
        };
        let view = View { snapshot: self.lake.ledger().snapshot(), moment };
        let made = self.of_catalogue(&catalogue).map_err(|error| from_datafusion(&error))?;
        let rules = Rules {
            view,
            catalogue,
            present,
            known: Arc::clone(&made.texts),
            access: access.clone(),
            claim,
        };
        let rules = Arc::new(rules);
        let statement = self.tables(&rules, &made.tables);
        let statement =
            statement.and_then(|tables| Statement::new(Arc::clone(self), tables, rules));
        statement.map_err(|error| from_datafusion(&error))
    }

    /// Finds a moment of the past, and lets nothing be added to it any more.
    async fn moment(&self, as_of: AsOf) -> Result<Moment, QueryError> {
        let internal = |error: DataFusionError| from_datafusion(&error);
        let now = self.lake.clock().now();
        let whole = || View::whole(self.lake.ledger().snapshot());
        let position = whole().position();
        let moment = match as_of {
            AsOf::Position(at) if at > position => return Err(AsOf::in_the_future(now, position)),
            AsOf::Time(time) if time > now => return Err(AsOf::in_the_future(now, position)),
            AsOf::Position(at) => whole().moment_of(at, &self.base).await.map_err(internal)?,
            AsOf::Time(time) => {
                let stamp = time.timestamp_micros();
                let sealed = self.lake.seal(stamp).await;
                if !sealed.map_err(|error| QueryError::internal("sealing the past", &error))? {
                    return Err(AsOf::unsettled());
                }
                let known = whole().position_at(stamp, &self.base).await.map_err(internal)?;
                // A catalogue may have been recorded before any row.
                let is_begun = known.is_some() || self.catalogue_at(stamp)?.version > 0;
                is_begun.then_some(Moment { stamp, position: known.unwrap_or_default() })
            }
        };
        match moment {
            Some(moment) => Ok(moment),
            None => {
                let first = whole().first(&self.base).await.map_err(internal)?;
                Err(AsOf::before_the_beginning(first))
            }
        }
    }

    fn catalogue_at(&self, stamp: i64) -> Result<Arc<Catalogue>, QueryError> {
        let catalogue = self.lake.catalogue_at(stamp);
        catalogue.map_err(|error| QueryError::internal("reading a catalogue of the past", &error))
    }

    /// Runs one SQL statement.
    ///
    /// # Errors
    /// When it is not one statement that reads, or it fails, or a limit is reached.
    pub async fn run(self: &Arc<Self>, sql: &str, access: &Access) -> Result<Rows, QueryError> {
        if sql.len() > self.limits.statement_bytes_max {
            return Err(invalid(&format!(
                "it is longer than {} bytes",
                self.limits.statement_bytes_max
            )));
        }
        let turn = timeout(self.limits.wait_max, Arc::clone(&self.turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(busy()) };
        let deadline = Instant::now() + self.limits.time_max;
        let statement = Arc::new(self.begin(access, None).await?);
        let principal = access.principal.as_deref();
        let digest = sha256_hex(sql.as_bytes());
        info!(principal, sql = &digest[..16], position = statement.position(), "statement begins");
        let stream = timeout_at(deadline, statement.stream(sql)).await;
        let stream = stream.map_err(|_| out_of_time())?.map_err(|error| from_datafusion(&error))?;
        let catalogue_version = statement.catalogue().version;
        let run = Run { position: statement.position(), catalogue_version, deadline, turn };
        Ok(Rows::start(stream, run, &self.limits))
    }

    /// All tables of a statement: those over the ledger, and those of its catalogue.
    fn tables(&self, rules: &Arc<Rules>, catalogue: &Tables) -> Result<Tables, DataFusionError> {
        let mut tables = Tables::new();
        for facts in Facts::ALL {
            let table = FactTable::new(facts, Arc::clone(rules), Arc::clone(&self.scans))?;
            tables.push((facts.name(), Arc::new(table)));
        }
        let timeliness = TimelinessTable::new(Arc::clone(rules), Arc::clone(&self.scans));
        tables.push((timeliness::NAME, Arc::new(timeliness)));
        tables.extend(catalogue.iter().cloned());
        Ok(tables)
    }

    /// A session over some tables, and what plans relations that are no tables.
    pub(super) fn session(
        &self,
        tables: &Tables,
        planners: Vec<Arc<dyn RelationPlanner>>,
    ) -> Result<SessionContext, DataFusionError> {
        let schema = MemorySchemaProvider::new();
        for (name, table) in tables {
            schema.register_table((*name).to_owned(), Arc::clone(table))?;
        }
        let dinh = MemoryCatalogProvider::new();
        dinh.register_schema(SCHEMA, Arc::new(schema))?;
        let catalogs = MemoryCatalogProviderList::new();
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(dinh));
        let state = SessionStateBuilder::new_from_existing(self.base.clone())
            .with_catalog_list(Arc::new(catalogs))
            .with_relation_planners(planners)
            .build();
        Ok(SessionContext::new_with_state(state))
    }

    /// What is made of a catalogue; of the last few, so that questions of the past do not push the present one out.
    fn of_catalogue(&self, catalogue: &Catalogue) -> Result<Arc<OfCatalogue>, DataFusionError> {
        let mut kept = self.of_catalogue.lock().expect("nothing panics while it is held");
        if let Some(at) = kept.iter().position(|(version, _)| *version == catalogue.version) {
            kept[at..].rotate_left(1);
        } else {
            let texts = Arc::new(KnownTexts::of(catalogue));
            let made = Arc::new(OfCatalogue { tables: tables(catalogue)?, texts });
            kept.push((catalogue.version, made));
            let many = kept.len().saturating_sub(CATALOGUES_KEPT);
            kept.drain(..many);
        }
        let (_, made) = kept.last().expect("it was put there just now");
        Ok(Arc::clone(made))
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
