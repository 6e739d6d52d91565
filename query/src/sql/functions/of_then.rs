//! A table as it was known at a moment: `as_of(at => '2024-06-30', of => 'current')`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use crate::answer::question::nearest;
use crate::as_of::AsOf;
use crate::error::{Fault, QueryError, Text};
use crate::sql::Statement;

/// The arguments of the function.
const ARGUMENTS: [&str; 2] = ["at", "of"];

/// A table of the statement at another moment.
pub(super) struct OfThen {
    statement: Arc<Statement>,
    at: AsOf,
    table: String,
    schema: SchemaRef,
}

impl OfThen {
    /// Reads the arguments.
    pub(super) fn new(
        statement: Arc<Statement>,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Self, QueryError> {
        let unknown = arguments.keys().filter(|name| !ARGUMENTS.contains(&name.as_str()));
        let mut faults: Vec<_> = unknown.map(|name| unknown_argument(name)).collect();
        let at = match arguments.get("at").map(|at| at.trim()).filter(|at| !at.is_empty()) {
            Some(at) => AsOf::read(at)
                .map_err(|fault| faults.push(Fault { parameter: Some("at".to_owned()), ..fault }))
                .ok(),
            None => {
                faults.push(no_moment());
                None
            }
        };
        let table = arguments.get("of").map(|of| of.trim()).filter(|of| !of.is_empty());
        let table = table.unwrap_or("current").to_owned();
        let schema = statement.table(&table).map(|table| table.schema()).ok();
        if schema.is_none() {
            faults.push(unknown_table(&table, &statement.tables()));
        }
        match (at, schema) {
            (Some(at), Some(schema)) if faults.is_empty() => {
                Ok(Self { statement, at, table, schema })
            }
            _ => Err(QueryError::from_faults(faults)),
        }
    }
}

impl fmt::Debug for OfThen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfThen {} at {}", self.table, self.at)
    }
}

#[async_trait]
impl TableProvider for OfThen {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        session: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let then = self.statement.at(self.at).await;
        let then = then.map_err(|error| DataFusionError::External(Box::new(error)))?;
        then.table(&self.table)?.scan(session, projection, filters, limit).await
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        self.statement.table(&self.table)?.supports_filters_pushdown(filters)
    }
}

fn unknown_argument(name: &str) -> Fault {
    let known = ARGUMENTS.join("`, `");
    let message = Text::new(
        format!("`as_of` không có tham số `{name}`; các tham số: `{known}`"),
        format!("`as_of` takes no parameter `{name}`; there are: `{known}`"),
    );
    Fault::of(name, "parameter.unknown", message).suggest(nearest(name, ARGUMENTS.into_iter()))
}

fn no_moment() -> Fault {
    let message = Text::new(
        "thiếu tham số `at`, ví dụ `at => '2024-06-30'`",
        "the parameter `at` is missing, for example `at => '2024-06-30'`",
    );
    Fault::of("at", "parameter.required", message)
}

fn unknown_table(name: &str, known: &[&str]) -> Fault {
    let listed = known.join(", ");
    let message = Text::new(
        format!("không có bảng `{name}`; các bảng: {listed}"),
        format!("there is no table `{name}`; there are: {listed}"),
    );
    Fault::of("of", "parameter.invalid", message).suggest(nearest(name, known.iter().copied()))
}
