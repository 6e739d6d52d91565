//! Numbers about the way out.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// Which request it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    /// `http` or `grpc`.
    door: &'static str,
    /// `rankings`, …, or `sql`.
    question: &'static str,
    /// `ok`, `unchanged`, or the code of the error.
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Door {
    door: &'static str,
}

/// The metrics of questions and SQL. Clones count together.
#[derive(Clone, Debug)]
pub struct QueryMetrics {
    seconds: Family<Request, Histogram, fn() -> Histogram>,
    rows: Family<Door, Counter>,
}

impl QueryMetrics {
    /// Metrics that a registry exports.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            // From 0.1 ms, below the quickest ranking, to 100 s, above the time that SQL may take.
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_1, 4.0, 11))
            }),
            rows: Family::default(),
        };
        registry.register(
            "dinh_query_seconds",
            "Time to answer a question, by door, question and outcome",
            metrics.seconds.clone(),
        );
        registry.register(
            "dinh_query_sql_rows",
            "Rows that SQL statements gave, by door",
            metrics.rows.clone(),
        );
        metrics
    }

    /// A request was answered or refused.
    pub fn answered(
        &self,
        door: &'static str,
        question: &'static str,
        outcome: &'static str,
        took: Duration,
    ) {
        let request = Request { door, question, outcome };
        self.seconds.get_or_create(&request).observe(took.as_secs_f64());
    }

    /// A SQL statement gave rows.
    pub fn gave_rows(&self, door: &'static str, rows: usize) {
        self.rows.get_or_create(&Door { door }).inc_by(rows as u64);
    }
}
