//! `dinh bench ingest` through the real binary: the figures are there, the counts are right, and nothing stays behind.

use crate::document::Document;
use crate::house::run;

#[tokio::test]
async fn the_benchmark_counts_what_it_sent_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["bench", "ingest", "--rows", "2000", "--batch-rows", "50", "--pushes", "20"];
    let dir = folder.path().to_str().unwrap();
    // It ends with an error when the hub counts other rows than it acked.
    let said = run(&[&arguments[..], &["--dir", dir, "--output", "json"]].concat()).await.well();
    let report = Document::new(said);
    let figures = report.each("figures", "figure");
    for figure in ["count(*) of observations, right", "count(*) of current, right"] {
        assert_eq!(figures.iter().filter(|name| *name == figure).count(), 2, "{report}");
    }
    let works = report.each("figures", "work");
    for work in ["arrow", "typed", "push", "bare", "ratio", "ratio, awake"] {
        assert!(works.iter().any(|name| name == work), "{report}");
    }
    assert!(report.at("run/folder").starts_with(dir), "{report}");
    assert_eq!(std::fs::read_dir(dir).unwrap().count(), 0);
}
