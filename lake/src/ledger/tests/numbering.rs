//! The numbering of producers: what the log tells of it, and what is refused for it.

use super::*;
use crate::submission::Numbering;

fn numbered(id: &str, producer: &str, epoch: u64, sequence: u64) -> Submission {
    let numbering = Some(Numbering { producer: producer.into(), epoch, sequence });
    Submission { numbering, ..submission("a", id, 1) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_tells_how_far_its_feeds_and_producers_have_come() {
    let ledger = open(&memory()).await;
    let group = vec![
        numbered("1", "", 0, 1),
        numbered("2", "agent", 7, 1),
        numbered("3", "agent", 7, 2),
        submission("b", "1", 1),
    ];
    recorded(ledger.append(group).await.unwrap());
    let entry = ledger.table.read(1).await.unwrap().unwrap();
    let told: Vec<_> = entry.transactions.iter().map(|(key, n)| (key.as_str(), *n)).collect();
    assert_eq!(
        told,
        [
            ("dinh/feed/a", 1),
            ("dinh/feed/b", 1),
            ("dinh/producer/a/", 1),
            ("dinh/producer/a/agent", (7 << 40) | 2),
        ]
    );
    let columns = rows(&ledger, SUBMISSION).await;
    let sequences = columns[0]["sequence"].as_primitive::<Int64Type>();
    assert_eq!(sequences.iter().collect::<Vec<_>>(), [Some(1), Some(1), Some(2), None]);
}
