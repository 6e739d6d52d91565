//! `dinh sql`: one read-only statement.

use std::io::Write;

use anyhow::Context;
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use dinh_proto::v1::SqlRequest;

use crate::config::{Global, Output};
use crate::operator::Operator;
use crate::output::Grid;

/// What to run.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: dinh sql \"select indicator, count(*) from current group by 1\"")]
pub struct Args {
    /// The statement. The tables are observations, current, submissions, verdicts, units, indicators, feeds, holidays,
    /// timeliness, composites and components; the views conflicts and reconciliation; the table functions ranking, totals,
    /// series, stages, composite, history, coverage, units, rebased and as_of, such as ranking(indicator => 'par_index_pct').
    sql: String,
}

/// Runs it and writes its rows.
///
/// # Errors
/// When the hub refuses it or cannot be reached.
pub async fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    let mut operator = Operator::connect(global).await?;
    let mut parts = operator.admin.sql(SqlRequest { sql: args.sql }).await?.into_inner();
    let mut stream = Vec::new();
    while let Some(part) = parts.message().await? {
        stream.extend_from_slice(&part.arrow_ipc);
    }
    let reader = StreamReader::try_new(stream.as_slice(), None)
        .context("the hub's answer does not decode")?;
    let schema = reader.schema();
    let batches =
        reader.collect::<Result<Vec<_>, _>>().context("the hub's answer does not decode")?;
    let mut grid = Grid {
        columns: schema.fields().iter().map(|field| field.name().clone()).collect(),
        rows: Vec::new(),
    };
    for batch in &batches {
        add_rows(&mut grid, batch)?;
    }
    let mut stdout = std::io::stdout().lock();
    match global.output {
        Output::Json => json_rows(&mut stdout, &grid, &schema)?,
        output => grid.write(&mut stdout, output)?,
    }
    Ok(())
}

fn add_rows(grid: &mut Grid, batch: &RecordBatch) -> anyhow::Result<()> {
    let options = FormatOptions::default();
    let formatters = batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options));
    let formatters = formatters.collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        let cells = formatters.iter().zip(batch.columns());
        let cells =
            cells.map(|(text, column)| column.is_valid(row).then(|| text.value(row).to_string()));
        grid.rows.push(cells.collect());
    }
    Ok(())
}

/// One object a row; numbers in their exact text.
fn json_rows(
    to: &mut impl Write,
    grid: &Grid,
    schema: &arrow::datatypes::Schema,
) -> anyhow::Result<()> {
    writeln!(to, "[")?;
    for (index, row) in grid.rows.iter().enumerate() {
        let members = row.iter().zip(schema.fields()).map(|(cell, field)| {
            let name = serde_json::to_string(field.name())?;
            let bare = field.data_type().is_numeric()
                || field.data_type().equals_datatype(&arrow::datatypes::DataType::Boolean);
            let value = match cell {
                None => "null".to_owned(),
                Some(text) if bare => text.clone(),
                Some(text) => serde_json::to_string(text)?,
            };
            Ok(format!("{name}:{value}"))
        });
        let members = members.collect::<Result<Vec<_>, serde_json::Error>>()?;
        let comma = if index + 1 == grid.rows.len() { "" } else { "," };
        writeln!(to, "{{{}}}{comma}", members.join(","))?;
    }
    Ok(writeln!(to, "]")?)
}
