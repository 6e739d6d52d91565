//! How much the way in takes at once. Each limit has a reason; the hub may set others.

use std::time::Duration;

/// The limits of the way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one message after decompression. A million rows in Arrow take some 60 MB; what is larger is better sent in
    /// parts, for a message is held in memory whole.
    pub message_bytes_max: usize,
    /// Bytes of one Arrow payload after its bodies are decompressed: guards against a small message that unfolds.
    pub decoded_bytes_max: usize,
    /// Rows of one submission.
    pub rows_max: usize,
    /// Bytes of all messages that are being judged or wait for the ledger, in all calls. Beyond it a push is refused, so
    /// that memory stays bounded, and a stream is read no further.
    pub waiting_bytes_max: usize,
    /// Bytes of all large messages that are being received. Beyond it they are read no further until others have come in.
    pub arriving_bytes_max: usize,
    /// Bytes of one principal's messages that are being received, and again of those that are judged, wait for the ledger
    /// or wait to be answered: half of what all may have, so that one who floods the hub leaves room for others.
    pub principal_bytes_max: usize,
    /// Calls of one principal at a time, streams not counted: more than any program needs that waits for its answers.
    pub calls_per_principal_max: usize,
    /// Streams of one principal at a time: as many as one connection may carry.
    pub streams_per_principal_max: usize,
    /// How long nothing may come of a call that has begun a message, or of one that does not stream.
    pub stalled_max: Duration,
    /// How long nothing may come of a stream between two messages: a program that pushes rarely opens a stream each time.
    pub idle_max: Duration,
    /// Submissions that wait for the ledger.
    pub waiting_submissions_max: usize,
    /// Rows after which a group is closed: what comes later waits for the next file, so that one file stays writable in
    /// a fraction of a second.
    pub group_rows_max: usize,
    /// Submissions of one stream that are worked on at a time.
    pub in_flight_per_stream_max: usize,
    /// How long the answers of a stream may wait for their client: what it has in flight holds room that others need.
    pub unread_max: Duration,
    /// Rows from which a submission is judged on a thread of its own, so that small ones are not held up behind it.
    pub inline_rows_max: usize,
    /// Submissions that are judged on threads of their own at a time.
    pub judged_aside_max: usize,
    /// How long a client is told to wait when it is refused for load.
    pub retry_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            message_bytes_max: 128 * MIB,
            decoded_bytes_max: 512 * MIB,
            rows_max: 2_000_000,
            waiting_bytes_max: 256 * MIB,
            arriving_bytes_max: 256 * MIB,
            principal_bytes_max: 128 * MIB,
            calls_per_principal_max: 1_024,
            streams_per_principal_max: 256,
            stalled_max: Duration::from_secs(30),
            idle_max: Duration::from_secs(600),
            waiting_submissions_max: 16_384,
            group_rows_max: 500_000,
            in_flight_per_stream_max: 32,
            unread_max: Duration::from_secs(60),
            inline_rows_max: 2_000,
            judged_aside_max: std::thread::available_parallelism().map_or(2, usize::from),
            retry_after: Duration::from_millis(500),
        }
    }
}
