//! Table functions: questions in the place of a table, `SELECT * FROM ranking(indicator => 'par_index_pct')`.
//!
//! | function | its rows |
//! |---|---|
//! | `ranking`, `totals`, `series`, `stages`, `composite`, `history`, `coverage`, `units` | those of the question of the same parameters over HTTP |
//! | `rebased(indicator => …, on => …)` | the figures of all periods on the units of a day, or on clusters |
//! | `as_of(at => …, of => …)` | those of a table, `current` if `of` is not given, as they were known at a moment |
//!
//! Arguments have names, and their values are constants: a text, a number, `DATE '2024-12-31'`, or `NULL` for one that is
//! left out. What is wrong with them is said as over HTTP.
//!
//! Invariants:
//! - An answer is made by the very function that answers over HTTP, for the same caller, from the statement's own snapshot,
//!   and reads the statement's one class of feeds.
//! - It is made when the plan is, within the statement's time; filters and limits of the statement apply to its rows.

mod answer_rows;
mod answer_table;
mod of_then;
mod rebased_table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::catalog::default_table_source::provider_as_source;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlanBuilder;
use datafusion::logical_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, ObjectName, TableFactor, TableFunctionArgs, TypedString,
    UnaryOperator, Value,
};

use self::answer_rows::FUNCTIONS;
use self::answer_table::AnswerTable;
use self::of_then::OfThen;
use self::rebased_table::RebasedTable;
use super::statement::Statement;
use crate::answer::question::nearest;
use crate::error::{ErrorKind, Fault, QueryError, Text};

/// The name of the function that gives a table of the past.
const AS_OF: &str = "as_of";

/// The name of the function that gives figures on another structure.
const REBASED: &str = "rebased";

/// Plans the table functions of one statement.
pub(super) struct TableFunctions {
    pub(super) statement: Arc<Statement>,
}

impl TableFunctions {
    fn table(
        &self,
        name: &str,
        arguments: &BTreeMap<String, String>,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let statement = Arc::clone(&self.statement);
        if name == AS_OF {
            return Ok(Arc::new(OfThen::new(statement, arguments)?));
        }
        if name == REBASED {
            return Ok(Arc::new(RebasedTable::new(statement, arguments)?));
        }
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let function = function.ok_or_else(|| unknown(name))?;
        Ok(Arc::new(AnswerTable::new(statement, function, arguments)?))
    }
}

impl RelationPlanner for TableFunctions {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        let TableFactor::Table { name, alias, args: Some(arguments), .. } = relation else {
            return Ok(RelationPlanning::Original(Box::new(relation)));
        };
        let external = |error: QueryError| DataFusionError::External(Box::new(error));
        let name = name_of(name, context)?;
        let arguments = self::arguments(&name, arguments).map_err(external)?;
        let table = self.table(&name, &arguments).map_err(external)?;
        let plan = LogicalPlanBuilder::scan(&*name, provider_as_source(table), None)?.build()?;
        Ok(RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias))))
    }
}

impl fmt::Debug for TableFunctions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TableFunctions")
    }
}

fn name_of(name: ObjectName, context: &dyn RelationPlannerContext) -> Result<String> {
    Ok(context.object_name_to_table_reference(name)?.table().to_owned())
}

/// The arguments that have a value, by name.
fn arguments(
    function: &str,
    given: TableFunctionArgs,
) -> Result<BTreeMap<String, String>, QueryError> {
    let (mut arguments, mut faults) = (BTreeMap::new(), Vec::new());
    for argument in given.args {
        let FunctionArg::Named { name, arg, .. } = argument else {
            return Err(QueryError::from_fault(ErrorKind::Invalid, unnamed(function)));
        };
        let name = name.value;
        match constant(arg) {
            Some(_) if arguments.contains_key(&name) => faults.push(given_twice(&name)),
            // An empty value counts as absent, as it does in an address.
            Some(value) => drop(arguments.insert(name, value.unwrap_or_default())),
            None => faults.push(no_constant(&name)),
        }
    }
    if faults.is_empty() { Ok(arguments) } else { Err(QueryError::from_faults(faults)) }
}

/// The text of a constant, as it would stand in an address; none for `NULL`. Nothing where it is no constant.
fn constant(argument: FunctionArgExpr) -> Option<Option<String>> {
    let FunctionArgExpr::Expr(expr) = argument else { return None };
    match expr {
        Expr::Value(value) => of_value(value.value),
        Expr::TypedString(TypedString { value, .. }) => of_value(value.value),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match *expr {
            Expr::Value(value) => of_value(value.value).map(|n| n.map(|n| format!("-{n}"))),
            _ => None,
        },
        _ => None,
    }
}

fn of_value(value: Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::Number(number, _) => Some(Some(number)),
        Value::Boolean(truth) => Some(Some(truth.to_string())),
        value => value.into_string().map(Some),
    }
}

fn unknown(name: &str) -> QueryError {
    let known = || FUNCTIONS.iter().map(|function| function.name).chain([REBASED, AS_OF]);
    let listed = known().collect::<Vec<_>>().join(", ");
    let message = Text::new(
        format!("không có hàm bảng `{name}`; các hàm bảng: {listed}"),
        format!("there is no table function `{name}`; there are: {listed}"),
    );
    let near = nearest(name, known());
    let fault = Fault::of("function", "sql.function_unknown", message).suggest(near);
    QueryError::from_fault(ErrorKind::Invalid, fault)
}

fn unnamed(function: &str) -> Fault {
    let message = Text::new(
        format!("tham số của `{function}` phải ghi kèm tên, ví dụ `indicator => 'par_index_pct'`"),
        format!(
            "the arguments of `{function}` must have names, for example `indicator => 'par_index_pct'`"
        ),
    );
    Fault::of("function", "sql.argument_unnamed", message)
}

fn given_twice(name: &str) -> Fault {
    let message = Text::new(
        format!("tham số `{name}` được ghi hai lần"),
        format!("the parameter `{name}` is given twice"),
    );
    Fault::of(name, "parameter.repeated", message)
}

fn no_constant(name: &str) -> Fault {
    let message = Text::new(
        format!("giá trị của `{name}` phải là hằng: một chuỗi, một số hoặc `DATE '2024-12-31'`"),
        format!(
            "the value of `{name}` must be a constant: a text, a number or `DATE '2024-12-31'`"
        ),
    );
    Fault::of(name, "sql.argument_no_constant", message)
}
