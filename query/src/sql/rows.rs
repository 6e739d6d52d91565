//! A result on its way: batches under the limits of the statement.

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::failure::from_datafusion;
use super::limits::SqlLimits;
use crate::error::{ErrorKind, QueryError, Text};

/// Batches that wait for a slow reader: one being made while one is being sent.
const BATCHES_AHEAD: usize = 2;

/// The rows of a statement. The work runs on a task of its own, so the time limit holds even while a plan does not
/// yield; dropping this stops it.
#[derive(Debug)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    /// The newest ledger entry that the answer includes.
    pub position: u64,
    /// The catalogue version that the answer was made with.
    pub catalogue_version: u64,
    batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>,
    work: JoinSet<()>,
    deadline: Instant,
    rows_left: usize,
    bytes_left: usize,
    _turn: OwnedSemaphorePermit,
}

/// What a statement runs under.
pub(super) struct Run {
    pub(super) position: u64,
    pub(super) catalogue_version: u64,
    pub(super) deadline: Instant,
    pub(super) turn: OwnedSemaphorePermit,
}

impl Rows {
    pub(super) fn start(
        mut stream: SendableRecordBatchStream,
        run: Run,
        limits: &SqlLimits,
    ) -> Self {
        let schema = stream.schema();
        let (sender, batches) = mpsc::channel(BATCHES_AHEAD);
        let mut work = JoinSet::new();
        work.spawn(async move {
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        Self {
            schema,
            position: run.position,
            catalogue_version: run.catalogue_version,
            batches,
            work,
            deadline: run.deadline,
            rows_left: limits.rows_max,
            bytes_left: limits.bytes_max,
            _turn: run.turn,
        }
    }

    /// The next batch; none at the end. After an error there is no more.
    ///
    /// # Errors
    /// When the statement fails or a limit is reached.
    pub async fn next(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        let batch = match timeout_at(self.deadline, self.batches.recv()).await {
            Err(_) => return self.stop(out_of_time()),
            Ok(None) => return self.ended().await,
            Ok(Some(Err(error))) => return self.stop(from_datafusion(&error)),
            Ok(Some(Ok(batch))) => batch,
        };
        let (rows, bytes) = (batch.num_rows(), bytes_of(&batch));
        let Some(rows_left) = self.rows_left.checked_sub(rows) else {
            return self.stop(too_many("sql.rows"));
        };
        let Some(bytes_left) = self.bytes_left.checked_sub(bytes) else {
            return self.stop(too_many("sql.bytes"));
        };
        (self.rows_left, self.bytes_left) = (rows_left, bytes_left);
        Ok(Some(batch))
    }

    /// All batches.
    ///
    /// # Errors
    /// As [`Rows::next`].
    pub async fn collect(mut self) -> Result<Vec<RecordBatch>, QueryError> {
        let mut batches = Vec::new();
        while let Some(batch) = self.next().await? {
            batches.push(batch);
        }
        Ok(batches)
    }

    fn stop(&mut self, error: QueryError) -> Result<Option<RecordBatch>, QueryError> {
        self.work.abort_all();
        self.batches.close();
        Err(error)
    }

    /// The sender is gone: the work is done, or it broke.
    async fn ended(&mut self) -> Result<Option<RecordBatch>, QueryError> {
        match self.work.join_next().await {
            Some(Err(error)) => Err(QueryError::internal("running SQL", &error)),
            Some(Ok(())) | None => Ok(None),
        }
    }
}

/// Bytes of a batch; of a slice only its own part counts, for it shares its buffers with the other slices.
fn bytes_of(batch: &RecordBatch) -> usize {
    let bytes = |column: &ArrayRef| column.to_data().get_slice_memory_size().unwrap_or_default();
    batch.columns().iter().map(bytes).sum()
}

pub(super) fn out_of_time() -> QueryError {
    let message = Text::new(
        "câu lệnh chạy quá thời gian cho phép nên đã bị dừng; hãy thu hẹp phạm vi",
        "the statement ran out of time and was stopped; narrow it",
    );
    QueryError::new(ErrorKind::TooLarge, "sql.time", message)
}

fn too_many(code: &'static str) -> QueryError {
    let message = Text::new(
        "kết quả lớn hơn mức cho phép; hãy thêm LIMIT hoặc thu hẹp phạm vi",
        "the result is larger than it may be; add a LIMIT or narrow it",
    );
    QueryError::new(ErrorKind::TooLarge, code, message)
}
