//! From a DataFusion error to what the caller can do about it.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::error::{ErrorKind, QueryError, Text};

/// What DataFusion's error says when the disk for spilling is used up; its kind depends on where it was met.
const SPILL_USED_UP: &str = "max_temp_directory_size";

/// Sorts an error: the statement's own fault, over a limit, ours to explain, or the hub's failure.
pub(super) fn from_datafusion(error: &DataFusionError) -> QueryError {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(cause) => out_of_memory(cause),
        DataFusionError::IoError(_)
        | DataFusionError::ArrowError(..)
        | DataFusionError::Execution(_)
            if error.to_string().contains(SPILL_USED_UP) =>
        {
            out_of_memory("the disk for spilling is used up")
        }
        DataFusionError::SQL(..)
        | DataFusionError::Plan(_)
        | DataFusionError::SchemaError(..)
        | DataFusionError::NotImplemented(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::Execution(_)
        | DataFusionError::Diagnostic(..)
        | DataFusionError::Collection(_) => invalid(&message_of(error)),
        DataFusionError::ArrowError(cause, _) => match cause.as_ref() {
            ArrowError::IoError(..)
            | ArrowError::IpcError(_)
            | ArrowError::ParquetError(_)
            | ArrowError::ExternalError(_) => QueryError::internal("running SQL", error),
            // A cast, a division, an overflow: what the statement asked for.
            _ => invalid(&message_of(error)),
        },
        DataFusionError::External(source) => match source.downcast_ref::<QueryError>() {
            Some(own) => own.clone(),
            None => QueryError::internal("running SQL", error),
        },
        _ => QueryError::internal("running SQL", error),
    }
}

fn out_of_memory(cause: &str) -> QueryError {
    tracing::warn!(%cause, "a statement needs more memory or spill than it may have");
    let message = Text::new(
        "câu lệnh cần nhiều bộ nhớ hơn mức cho phép; hãy thu hẹp phạm vi hoặc bớt sắp xếp, nhóm, kết nối",
        "the statement needs more memory than it may have; narrow it, or sort, group and join less",
    );
    QueryError::new(ErrorKind::TooLarge, "sql.memory", message)
}

/// A statement that cannot be answered as it is written.
pub(super) fn invalid(reason: &str) -> QueryError {
    let message = Text::new(
        format!("câu lệnh SQL không thực hiện được: {reason}"),
        format!("the SQL statement cannot be run: {reason}"),
    );
    QueryError::new(ErrorKind::Invalid, "sql.invalid", message)
}

/// The message without the context that DataFusion adds for its developers.
fn message_of(error: &DataFusionError) -> String {
    let text = error.find_root().strip_backtrace();
    let known = [
        "Error during planning: ",
        "SQL error: ",
        "Schema error: ",
        "Execution error: ",
        "Arrow error: ",
        "This feature is not implemented: ",
    ];
    let stripped = known.iter().find_map(|prefix| text.strip_prefix(prefix));
    stripped.unwrap_or(&text).to_owned()
}
