//! Which rows each connection sends, in which batches: the same at every run.
//!
//! A connection reports on communes of its own, day after day, as a district's office does. From its fifth batch on, some
//! rows in a hundred revise a key of an earlier batch; the others are new keys.
//!
//! Invariant: no key comes twice in one batch, and [`Share::keys`] is how many different keys there are in all.

use std::ops::Range;

use anyhow::ensure;

use super::town::{COMMUNES, DAYS, INDICATORS};

/// Batches that come before the first revision: what is revised then is acked long since.
const REVISED_AFTER: u64 = 4;
/// Rows in a hundred that may be revisions: each revises a key of its own, and the first batches have new ones only.
pub(super) const REVISED_PERCENT_MAX: u64 = 50;

/// One row: ordinals of the town, and a figure in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    /// The indicator.
    pub(super) indicator: u64,
    /// The commune.
    pub(super) commune: u64,
    /// The day.
    pub(super) day: u64,
    /// The figure.
    pub(super) hundredths: u16,
}

/// What one connection sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Share {
    /// The connection, from 0.
    pub(super) connection: u64,
    /// The communes that it reports on.
    pub(super) communes: Range<u64>,
    rows: u64,
    batch_rows: u64,
    revised_percent: u64,
}

/// Divides rows among connections.
///
/// # Errors
/// When there are more connections than communes, or more rows than the town has cells.
pub(super) fn shares(
    rows: u64,
    connections: u64,
    batch_rows: u64,
    revised_percent: u64,
) -> anyhow::Result<Vec<Share>> {
    ensure!(
        (1..=COMMUNES).contains(&connections),
        "connections are 1 to {COMMUNES}, not {connections}"
    );
    let communes = COMMUNES / connections;
    let cells = communes * INDICATORS * DAYS;
    ensure!(batch_rows > 0, "a batch has at least one row");
    ensure!(
        revised_percent <= REVISED_PERCENT_MAX,
        "at most {REVISED_PERCENT_MAX} % of the rows revise others, not {revised_percent} %"
    );
    ensure!(
        rows.div_ceil(connections) <= cells,
        "{connections} connections can send {} different rows at most, not {rows}",
        cells * connections
    );
    let share = |connection: u64| {
        let first = connection * communes;
        let rows = rows / connections + u64::from(connection < rows % connections);
        Share { connection, communes: first..first + communes, rows, batch_rows, revised_percent }
    };
    Ok((0..connections).map(share).collect())
}

impl Share {
    /// How many batches there are.
    #[must_use]
    pub(super) fn batches(&self) -> u64 {
        self.rows.div_ceil(self.batch_rows)
    }

    /// How many rows there are.
    #[must_use]
    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// How many different keys there are.
    #[must_use]
    pub(super) fn keys(&self) -> u64 {
        self.keys_before(self.batches())
    }

    /// The rows of one batch: revisions first, each part in order of days.
    #[must_use]
    pub(super) fn batch(&self, index: u64) -> Vec<Cell> {
        let revised = self.revised(index);
        let (known, fresh) =
            (self.keys_before(index.saturating_sub(REVISED_AFTER - 1)), self.keys_before(index));
        let stride = known.checked_div(revised).unwrap_or(0);
        let offset = scatter(index, 0).checked_rem(stride).unwrap_or(0);
        let old = (0..revised).map(|n| offset + n * stride);
        let new = fresh..fresh + self.rows_of(index) - revised;
        old.chain(new).map(|key| self.cell(key, index)).collect()
    }

    fn rows_of(&self, index: u64) -> u64 {
        self.batch_rows.min(self.rows - index * self.batch_rows)
    }

    fn revised(&self, index: u64) -> u64 {
        if index < REVISED_AFTER { 0 } else { self.rows_of(index) * self.revised_percent / 100 }
    }

    /// How many new keys the batches before one have.
    fn keys_before(&self, index: u64) -> u64 {
        let Some(last) = index.checked_sub(1) else { return 0 };
        let whole = last * self.batch_rows
            - last.saturating_sub(REVISED_AFTER) * (self.batch_rows * self.revised_percent / 100);
        whole + self.rows_of(last) - self.revised(last)
    }

    fn cell(&self, key: u64, batch: u64) -> Cell {
        let communes = self.communes.end - self.communes.start;
        Cell {
            indicator: key % INDICATORS,
            commune: self.communes.start + key / INDICATORS % communes,
            day: key / (INDICATORS * communes),
            hundredths: u16::try_from(scatter(key, batch) % 10_000).expect("below ten thousand"),
        }
    }
}

/// A number that looks random and is always the same (the finaliser of splitmix64).
fn scatter(a: u64, b: u64) -> u64 {
    let x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(b);
    let x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_rows_are_sent_and_the_keys_are_counted() {
        for (rows, connections, batch_rows, revised) in [
            (60_007, 8, 500, 5),
            (5_000, 1, 100, 50),
            (13, 2, 5, 20),
            (400, 600, 10, 5),
            (9_000, 2, 70, 0),
        ] {
            let (mut sent, mut keys, mut promised) = (0, HashSet::new(), 0);
            for share in shares(rows, connections, batch_rows, revised).unwrap() {
                promised += share.keys();
                for index in 0..share.batches() {
                    let batch = share.batch(index);
                    let of_batch: HashSet<_> =
                        batch.iter().map(|c| (c.indicator, c.commune, c.day)).collect();
                    assert_eq!(of_batch.len(), batch.len(), "batch {index} has a key twice");
                    sent += batch.len() as u64;
                    keys.extend(of_batch);
                }
            }
            assert_eq!((sent, keys.len() as u64), (rows, promised));
        }
    }

    #[test]
    fn as_many_rows_revise_as_was_asked_for() {
        let shares = shares(800_000, 8, 1_000, 5).unwrap();
        let keys: u64 = shares.iter().map(Share::keys).sum();
        assert_eq!(800_000 - keys, 8 * 96 * 50);
        assert_eq!(shares[3].batch(50), shares[3].batch(50));
    }

    #[test]
    fn what_the_town_cannot_hold_is_refused() {
        assert!(shares(1, 0, 1, 5).is_err());
        assert!(shares(1, 601, 1, 5).is_err());
        assert!(shares(1, 8, 0, 5).is_err());
        assert!(shares(60_000_000, 8, 700, 5).is_err());
        assert!(shares(1, 8, 1, 51).is_err());
    }
}
