//! Checks that the ledger is what its invariants say, by reading all of it.

use std::collections::HashMap;

use arrow::array::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::schema::{OBSERVATION, SUBMISSION};
use super::{Ledger, LedgerError, read};

/// What a check counted and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The position that was checked.
    pub position: u64,
    /// Submissions.
    pub submissions: u64,
    /// Observations.
    pub observations: u64,
    /// What does not hold.
    pub findings: Vec<Finding>,
}

/// An invariant that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name: `order`, `once`, `whole`, `present`, `sorted` or `floor`.
    pub invariant: &'static str,
    /// Where, and in what way.
    pub message: String,
}

/// What one submission claims and what is there of it.
#[derive(Default)]
struct Tally {
    rows_claimed: i64,
    copies: usize,
    rows: usize,
}

impl Ledger {
    /// Reads the whole ledger and holds it against its invariants: *order* (stamps increase with positions), *once* (an id
    /// is there once), *whole* (a submission has all the rows that it claims), *present* (every live file is there), *sorted* (a
    /// merged file is in the order that readers rely on) and *floor* (no entry that opening needs may be cleaned).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(&self) -> Result<Checked, LedgerError> {
        let snapshot = self.snapshot();
        let mut checked = Checked { position: snapshot.position, ..Checked::default() };
        let mut tallies: HashMap<(String, String), Tally> = HashMap::new();
        let mut stamps: Vec<(i64, i64)> = Vec::new();
        let store = self.object_store();
        for file in &snapshot.files {
            match store.head(&Path::from(file.path.as_str())).await {
                Ok(there) if there.size == file.size => {}
                Ok(there) => checked.find(
                    "present",
                    format!("`{}` has {} bytes, not {}", file.path, there.size, file.size),
                ),
                Err(error) => {
                    checked.find("present", format!("`{}` cannot be read: {error}", file.path));
                    continue;
                }
            }
            if file.is_sorted() && !self.is_in_order(file).await? {
                checked.find("sorted", format!("`{}` is not in its order", file.path));
            }
            let cold = file.cold();
            for batch in read::rows(&store, &cold, SUBMISSION, &[]).await? {
                let whole = |name: &str| batch[name].as_primitive::<Int64Type>();
                let recorded = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
                for row in 0..batch.num_rows() {
                    let key = |name: &str| batch[name].as_string::<i32>().value(row).to_owned();
                    let tally = tallies.entry((key("feed"), key("submission"))).or_default();
                    tally.copies += 1;
                    tally.rows_claimed = whole("accepted").value(row);
                    stamps.push((whole("position").value(row), recorded.value(row)));
                }
            }
            for batch in
                read::rows(&store, &cold, OBSERVATION, &["kind", "feed", "submission"]).await?
            {
                let (feeds, ids) =
                    (batch["feed"].as_string::<i32>(), batch["submission"].as_string::<i32>());
                checked.observations += batch.num_rows() as u64;
                for (feed, id) in feeds.iter().flatten().zip(ids.iter().flatten()) {
                    tallies.entry((feed.to_owned(), id.to_owned())).or_default().rows += 1;
                }
            }
        }
        let floor = self.table.floor().await?;
        let checkpoint = self.table.last_checkpoint().await;
        if let Some(floor) = floor.filter(|floor| checkpoint.is_none_or(|at| at <= *floor)) {
            let at = checkpoint.map_or("none".to_owned(), |at| format!("at {at}"));
            checked.find("floor", format!("the floor is {floor}, and the newest checkpoint {at}"));
        }
        checked.submissions = stamps.len() as u64;
        checked.judge(&tallies, stamps);
        Ok(checked)
    }
}

impl Checked {
    fn find(&mut self, invariant: &'static str, message: String) {
        self.findings.push(Finding { invariant, message });
    }

    fn judge(&mut self, tallies: &HashMap<(String, String), Tally>, mut stamps: Vec<(i64, i64)>) {
        for ((feed, id), tally) in tallies {
            if tally.copies != 1 {
                self.find(
                    "once",
                    format!("`{id}` of the feed `{feed}` is there {} times", tally.copies),
                );
            }
            if i64::try_from(tally.rows) != Ok(tally.rows_claimed) {
                let (rows, claimed) = (tally.rows, tally.rows_claimed);
                self.find(
                    "whole",
                    format!("`{id}` of the feed `{feed}` has {rows} rows, not {claimed}"),
                );
            }
        }
        stamps.sort_unstable();
        for pair in stamps.windows(2).filter(|pair| pair[0].1 >= pair[1].1) {
            self.find(
                "order",
                format!(
                    "the stamp {} of entry {} is not after {}",
                    pair[1].1, pair[1].0, pair[0].1
                ),
            );
        }
    }
}
