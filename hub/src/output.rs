//! Results on standard output: as a table, as JSON, or as CSV.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Context;
use comfy_table::{CellAlignment, Table, presets};
use serde_json::value::RawValue;

use crate::config::Output;

/// Rows of text cells under named columns; a cell that looks like a number is set to the right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    /// Their names.
    pub columns: Vec<String>,
    /// One text for each column; none where there is no value.
    pub rows: Vec<Vec<Option<String>>>,
}

impl Grid {
    /// The named members of the objects of a JSON array; a member that an object has not is an empty cell.
    ///
    /// # Errors
    /// When the text is no array of objects.
    pub fn from_json(array: &RawValue, columns: &[&str]) -> anyhow::Result<Self> {
        let objects: Vec<BTreeMap<String, Box<RawValue>>> =
            serde_json::from_str(array.get()).context("the answer's rows are no objects")?;
        let cell = |value: &RawValue| match value.get() {
            "null" => None,
            text => Some(serde_json::from_str::<String>(text).unwrap_or_else(|_| text.to_owned())),
        };
        let line = |object: &BTreeMap<String, Box<RawValue>>| {
            columns.iter().map(|column| object.get(*column).and_then(|value| cell(value))).collect()
        };
        let columns = columns.iter().map(|column| (*column).to_owned()).collect();
        Ok(Self { columns, rows: objects.iter().map(line).collect() })
    }

    /// An array of objects; every value is a text or null.
    ///
    /// # Errors
    /// Never; a text is always JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        let object =
            |row: &Vec<Option<String>>| self.columns.iter().cloned().zip(row.clone()).collect();
        serde_json::to_string(
            &self.rows.iter().map(object).collect::<Vec<BTreeMap<String, Option<String>>>>(),
        )
    }

    /// Writes it as a table or as CSV.
    ///
    /// # Errors
    /// When the output is closed.
    pub fn write(&self, to: &mut impl Write, output: Output) -> anyhow::Result<()> {
        match output {
            Output::Csv => {
                let mut csv = csv::Writer::from_writer(to);
                csv.write_record(&self.columns)?;
                for row in &self.rows {
                    csv.write_record(row.iter().map(|cell| cell.as_deref().unwrap_or_default()))?;
                }
                csv.flush()?;
            }
            _ => writeln!(to, "{}", self.table())?,
        }
        Ok(())
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING).set_header(&self.columns);
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| cell.as_deref().unwrap_or_default()));
        }
        for (index, column) in table.column_iter_mut().enumerate() {
            let numbers = self.rows.iter().filter_map(|row| row[index].as_deref());
            if numbers.clone().count() > 0
                && numbers.clone().all(|text| text.parse::<dinh_lake::Decimal>().is_ok())
            {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }
}
