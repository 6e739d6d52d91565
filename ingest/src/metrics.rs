//! What the way in counts of itself. Labels are bounded: feeds of the catalogue, outcomes, reasons.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::error::ErrorKind;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct FeedOutcome {
    feed: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: &'static str,
}

/// The metrics of the way in; cloning shares them.
#[derive(Clone, Debug)]
pub struct IngestMetrics {
    submissions: Family<FeedOutcome, Counter>,
    rows: Family<Outcome, Counter>,
    errors: Family<Reason, Counter>,
    judging: Histogram,
    commit: Histogram,
    group: Histogram,
    waiting: Gauge,
}

impl Default for IngestMetrics {
    fn default() -> Self {
        // From 0.1 ms to 6.5 s.
        let seconds = || Histogram::new(exponential_buckets(1e-4, 2.0, 17));
        Self {
            submissions: Family::default(),
            rows: Family::default(),
            errors: Family::default(),
            judging: seconds(),
            commit: seconds(),
            group: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            waiting: Gauge::default(),
        }
    }
}

impl IngestMetrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let ingest = registry.sub_registry_with_prefix("dinh_ingest");
        ingest.register(
            "submissions",
            "Submissions by feed and outcome",
            metrics.submissions.clone(),
        );
        ingest.register("rows", "Rows by outcome", metrics.rows.clone());
        ingest.register("errors", "Requests refused as a whole, by reason", metrics.errors.clone());
        ingest.register_with_unit(
            "judging",
            "Time to decode and judge a submission",
            Unit::Seconds,
            metrics.judging.clone(),
        );
        ingest.register_with_unit(
            "commit",
            "Time from the queue to durable, per submission",
            Unit::Seconds,
            metrics.commit.clone(),
        );
        ingest.register("group_submissions", "Submissions per commit", metrics.group.clone());
        ingest.register_with_unit(
            "waiting",
            "Messages being judged or waiting for the ledger",
            Unit::Bytes,
            metrics.waiting.clone(),
        );
        metrics
    }

    pub(crate) fn submission(&self, feed: &str, outcome: &'static str) {
        self.submissions.get_or_create(&FeedOutcome { feed: feed.to_owned(), outcome }).inc();
    }

    pub(crate) fn rows(&self, accepted: u64, refused: u64) {
        self.rows.get_or_create(&Outcome { outcome: "accepted" }).inc_by(accepted);
        self.rows.get_or_create(&Outcome { outcome: "refused" }).inc_by(refused);
    }

    pub(crate) fn error(&self, kind: ErrorKind) {
        self.errors.get_or_create(&Reason { reason: kind.reason() }).inc();
    }

    pub(crate) fn judged(&self, took: Duration) {
        self.judging.observe(took.as_secs_f64());
    }

    pub(crate) fn committed(&self, took: Duration) {
        self.commit.observe(took.as_secs_f64());
    }

    #[expect(clippy::cast_precision_loss, reason = "a group has far fewer than 2^52 submissions")]
    pub(crate) fn group(&self, submissions: usize) {
        self.group.observe(submissions as f64);
    }

    pub(crate) fn waiting(&self, bytes: usize) {
        self.waiting.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}
