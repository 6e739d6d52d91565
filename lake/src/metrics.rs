//! What the lake counts of itself.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::caller::{Door, Refusal};
use crate::ledger::Snapshot;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    door: &'static str,
    reason: &'static str,
}

/// The lake's metrics; cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct LakeMetrics {
    pub(crate) commits: Counter,
    pub(crate) lost_races: Counter,
    pub(crate) drawn_again: Counter,
    pub(crate) file_bytes: Counter,
    pub(crate) merged_files: Counter,
    pub(crate) merged_rows: Counter,
    pub(crate) ghosts: Counter,
    pub(crate) paced: Counter,
    pub(crate) deleted_files: Counter,
    pub(crate) deleted_entries: Counter,
    pub(crate) filters_read: Counter,
    pub(crate) false_positives: Counter,
    merge_held: Gauge,
    filter_bytes: Gauge,
    refused: Family<Refused, Counter>,
    position: Gauge,
    live_files: Gauge,
    hot_bytes: Gauge,
}

impl LakeMetrics {
    /// Makes them known to a registry.
    #[must_use]
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "dinh_refused_attempts",
            "Calls and connections that were refused for who they are, by door and reason",
            metrics.refused.clone(),
        );
        let lake = registry.sub_registry_with_prefix("dinh_lake");
        lake.register("commits", "Ledger entries written", metrics.commits.clone());
        lake.register(
            "lost_races",
            "Ledger entries that another hub wrote first",
            metrics.lost_races.clone(),
        );
        lake.register(
            "drawn_again",
            "Groups drawn up again since another entry came before them",
            metrics.drawn_again.clone(),
        );
        lake.register_with_unit(
            "file",
            "Data files written",
            Unit::Bytes,
            metrics.file_bytes.clone(),
        );
        metrics.register_care(lake);
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

    /// What merging, cleaning and the memory of ids count.
    fn register_care(&self, lake: &mut Registry) {
        lake.register(
            "merged_files",
            "Small files merged into larger ones",
            self.merged_files.clone(),
        );
        lake.register(
            "merged_rows",
            "Rows that were written again by merges",
            self.merged_rows.clone(),
        );
        lake.register(
            "paced",
            "Groups that were held back a moment because merging was behind",
            self.paced.clone(),
        );
        lake.register(
            "ghosts",
            "Ledger entries put where others had been deleted, which count for nothing",
            self.ghosts.clone(),
        );
        lake.register(
            "deleted_files",
            "Data files deleted because no entry needs them any more",
            self.deleted_files.clone(),
        );
        lake.register(
            "deleted_entries",
            "Old ledger entries deleted",
            self.deleted_entries.clone(),
        );
        lake.register(
            "filters_read",
            "Filters of submission ids read from files",
            self.filters_read.clone(),
        );
        lake.register(
            "filter_false_positives",
            "Ids that a filter sent to a file in vain",
            self.false_positives.clone(),
        );
        lake.register_with_unit(
            "filters",
            "Filters of submission ids kept in memory",
            Unit::Bytes,
            self.filter_bytes.clone(),
        );
        lake.register_with_unit(
            "merge_held",
            "Rows and encoded bytes that the merge under way holds in memory",
            Unit::Bytes,
            self.merge_held.clone(),
        );
    }

    pub(crate) fn merge_held(&self, bytes: usize) {
        self.merge_held.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn filter_bytes(&self, bytes: usize) {
        self.filter_bytes.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(crate) fn refused(&self, door: Door, refusal: Refusal) {
        self.refused.get_or_create(&Refused { door: door.code(), reason: refusal.code() }).inc();
    }

    pub(crate) fn observe(&self, snapshot: &Snapshot) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.position.set(i64::try_from(snapshot.position).unwrap_or(i64::MAX));
        self.live_files.set(whole(snapshot.files.len()));
        self.hot_bytes.set(whole(snapshot.files.iter().map(|file| file.hot_bytes()).sum()));
    }
}
