//! `dinh bench` through the real binary: the figures are there, the counts are right, and nothing stays behind.

use crate::document::Document;
use crate::house::run;

async fn bench(arguments: &[&str]) -> Document {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let common = ["--dir", dir, "--output", "json"];
    // It ends with an error when the hub counts other rows than it acked.
    let report = Document::new(run(&[&["bench"], arguments, &common].concat()).await.well());
    assert!(report.at("run/folder").starts_with(dir), "{report}");
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
    report
}

#[tokio::test]
async fn ingest_counts_what_it_sent() {
    let arguments = ["ingest", "--rows", "2000", "--batch-rows", "50", "--revisions", "10"];
    let report = bench(&arguments).await;
    let figures = report.each("figures", "figure");
    for figure in [
        "count(*) of observations, right",
        "count(*) of current, right",
        "merging and counting after the last ack",
    ] {
        assert_eq!(figures.iter().filter(|name| *name == figure).count(), 2, "{report}");
    }
}

#[tokio::test]
async fn an_ack_stands_beside_the_bare_disk() {
    let report = bench(&["ack", "--pushes", "20", "--clients", "4", "--client-pushes", "5"]).await;
    let works = report.each("figures", "work");
    for work in ["push", "bare", "ratio", "push, awake", "bare, awake", "ratio, awake", "crowd"] {
        assert!(works.iter().any(|name| name == work), "{report}");
    }
}
