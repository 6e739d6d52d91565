//! Group commit: submissions that wait while one group is written ride together in the next.
//!
//! ```text
//! admit ──> judge ──> commit ──> [queue] ──> group ──> ledger: ready, append ──> answers
//!   │ bytes over the limit: refused at once    └ two at a time: one is encoded  ──┘
//!   │                                            while the one before it syncs    │
//!   └──────────────────── the permit is held until the answer ────────────────────┘
//! ```
//!
//! Invariants:
//! - A lone submission never waits: where nothing is under way a group is what is in the queue at that moment.
//! - While a group syncs the next one grows. It is closed when that one is done, or earlier if it is large enough for its
//!   encoding to be worth the overlap; no more than two are ever under way.
//! - Groups are answered in the order in which they were closed.
//! - What is judged or queued is bounded in bytes, by the permit that each submission holds.
//! - Once queued a submission is written whatever becomes of its client.
//! - When the last handle is gone the queue is written to its end, then the task ends.

use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use dinh_lake::Lake;
use dinh_lake::ledger::{LedgerError, Outcome, Ready};
use dinh_lake::submission::Submission;
use futures::StreamExt as _;
use futures::stream::FuturesOrdered;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tracing::{debug, error};

use crate::limits::Limits;
use crate::metrics::IngestMetrics;
use crate::threshold::Share;

/// Bytes of one permit.
const PERMIT_BYTES: usize = 1024;
/// Rows from which a group is encoded while the one before it still syncs. Encoding fewer takes less time than a sync, in
/// which more would have come to ride along.
const AHEAD_ROWS_MIN: usize = 4_096;

/// Why a submission was not committed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CommitError {
    /// Too much is waiting.
    #[error("too much is waiting to be written")]
    QueueFull,
    /// The committer has ended.
    #[error("the committer has ended")]
    Ended,
    /// The ledger did not take the group; the same submission may be sent again.
    #[error("the ledger did not take the group: {0}")]
    Ledger(Arc<LedgerError>),
    /// The ledger gave no outcome for this submission; the same submission may be sent again.
    #[error("the ledger gave no outcome")]
    NoOutcome,
}

/// Room for one submission, from its arrival to its answer.
#[derive(Debug)]
pub struct Admission {
    _room: OwnedSemaphorePermit,
    /// What the sender itself may have under way.
    _share: Share,
}

impl Admission {
    fn new(room: OwnedSemaphorePermit) -> Self {
        Self { _room: room, _share: Share::default() }
    }

    /// Takes a share of the sender's along.
    pub(crate) fn within(self, share: Share) -> Self {
        Self { _share: share, ..self }
    }
}

#[derive(Debug)]
struct Waiting {
    submission: Submission,
    /// Kept until the answer is on its way.
    admission: Admission,
    since: Instant,
    answer: oneshot::Sender<Result<Outcome, CommitError>>,
}

/// Where submissions are handed in; cloning shares the queue.
#[derive(Clone, Debug)]
pub struct CommitterHandle {
    queue: mpsc::Sender<Waiting>,
    room: Arc<Semaphore>,
    room_permits: usize,
    metrics: IngestMetrics,
}

impl CommitterHandle {
    /// Takes room for a message of some bytes, at once or not at all.
    ///
    /// # Errors
    /// [`CommitError::QueueFull`] when there is not enough.
    pub fn admit(&self, bytes: usize) -> Result<Admission, CommitError> {
        let permit = Arc::clone(&self.room).try_acquire_many_owned(self.permits(bytes));
        let permit = permit.map_err(|_| CommitError::QueueFull)?;
        self.observe();
        Ok(Admission::new(permit))
    }

    /// Takes room for a message of some bytes, and waits for it if need be.
    ///
    /// # Errors
    /// [`CommitError::Ended`] when the committer has ended.
    pub async fn admitted(&self, bytes: usize) -> Result<Admission, CommitError> {
        let permit = Arc::clone(&self.room).acquire_many_owned(self.permits(bytes)).await;
        let permit = permit.map_err(|_| CommitError::Ended)?;
        self.observe();
        Ok(Admission::new(permit))
    }

    /// Hands in a submission and waits for its outcome. Dropping the future does not take the submission back.
    ///
    /// # Errors
    /// When the queue is full or closed, or the ledger fails.
    pub async fn commit(
        &self,
        submission: Submission,
        admission: Admission,
    ) -> Result<Outcome, CommitError> {
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { submission, admission, since: Instant::now(), answer };
        self.queue.try_send(waiting).map_err(|error| match error {
            TrySendError::Full(_) => CommitError::QueueFull,
            TrySendError::Closed(_) => CommitError::Ended,
        })?;
        outcome.await.map_err(|_| CommitError::Ended)?
    }

    /// A message larger than all the room there is takes all of it.
    fn permits(&self, bytes: usize) -> u32 {
        u32::try_from(bytes.div_ceil(PERMIT_BYTES).clamp(1, self.room_permits)).unwrap_or(u32::MAX)
    }

    fn observe(&self) {
        self.metrics.waiting((self.room_permits - self.room.available_permits()) * PERMIT_BYTES);
    }
}

/// The one task that appends to the ledger.
#[derive(Debug)]
pub struct Committer {
    lake: Arc<Lake>,
    queue: mpsc::Receiver<Waiting>,
    group_rows_max: usize,
    metrics: IngestMetrics,
}

/// Submissions that are to ride together.
#[derive(Debug, Default)]
struct Group {
    waiting: Vec<Waiting>,
    /// Rows of all of them; each counts for one at least, for its own row.
    rows: usize,
}

impl Group {
    fn push(&mut self, next: Waiting) {
        self.rows += 1 + next.submission.accepted.num_rows() + next.submission.verdicts.len();
        self.waiting.push(next);
    }
}

impl Committer {
    /// A handle, and the task to be run by the caller's `JoinSet`.
    pub fn start(
        lake: Arc<Lake>,
        limits: &Limits,
        metrics: IngestMetrics,
    ) -> (CommitterHandle, impl Future<Output = ()> + Send + use<>) {
        let (sender, receiver) = mpsc::channel(limits.waiting_submissions_max);
        let room_permits = (limits.waiting_bytes_max / PERMIT_BYTES).clamp(1, u32::MAX as usize);
        let handle = CommitterHandle {
            queue: sender,
            room: Arc::new(Semaphore::new(room_permits)),
            room_permits,
            metrics: metrics.clone(),
        };
        let group_rows_max = limits.group_rows_max;
        (handle, Self { lake, queue: receiver, group_rows_max, metrics }.run())
    }

    async fn run(self) {
        let Self { lake, mut queue, group_rows_max, metrics } = self;
        let ledger = lake.ledger();
        let mut group = Group::default();
        let mut under_way = FuturesOrdered::new();
        let mut open = true;
        while open || !group.waiting.is_empty() || !under_way.is_empty() {
            while group.rows < group_rows_max
                && let Ok(next) = queue.try_recv()
            {
                group.push(next);
            }
            let due = match under_way.len() {
                0 => !group.waiting.is_empty(),
                1 => group.rows >= AHEAD_ROWS_MIN.min(group_rows_max),
                _ => false,
            };
            tokio::select! {
                biased;
                Some(()) = under_way.next() => {}
                ready = ledger.ready(), if due => {
                    under_way.push_back(append(ready, std::mem::take(&mut group), &metrics));
                }
                next = queue.recv(), if open && group.rows < group_rows_max => match next {
                    Some(next) => group.push(next),
                    None => open = false,
                },
            }
        }
        debug!("the committer has written all that was waiting");
    }
}

/// Appends a group and answers its clients.
async fn append(ready: Ready<'_>, group: Group, metrics: &IngestMetrics) {
    metrics.group(group.waiting.len());
    let (submissions, clients): (Vec<_>, Vec<_>) = group
        .waiting
        .into_iter()
        .map(|Waiting { submission, admission, since, answer }| {
            (submission, (admission, since, answer))
        })
        .unzip();
    let result = Box::pin(ready.append(submissions)).await.map_err(|cause| {
        error!(%cause, submissions = clients.len(), "a group was not recorded");
        CommitError::Ledger(Arc::new(cause))
    });
    let mut outcomes = result.map(Vec::into_iter);
    for (admission, since, answer) in clients {
        let outcome = match &mut outcomes {
            Ok(outcomes) => outcomes.next().ok_or(CommitError::NoOutcome),
            Err(error) => Err(error.clone()),
        };
        metrics.committed(since.elapsed());
        // A client that vanished does not hear that its rows are kept.
        drop(answer.send(outcome));
        drop(admission);
    }
}
