//! How far each feed and each numbering producer has come, as the log itself tells it.
//!
//! An entry carries a Delta transaction for each feed that it holds a submission of (`dinh/feed/<feed>`, the entry's
//! position) and for each producer that numbered one (`dinh/producer/<feed>/<producer>`, epoch and sequence as one number,
//! see [`Numbering::version`]). Delta keeps the newest of each in its checkpoints, so opening needs no history, and any
//! Delta reader can audit it.

use std::collections::BTreeMap;

use super::schema::Stamped;

/// The transactions of an entry that holds a group.
pub(super) fn transactions(group: &[Stamped<'_>]) -> BTreeMap<String, u64> {
    let mut transactions = BTreeMap::new();
    for Stamped { submission, position, .. } in group {
        transactions.insert(feed_key(&submission.feed), *position);
        if let Some(numbering) = &submission.numbering {
            let key = producer_key(&submission.feed, &numbering.producer);
            // Within a group a producer's numbers only increase.
            transactions.insert(key, numbering.version());
        }
    }
    transactions
}

fn feed_key(feed: &str) -> String {
    format!("dinh/feed/{feed}")
}

fn producer_key(feed: &str, producer: &str) -> String {
    format!("dinh/producer/{feed}/{producer}")
}
