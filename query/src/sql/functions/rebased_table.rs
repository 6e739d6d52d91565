//! The figures of an indicator on another structure as a table: `rebased(indicator => …, "on" => '2025-07-02')`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

use crate::answer::question::{Asked, Question};
use crate::answer::rebased;
use crate::error::{ErrorKind, Fault, QueryError, Text};
use crate::sql::Statement;

/// What was asked of `rebased`.
pub(super) struct RebasedTable {
    statement: Arc<Statement>,
    asked: Asked,
}

impl RebasedTable {
    /// Reads the arguments: those of `stages`, with a structure.
    pub(super) fn new(
        statement: Arc<Statement>,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Self, QueryError> {
        let asked = Asked::read(Question::Stages, arguments)?;
        if asked.on.is_none() {
            return Err(QueryError::from_fault(ErrorKind::Invalid, no_structure()));
        }
        Ok(Self { statement, asked })
    }
}

impl fmt::Debug for RebasedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RebasedTable")
    }
}

#[async_trait]
impl TableProvider for RebasedTable {
    fn schema(&self) -> SchemaRef {
        rebased::schema()
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let external = |error: QueryError| DataFusionError::External(Box::new(error));
        let then;
        let statement = match self.asked.as_of {
            Some(as_of) => {
                then = self.statement.at(as_of).await.map_err(external)?;
                &then
            }
            None => &*self.statement,
        };
        let rows = vec![rebased::rows(statement, &self.asked).await.map_err(external)?];
        Ok(MemorySourceConfig::try_new_exec(&[rows], rebased::schema(), projection.cloned())?)
    }
}

fn no_structure() -> Fault {
    let message = Text::new(
        "thiếu tham số `on`, ví dụ `on => '2025-07-02'` hoặc `on => 'clusters'`",
        "the parameter `on` is missing, for example `on => '2025-07-02'` or `on => 'clusters'`",
    );
    Fault::of("on", "parameter.required", message)
}
