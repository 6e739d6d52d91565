//! What the lake counts of itself.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::ledger::Snapshot;

/// The lake's metrics; cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct LakeMetrics {
    pub(crate) commits: Counter,
    pub(crate) lost_races: Counter,
    pub(crate) file_bytes: Counter,
    pub(crate) merged_files: Counter,
    pub(crate) merged_rows: Counter,
    merge_held: Gauge,
    position: Gauge,
    live_files: Gauge,
    hot_bytes: Gauge,
}

impl LakeMetrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let lake = registry.sub_registry_with_prefix("dinh_lake");
        lake.register("commits", "Ledger entries written", metrics.commits.clone());
        lake.register(
            "lost_races",
            "Ledger entries that another hub wrote first",
            metrics.lost_races.clone(),
        );
        lake.register_with_unit(
            "file",
            "Data files written",
            Unit::Bytes,
            metrics.file_bytes.clone(),
        );
        lake.register(
            "merged_files",
            "Small files merged into larger ones",
            metrics.merged_files.clone(),
        );
        lake.register(
            "merged_rows",
            "Rows that were written again by merges",
            metrics.merged_rows.clone(),
        );
        lake.register_with_unit(
            "merge_held",
            "Rows and encoded bytes that the merge under way holds in memory",
            Unit::Bytes,
            metrics.merge_held.clone(),
        );
        lake.register("position", "Newest ledger entry", metrics.position.clone());
        lake.register("live_files", "Live files of the ledger", metrics.live_files.clone());
        lake.register_with_unit(
            "hot",
            "Newest rows kept in memory",
            Unit::Bytes,
            metrics.hot_bytes.clone(),
        );
        metrics
    }

    pub(crate) fn merge_held(&self, bytes: usize) {
        self.merge_held.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn observe(&self, snapshot: &Snapshot) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.position.set(i64::try_from(snapshot.position).unwrap_or(i64::MAX));
        self.live_files.set(whole(snapshot.files.len()));
        self.hot_bytes.set(whole(snapshot.files.iter().map(|file| file.hot_bytes()).sum()));
    }
}
