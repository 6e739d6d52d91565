//! The answer to a question as a table.

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

use super::answer_rows::Function;
use crate::answer;
use crate::answer::question::Asked;
use crate::error::QueryError;
use crate::sql::Statement;

/// What was asked by a table function.
pub(super) struct AnswerTable {
    statement: Arc<Statement>,
    function: &'static Function,
    asked: Asked,
    schema: SchemaRef,
}

impl AnswerTable {
    /// Reads the arguments, as over HTTP.
    pub(super) fn new(
        statement: Arc<Statement>,
        function: &'static Function,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Self, QueryError> {
        let asked = Asked::read(function.question, arguments)?;
        Ok(Self { statement, function, asked, schema: function.schema() })
    }
}

impl fmt::Debug for AnswerTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AnswerTable {}", self.function.name)
    }
}

#[async_trait]
impl TableProvider for AnswerTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let answer = answer::answer(&self.statement, self.function.question, &self.asked).await;
        let rows = self.function.rows(&answer.map_err(external)?).map_err(external)?;
        let schema = Arc::clone(&self.schema);
        Ok(MemorySourceConfig::try_new_exec(&[vec![rows]], schema, projection.cloned())?)
    }
}
