//! The way of a row, step by step, as the README tells it: a district's file, the hub's answer, the city's questions.

use std::path::Path;

use crate::document::Document;
use crate::house::{HANOI, Hub, run};

const FILE: &str = "\
indicator,unit,period,value,note
community_digital_teams,09784,2024-06-30,9,
community_digital_teams,09826,2024-06-30,7,
community_digital_teams,09829,2024-06-30,4,\"bốn thôn, mỗi thôn một tổ\"
";
const RANKING: &str = "rankings/community_digital_teams?level=commune&within=273&period=2024-06-30";
const TOTAL: &str = "totals/community_digital_teams?by=commune&within=273&period=2024-06-30";
const IN_SQL: &str =
    "SELECT unit, value, submission, position FROM current WHERE feed = 'dan-phuong' ORDER BY unit";

#[tokio::test]
async fn the_way_of_a_row() {
    let (lake, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());

    // 1. A hub opens its lake, a folder that is empty yet.
    let hub = Hub::start(lake.path()).await;

    // 2. Its catalogue says which units, indicators and feeds there are.
    hub.dinh(&["catalog", "apply", HANOI]).await.well();

    // 3. The office of Huyện Đan Phượng gets a token for its feed and its own subtree.
    let token =
        hub.dinh(&["token", "issue", "--feed", "dan-phuong", "--within", "273"]).await.well();

    // 4. The office pushes a file. The answer comes when the rows are durable, and names the ledger's entry.
    let file = files.path().join("quy-2.csv");
    std::fs::write(&file, FILE).unwrap();
    let pushed = push(&hub, &file, token.trim()).await;
    assert_eq!(["rows", "accepted", "refused"].map(|count| pushed.at(count)), ["3", "3", "0"]);
    let position: u64 = pushed.at("position").parse().unwrap();

    // 5. Whoever asks from now on gets an answer that includes them, and says so by its position.
    let ranking = hub.ask(RANKING).await;
    assert!(ranking.at("position").parse::<u64>().unwrap() >= position, "{ranking}");
    assert_eq!(ranking.each("rows", "rank"), ["1", "2", "3"]);
    assert_eq!(ranking.each("rows", "code"), ["09784", "09826", "09829"]);
    assert_eq!(ranking.each("rows", "value"), ["9", "7", "4"]);
    assert_eq!(ranking.len("missing"), 13, "no other commune reported, and none is taken for zero");
    let total = hub.ask(TOTAL).await;
    assert_eq!(
        (total.at("total/value"), total.at("coverage/reported")),
        ("20".to_owned(), "3".to_owned())
    );

    // 6. SQL gives the same rows, with the submission and the entry that they came by.
    let submission = pushed.at("submission");
    let rows = hub.sql(IN_SQL).await;
    let row = |unit: &str, value: &str| format!("{unit},{value}.000000,{submission},{position}");
    assert_eq!(rows, [row("09784.1", "9"), row("09826.1", "7"), row("09829.1", "4")]);

    // 7. Nothing of this is in memory only.
    assert!(hub.stop().await.success());
    let hub = Hub::start(lake.path()).await;
    assert_eq!((hub.ask(RANKING).await, hub.ask(TOTAL).await), (ranking, total));
    assert_eq!(hub.sql(IN_SQL).await, rows);

    // 8. And who is not sure whether a push came through pushes again: it is counted once, and gets its first answer.
    let again = push(&hub, &file, token.trim()).await;
    let receipt = |answer: &Document| {
        ["submission", "position", "recorded_at", "digest"].map(|part| answer.at(part))
    };
    assert_eq!(receipt(&again), receipt(&pushed));
    assert_eq!(again.at("repeated"), "true");
    assert_eq!(hub.sql(IN_SQL).await, rows);
}

/// `dinh push`, its summary as JSON.
async fn push(hub: &Hub, file: &Path, token: &str) -> Document {
    let (file, door) = (file.to_str().unwrap(), hub.door());
    let arguments =
        ["push", file, "--feed", "dan-phuong", "--to", &door, "--token", token, "--output", "json"];
    Document::new(run(&arguments).await.well())
}
