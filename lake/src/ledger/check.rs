//! Checks that the ledger is what its invariants say, by reading all of it.
//!
//! Memory does not grow with the ledger: where it holds more submissions than [`IDS_AT_ONCE`] it is read in several
//! passes, each of which minds its share of them. A submission belongs to a pass by a digest of its feed and id, a stamp by
//! the [`BLOCK`] of positions that it is in.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::once::key;
use super::read::batches;
use super::schema::{OBSERVATION, SUBMISSION};
use super::snapshot::{DataFile, Snapshot};
use super::{Ledger, LedgerError};

/// Submissions that one pass minds, about: some 64 MiB.
const IDS_AT_ONCE: u64 = 1 << 20;
/// Positions whose stamps are looked at in one pass; of each block its ends are remembered.
const BLOCK: u64 = if cfg!(test) { 4 } else { 1_024 };
/// Submissions with a fault that are named.
const NAMED_MAX: usize = 1_000;

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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Its name: `order`, `once`, `whole`, `present`, `sorted` or `floor`.
    pub invariant: &'static str,
    /// Where, and in what way.
    pub message: String,
}

/// What one submission claims and what is there of it.
#[derive(Clone, Copy, Default)]
struct Tally {
    rows_claimed: i64,
    copies: u32,
    rows: u64,
}

impl Tally {
    fn is_sound(self) -> bool {
        self.copies == 1 && i64::try_from(self.rows) == Ok(self.rows_claimed)
    }
}

/// A position, and a stamp that its entry gave out.
type Stamp = (i64, i64);

/// One reading of the ledger, and what it minds.
#[derive(Default)]
struct Pass {
    number: u64,
    of: u64,
    tallies: HashMap<u128, Tally>,
    stamps: Vec<Stamp>,
    /// All that there are, whichever pass minds them.
    submissions: u64,
    observations: u64,
}

impl Ledger {
    /// Reads the whole ledger and holds it against its invariants: *order* (stamps increase with positions), *once* (an id
    /// is there once), *whole* (a submission has all the rows that it claims), *present* (every live file is there), *sorted* (a
    /// merged file is in the order that readers rely on) and *floor* (no entry that opening needs may be cleaned).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn check(&self) -> Result<Checked, LedgerError> {
        self.check_by(IDS_AT_ONCE).await
    }

    /// The same, minding so many submissions at once.
    pub(super) async fn check_by(&self, ids_at_once: u64) -> Result<Checked, LedgerError> {
        let snapshot = self.snapshot();
        let mut checked = Checked { position: snapshot.position, ..Checked::default() };
        let present = self.present(&snapshot, &mut checked).await?;
        for file in &present {
            if file.is_sorted() && !self.is_in_order(file).await? {
                checked.find("sorted", format!("`{}` is not in its order", file.path));
            }
        }
        let floor = self.table.floor().await?;
        let checkpoint = self.table.last_checkpoint().await;
        if let Some(floor) = floor.filter(|floor| checkpoint.is_none_or(|at| at <= *floor)) {
            let at = checkpoint.map_or("none".to_owned(), |at| format!("at {at}"));
            checked.find("floor", format!("the floor is {floor}, and the newest checkpoint {at}"));
        }
        let holders = present.iter().filter(|file| file.stats.may_hold(SUBMISSION));
        let submissions_max: u64 = holders.map(|file| file.stats.num_records).sum();
        let of = submissions_max.div_ceil(ids_at_once).max(1);
        let mut ends = BTreeMap::new();
        for number in 0..of {
            let mut pass = Pass { number, of, ..Pass::default() };
            self.read(&present, &mut pass).await?;
            (checked.submissions, checked.observations) = (pass.submissions, pass.observations);
            checked.judge_stamps(&mut pass.stamps, &mut ends);
            pass.tallies.retain(|_, tally| !tally.is_sound());
            self.name(&present, pass.tallies, &mut checked).await?;
        }
        checked.judge_ends(&ends);
        checked.findings.sort_unstable();
        Ok(checked)
    }

    /// The live files that are there, as the store has them.
    async fn present(
        &self,
        snapshot: &Snapshot,
        checked: &mut Checked,
    ) -> Result<Vec<Arc<DataFile>>, LedgerError> {
        let mut present = Vec::new();
        for file in &snapshot.files {
            match self.object_store().head(&Path::from(file.path.as_str())).await {
                Ok(there) => {
                    if there.size != file.size {
                        let message =
                            format!("`{}` has {} bytes, not {}", file.path, there.size, file.size);
                        checked.find("present", message);
                    }
                    present.push(Arc::new(file.cold()));
                }
                Err(error) => {
                    checked.find("present", format!("`{}` cannot be read: {error}", file.path))
                }
            }
        }
        Ok(present)
    }

    async fn read(&self, files: &[Arc<DataFile>], pass: &mut Pass) -> Result<(), LedgerError> {
        const CLAIMS: [&str; 6] =
            ["kind", "feed", "submission", "accepted", "position", "recorded_at"];
        let store = self.object_store();
        for file in files {
            let mut claims = batches(&store, file, SUBMISSION, &CLAIMS).await?;
            while let Some(batch) = claims.next().await? {
                pass.claims(&batch);
            }
            let mut rows = batches(&store, file, OBSERVATION, &CLAIMS[..3]).await?;
            while let Some(batch) = rows.next().await? {
                pass.rows(&batch);
            }
        }
        Ok(())
    }

    /// Finds the names of submissions with a fault, and tells of them.
    async fn name(
        &self,
        files: &[Arc<DataFile>],
        mut faulty: HashMap<u128, Tally>,
        checked: &mut Checked,
    ) -> Result<(), LedgerError> {
        let mut named = 0;
        for kind in [SUBMISSION, OBSERVATION] {
            for file in files {
                if faulty.is_empty() {
                    return Ok(());
                }
                let columns = ["kind", "feed", "submission"];
                let mut rows = batches(&self.object_store(), file, kind, &columns).await?;
                while let Some(batch) = rows.next().await? {
                    for (feed, id) in ids(&batch) {
                        if let Some(tally) = faulty.remove(&key(feed, id)) {
                            checked.judge(feed, id, tally);
                            named += 1;
                        }
                        if named == NAMED_MAX && !faulty.is_empty() {
                            let more = faulty.len();
                            checked.find("whole", format!("{more} more submissions have a fault"));
                            return Ok(());
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

/// The feed and the id of each row.
fn ids(batch: &RecordBatch) -> impl Iterator<Item = (&str, &str)> {
    let [feeds, ids] = ["feed", "submission"].map(|name| batch[name].as_string::<i32>());
    (0..batch.num_rows()).map(|row| (feeds.value(row), ids.value(row)))
}

impl Pass {
    /// The digest of an id, if this pass minds it.
    fn digest(&self, feed: &str, id: &str) -> Option<u128> {
        let digest = key(feed, id);
        (digest % u128::from(self.of) == u128::from(self.number)).then_some(digest)
    }

    /// Takes in what submissions say of themselves.
    fn claims(&mut self, batch: &RecordBatch) {
        self.submissions += batch.num_rows() as u64;
        let [accepted, positions] =
            ["accepted", "position"].map(|name| batch[name].as_primitive::<Int64Type>());
        let recorded = batch["recorded_at"].as_primitive::<TimestampMicrosecondType>();
        for (row, (feed, id)) in ids(batch).enumerate() {
            if let Some(digest) = self.digest(feed, id) {
                let tally = self.tallies.entry(digest).or_default();
                tally.copies += 1;
                tally.rows_claimed = accepted.value(row);
            }
            let position = positions.value(row);
            if block(position) % self.of == self.number {
                self.stamps.push((position, recorded.value(row)));
            }
        }
    }

    /// Counts rows that landed.
    fn rows(&mut self, batch: &RecordBatch) {
        self.observations += batch.num_rows() as u64;
        let mut last: Option<((&str, &str), Option<u128>)> = None;
        for id in ids(batch) {
            let digest = match last {
                // Rows of one submission often lie side by side.
                Some((known, digest)) if known == id => digest,
                _ => self.digest(id.0, id.1),
            };
            last = Some((id, digest));
            if let Some(digest) = digest {
                self.tallies.entry(digest).or_default().rows += 1;
            }
        }
    }
}

fn block(position: i64) -> u64 {
    position.unsigned_abs() / BLOCK
}

impl Checked {
    fn find(&mut self, invariant: &'static str, message: String) {
        self.findings.push(Finding { invariant, message });
    }

    fn judge(&mut self, feed: &str, id: &str, tally: Tally) {
        let Tally { rows_claimed, copies, rows } = tally;
        if copies != 1 {
            self.find("once", format!("`{id}` of the feed `{feed}` is there {copies} times"));
        }
        if i64::try_from(rows) != Ok(rows_claimed) {
            let message =
                format!("`{id}` of the feed `{feed}` has {rows} rows, not {rows_claimed}");
            self.find("whole", message);
        }
    }

    /// Judges the stamps of some blocks, and remembers the ends of each.
    fn judge_stamps(&mut self, stamps: &mut [Stamp], ends: &mut BTreeMap<u64, (Stamp, Stamp)>) {
        stamps.sort_unstable();
        for block in stamps.chunk_by(|one, next| block(one.0) == block(next.0)) {
            block.windows(2).for_each(|pair| self.judge_pair(pair[0], pair[1]));
            if let (Some(first), Some(last)) = (block.first(), block.last()) {
                ends.insert(self::block(first.0), (*first, *last));
            }
        }
    }

    /// Judges the end of each block against the beginning of the next.
    fn judge_ends(&mut self, ends: &BTreeMap<u64, (Stamp, Stamp)>) {
        for ((_, before), (first, _)) in ends.values().zip(ends.values().skip(1)) {
            self.judge_pair(*before, *first);
        }
    }

    fn judge_pair(&mut self, before: Stamp, (position, stamp): Stamp) {
        if before.1 >= stamp {
            let message =
                format!("the stamp {stamp} of entry {position} is not after {}", before.1);
            self.find("order", message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_held_against_each_other_however_many_passes_there_are() {
        // Two of one entry in the wrong order are none; the last of a block is after the first of the next.
        let stamps = [(1, 10), (2, 22), (2, 21), (3, 90), (4, 80), (9, 85), (9, 85), (13, 70)];
        for of in 1..5 {
            let (mut checked, mut ends) = (Checked::default(), BTreeMap::new());
            for number in 0..of {
                let ours = stamps.iter().filter(|(position, _)| block(*position) % of == number);
                checked.judge_stamps(&mut ours.copied().collect::<Vec<_>>(), &mut ends);
            }
            checked.judge_ends(&ends);
            let mut found: Vec<_> = checked.findings.iter().map(|f| f.message.as_str()).collect();
            found.sort_unstable();
            let wanted = [
                "the stamp 70 of entry 13 is not after 85",
                "the stamp 80 of entry 4 is not after 90",
                "the stamp 85 of entry 9 is not after 85",
            ];
            assert_eq!(found, wanted, "{of} passes");
        }
    }
}
