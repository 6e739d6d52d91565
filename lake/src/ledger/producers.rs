//! How far each feed and each numbering producer has come, as the log itself tells it.
//!
//! An entry carries a Delta transaction for each feed that it holds a submission of (`dinh/feed/<feed>`, the entry's
//! position) and for each producer that numbered one (`dinh/producer/<feed>/<producer>`, epoch and sequence as one number,
//! see [`Numbering::version`]). Delta keeps the newest of each in its checkpoints, so opening needs no history, and any
//! Delta reader can audit it.
//!
//! Invariant *turn*: under the writer's lock a numbered submission is taken exactly if it is the next of its producer's
//! newest epoch, or the first of a newer one. What is refused leaves no trace, so the same number may come again.

use std::collections::{BTreeMap, HashMap};

use super::schema::Stamped;
use crate::submission::{Numbering, OutOfTurn};

const PRODUCER: &str = "dinh/producer/";

/// The transactions of an entry that holds a group.
pub(super) fn transactions(group: &[Stamped<'_>]) -> BTreeMap<String, u64> {
    let mut transactions = BTreeMap::new();
    for Stamped { submission, position, .. } in group {
        transactions.insert(format!("dinh/feed/{}", submission.feed), *position);
        if let Some(numbering) = &submission.numbering {
            let key = producer_key(&submission.feed, &numbering.producer);
            // Within a group a producer's numbers only increase.
            transactions.insert(key, numbering.version());
        }
    }
    transactions
}

/// How far all producers have come: as many entries as there are producers, none of which is ever forgotten.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    versions: HashMap<String, u64>,
}

impl Producers {
    /// Takes in the transactions of an entry, or of the log's state; those of others mean nothing here.
    pub(super) fn learn(&mut self, transactions: &BTreeMap<String, u64>) {
        for (key, version) in transactions.iter().filter(|(key, _)| key.starts_with(PRODUCER)) {
            self.raise(key, *version);
        }
    }

    /// The epoch and the sequence that a producer has come to.
    pub(super) fn reached(&self, feed: &str, producer: &str) -> Option<(u64, u64)> {
        self.versions.get(&producer_key(feed, producer)).copied().map(Numbering::parts)
    }

    fn raise(&mut self, key: &str, version: u64) {
        match self.versions.get_mut(key) {
            Some(known) => *known = version.max(*known),
            None => {
                self.versions.insert(key.to_owned(), version);
            }
        }
    }
}

/// The submissions of a group in line behind what is recorded: each one that steps up moves its producer on.
pub(super) struct Line<'a> {
    recorded: &'a Producers,
    ahead: HashMap<String, u64>,
}

impl<'a> Line<'a> {
    pub(super) fn behind(recorded: &'a Producers) -> Self {
        Self { recorded, ahead: HashMap::new() }
    }

    /// Lets pass what a group in flight will record.
    pub(super) fn pass(&mut self, transactions: &BTreeMap<String, u64>) {
        let producers = transactions.iter().filter(|(key, _)| key.starts_with(PRODUCER));
        self.ahead.extend(producers.map(|(key, version)| (key.clone(), *version)));
    }

    /// Lets a submission step up if it comes next; one without a number always does.
    pub(super) fn step(
        &mut self,
        feed: &str,
        numbering: Option<&Numbering>,
    ) -> Result<(), OutOfTurn> {
        let Some(numbering) = numbering else { return Ok(()) };
        let key = producer_key(feed, &numbering.producer);
        let last = self.ahead.get(&key).or_else(|| self.recorded.versions.get(&key));
        let expected = match last.copied().map(Numbering::parts) {
            Some((epoch, _)) if numbering.epoch < epoch => return Err(OutOfTurn::Fenced { epoch }),
            Some((epoch, sequence)) if numbering.epoch == epoch => sequence + 1,
            _ => 1,
        };
        if numbering.sequence > expected {
            return Err(OutOfTurn::Gap { expected });
        }
        if numbering.sequence < expected {
            return Err(OutOfTurn::Used { expected });
        }
        self.ahead.insert(key, numbering.version());
        Ok(())
    }
}

/// A producer's name has no slash, so no two producers share a key, whatever their feeds are called.
fn producer_key(feed: &str, producer: &str) -> String {
    format!("{PRODUCER}{feed}/{producer}")
}
