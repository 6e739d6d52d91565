//! What a check finds in a ledger that is not sound, in however many passes it is read.

use object_store::ObjectStoreExt;
use object_store::path::Path;

use super::*;
use crate::delta::{Commit, Entry, Provenance, unique};
use crate::ledger::check::{Checked, Finding};

/// Puts an entry that no hub would put.
async fn put(ledger: &Ledger, entry: Entry) {
    let position = ledger.snapshot().position + 1;
    let provenance = Provenance { commit: unique(), stamp: 0, submissions: Vec::new() };
    let entry = Entry { provenance, ..entry };
    let staged = ledger.table.stage(position, &entry).await.unwrap();
    let put = ledger.table.commit(position, &entry, &staged).await.unwrap();
    assert!(matches!(put, Commit::Done));
    ledger.follow().await.unwrap();
}

async fn checks(ledger: &Ledger) -> Checked {
    let at_once = ledger.check().await.unwrap();
    for ids in [1, 3, 10] {
        assert_eq!(ledger.check_by(ids).await.unwrap(), at_once, "{ids} at once");
    }
    at_once
}

fn found(checked: &Checked, invariant: &str) -> Vec<String> {
    let ours = checked.findings.iter().filter(|finding| finding.invariant == invariant);
    ours.map(|Finding { message, .. }| message.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_doubled_lost_or_gone_is_found_and_named() {
    let store = memory();
    let ledger = open(&store).await;
    for n in 0..20 {
        recorded(ledger.append(vec![submission("a", &n.to_string(), 2)]).await.unwrap());
        if n == 9 {
            ledger.maintain().await.unwrap();
        }
    }
    let sound = checks(&ledger).await;
    assert_eq!((sound.submissions, sound.observations, sound.findings), (20, 40, Vec::new()));

    let files = ledger.snapshot().files.clone();
    let fresh: Vec<_> = files.iter().filter(|file| !file.is_sorted()).collect();
    // One entry's file is there once more under another name, and the merged observations are named no more.
    let mut copy = fresh[0].to_live();
    copy.path = format!("copy-{}", copy.path);
    let [from, to] = [&fresh[0].path, &copy.path].map(|path| Path::from(format!("ledger/{path}")));
    store.copy(&from, &to).await.unwrap();
    let merged = files.iter().find(|file| file.is_sorted() && file.stats.may_hold(OBSERVATION));
    let removes = vec![merged.unwrap().removed(0)];
    put(&ledger, Entry { adds: vec![copy], removes, ..Entry::default() }).await;
    let checked = checks(&ledger).await;
    assert_eq!(checked.submissions, 21);
    assert_eq!(found(&checked, "once").len(), 1, "{checked:?}");
    assert_eq!(found(&checked, "order").len(), 1, "{checked:?}");
    let whole = found(&checked, "whole");
    assert_eq!(whole.len(), 11, "ten lost their rows, and one has them twice: {whole:?}");
    assert!(whole[0].contains("has 0 rows, not 2"), "{whole:?}");
    assert!(whole.iter().any(|message| message.contains("has 4 rows, not 2")), "{whole:?}");
    assert_eq!(found(&checked, "present"), [""; 0]);

    store.delete(&to).await.unwrap();
    let checked = checks(&ledger).await;
    assert!(found(&checked, "present")[0].contains("copy-"), "{checked:?}");
    assert_eq!((found(&checked, "once"), found(&checked, "whole").len()), (Vec::new(), 10));
}
