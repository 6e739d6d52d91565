//! What a sorted file of a kind is made of: the columns that its rows use, and the order that they are in.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::ledger::schema::{OBSERVATION, SUBMISSION, ledger_schema};
use crate::observation::accepted_schema;

/// The columns of rows of every kind.
const ALWAYS: [&str; 5] = ["kind", "recorded_at", "position", "feed", "submission"];
/// What a submission has beside them.
const OF_SUBMISSIONS: [&str; 14] = [
    "principal",
    "mode",
    "digest",
    "reason",
    "document",
    "catalogue_version",
    "rows",
    "accepted",
    "warned",
    "refused",
    "producer",
    "epoch",
    "sequence",
    "state_position",
];
/// What a verdict has beside them.
const OF_VERDICTS: [&str; 8] =
    ["row", "severity", "field", "rule", "message_vi", "message_en", "suggestions", "content"];

/// The columns by which a sorted file of a kind is sorted, ascending, nulls first. The observations of one cell lie side
/// by side, the newest last; submissions are found by their id; verdicts by the stamp of their submission.
#[must_use]
pub fn sort_order(kind: &str) -> &'static [&'static str] {
    match kind {
        OBSERVATION => {
            &["indicator", "period_end", "period_start", "unit", "stage", "feed", "recorded_at"]
        }
        SUBMISSION => &["feed", "submission"],
        _ => &["recorded_at", "row"],
    }
}

/// The columns of a sorted file of one kind. What no row of the kind uses is not in the file; readers of the ledger take a
/// column that is not there for nulls.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) kind: &'static str,
    pub(super) schema: SchemaRef,
    /// The columns of the order, by their places.
    pub(super) order: Vec<usize>,
}

impl Layout {
    pub(super) fn of(kind: &'static str) -> Result<Self, ArrowError> {
        let accepted = accepted_schema();
        let uses = |name: &str| {
            ALWAYS.contains(&name)
                || match kind {
                    OBSERVATION => accepted.field_with_name(name).is_ok(),
                    SUBMISSION => OF_SUBMISSIONS.contains(&name),
                    _ => OF_VERDICTS.contains(&name),
                }
        };
        let ledger = ledger_schema();
        let used = ledger.fields().iter().filter(|field| uses(field.name()));
        let schema = Schema::new(used.map(Arc::clone).collect::<Vec<_>>());
        let order = sort_order(kind).iter().map(|name| schema.index_of(name));
        let order = order.collect::<Result<_, _>>()?;
        Ok(Self { kind, schema: Arc::new(schema), order })
    }

    /// The place of a column.
    pub(super) fn place(&self, column: &str) -> Option<usize> {
        self.schema.index_of(column).ok()
    }
}
