//! What clients sent and were told, and whether the ledger holds exactly that.

use std::collections::BTreeMap;

use arrow::array::Array;
use arrow::datatypes::Decimal128Type;
use deltalake_core::DeltaTable;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::*;

/// Feed and id of a submission.
pub(super) type Id = (String, String);
/// Unit and value of one row; no value takes the cell back.
pub(super) type Figure = (u32, Option<i64>);

/// A submission of these figures, the first of them warned of twice.
pub(super) fn figures(feed: &str, id: &str, figures: &[Figure]) -> Submission {
    let mut made = submission(feed, id, i64::try_from(figures.len()).unwrap());
    let units = figures.iter().map(|(unit, _)| format!("{unit:05}.1"));
    let values = figures.iter().map(|(_, value)| value.map(|n| i128::from(n) * 1_000_000));
    let status = figures.iter().map(|(_, value)| value.map_or("withdrawn", |_| "normal"));
    let values = Decimal128Array::from_iter(values).with_precision_and_scale(18, 6).unwrap();
    let schema = accepted_schema();
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "unit" => Arc::new(StringArray::from_iter_values(units.clone())) as ArrayRef,
        "value" => Arc::new(values.clone()),
        "status" => Arc::new(StringArray::from_iter_values(status.clone())),
        name => Arc::clone(&made.accepted[name]),
    });
    let columns = columns.collect();
    made.accepted = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
    made.digest = format!("digest of {figures:?}");
    made
}

/// What one submission has in the ledger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// Position and stamp of each of its submission rows.
    pub(super) entries: Vec<(i64, i64)>,
    /// Its observations: row, unit, value.
    pub(super) figures: Vec<(i64, u32, Option<i64>)>,
    pub(super) verdicts: usize,
}

/// Reads all that the ledger holds, from the store and not from memory.
pub(super) async fn held(ledger: &Ledger) -> BTreeMap<Id, Held> {
    let mut all: BTreeMap<Id, Held> = BTreeMap::new();
    for kind in [SUBMISSION, OBSERVATION, VERDICT] {
        for file in &ledger.snapshot().files {
            for batch in read::rows(&ledger.object_store(), &file.cold(), kind, &[]).await.unwrap()
            {
                for row in 0..batch.num_rows() {
                    let text = |name: &str| batch[name].as_string::<i32>().value(row).to_owned();
                    let whole = |name: &str| batch[name].as_primitive::<Int64Type>().value(row);
                    let held = all.entry((text("feed"), text("submission"))).or_default();
                    match kind {
                        SUBMISSION => {
                            let stamps = batch["recorded_at"].as_primitive();
                            let stamp = TimestampMicrosecondArray::value(stamps, row);
                            held.entries.push((whole("position"), stamp));
                        }
                        OBSERVATION => {
                            let values = batch["value"].as_primitive::<Decimal128Type>();
                            let value = values.is_valid(row).then(|| values.value(row) / 1_000_000);
                            let value = value.map(|n| i64::try_from(n).unwrap());
                            let unit = text("unit")[..5].parse().unwrap();
                            held.figures.push((whole("row"), unit, value));
                        }
                        _ => held.verdicts += 1,
                    }
                }
            }
        }
    }
    all.values_mut().for_each(|held| held.figures.sort_unstable());
    all
}

/// What clients sent and were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    pub(super) sent: BTreeMap<Id, Submission>,
    pub(super) acked: BTreeMap<Id, Answer>,
}

impl Books {
    /// Sends submissions and writes down what came of it; gives the error if one came.
    pub(super) async fn push(
        &mut self,
        ledger: &Ledger,
        group: Vec<Submission>,
    ) -> Result<(), LedgerError> {
        for submission in &group {
            let known = self.sent.entry(id_of(submission)).or_insert_with(|| submission.clone());
            assert_eq!(known.digest, submission.digest, "a test sends one content under one id");
        }
        let outcomes = ledger.append(group).await?;
        outcomes.into_iter().for_each(|outcome| self.told(outcome));
        Ok(())
    }

    /// Writes down an answer; a second one for the same id must be the first.
    pub(super) fn told(&mut self, outcome: Outcome) {
        let (answer, repeated) = match outcome {
            Outcome::Recorded(answer) => (answer, false),
            Outcome::Repeated(answer) => (answer, true),
            other => panic!("neither recorded nor repeated: {other:?}"),
        };
        let id = (answer.feed.clone(), answer.submission.clone());
        if let Some(first) = self.acked.get(&id) {
            assert!(repeated, "{id:?} was recorded twice");
            assert_eq!(*first, answer, "a repeat gets the first answer");
        }
        self.acked.insert(id, answer);
    }

    /// Sends again all that was ever sent: what was acked gets its answer, the rest lands now if it had not.
    pub(super) async fn push_all_again(&mut self, ledger: &Ledger) -> Result<(), LedgerError> {
        let mut all: Vec<_> = self.sent.values().cloned().collect();
        while !all.is_empty() {
            let rest = all.split_off(all.len().min(7));
            self.push(ledger, std::mem::replace(&mut all, rest)).await?;
        }
        Ok(())
    }

    /// Panics unless the ledger holds all that was acked, once, whole and where its answer says, and of what was not acked
    /// all or nothing; and unless its own check and another reader find it sound. Whether an id still gets its answer is
    /// for [`Self::push_all_again`] to find out.
    pub(super) async fn hold(&self, ledger: &Ledger) {
        let checked = ledger.check().await.unwrap();
        assert_eq!(checked.findings, [], "the ledger's own check");
        let held = held(ledger).await;
        for (id, held) in &held {
            let sent = self.sent.get(id).unwrap_or_else(|| panic!("{id:?} was never sent"));
            assert_eq!(held.entries.len(), 1, "{id:?} is there once");
            assert_eq!(held.figures, figures_of(sent), "{id:?} is whole");
            assert_eq!(held.verdicts, sent.verdicts.len(), "{id:?} has its verdicts");
        }
        for (id, answer) in &self.acked {
            let held = held.get(id).unwrap_or_else(|| panic!("{id:?} was acked and is lost"));
            let told = (answer.position, answer.recorded_at.timestamp_micros());
            let (position, stamp) = held.entries[0];
            assert_eq!((position.unsigned_abs(), stamp), told, "{id:?} is where its answer says");
        }
        let mut order: Vec<_> = held.values().flat_map(|held| held.entries.clone()).collect();
        order.sort_unstable();
        assert!(
            order.is_sorted_by(|a, b| a.1 < b.1),
            "stamps increase along the ledger: {order:?}"
        );
        read_by_another(ledger).await;
    }
}

pub(super) fn id_of(submission: &Submission) -> Id {
    (submission.feed.clone(), submission.id.clone())
}

pub(super) fn figures_of(submission: &Submission) -> Vec<(i64, u32, Option<i64>)> {
    let rows = submission.accepted["row"].as_primitive::<Int64Type>();
    let values = submission.accepted["value"].as_primitive::<Decimal128Type>();
    let units = submission.accepted["unit"].as_string::<i32>();
    let figure = |n: usize| {
        let value = values.is_valid(n).then(|| i64::try_from(values.value(n) / 1_000_000).unwrap());
        (rows.value(n), units.value(n)[..5].parse().unwrap(), value)
    };
    (0..units.len()).map(figure).collect()
}

/// Opens the table as a reader that knows nothing of Dinh, and finds the same files there, each of its size.
async fn read_by_another(ledger: &Ledger) {
    let Place { root, store, url, .. } = &ledger.table.place;
    let (store, root) = (Arc::clone(store), Arc::clone(root));
    let mut table = DeltaTable::new(default_logstore(store, root, url, &StorageConfig::default()));
    table.load().await.unwrap();
    let state = table.snapshot().unwrap();
    let snapshot = ledger.snapshot();
    assert_eq!(state.version(), snapshot.position, "another reader's version");
    let files = state.log_data().into_iter();
    let mut theirs: Vec<_> = files
        .map(|file| (file.path().into_owned(), file.num_records().unwrap_or_default() as u64))
        .collect();
    let ours = snapshot.files.iter();
    let mut ours: Vec<_> = ours.map(|file| (file.path.clone(), file.stats.num_records)).collect();
    theirs.sort_unstable();
    ours.sort_unstable();
    assert_eq!(theirs, ours, "another reader's files");
    for file in &snapshot.files {
        let there = ledger.object_store().head(&Path::from(file.path.as_str())).await.unwrap();
        assert_eq!(there.size, file.size);
    }
}
