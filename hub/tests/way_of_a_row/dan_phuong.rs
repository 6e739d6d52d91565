//! What Huyện Đan Phượng published on 25 April 2024, pushed as its office would write it and as a program would: the same rows.

use crate::house::{Hub, row, run, submission};

/// 16 teams of communes, 129 of villages, 1.015 members; a score of 93,86 %.
const VIETNAMESE: &str = "\
indicator;unit;period;stage;value
commune_digital_teams;273;2024-04-25;self;16
community_digital_teams;273;2024-04-25;self;129
digital_team_members_total;273;2024-04-25;self;1.015
par_index_pct;273;2023;final;93,86 %
";

const FIGURES: &str = "SELECT indicator, unit, period, period_start, period_end, stage, value, numerator, denominator, \
                       qualifier, status FROM observations WHERE submission = '{}' ORDER BY indicator";

#[tokio::test]
async fn a_vietnamese_file_and_typed_rows_give_the_same_rows() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(&folder.path().join("lake")).await;
    let token = hub.token("dan-phuong", Some("273")).await;
    let file = folder.path().join("figures.csv");
    std::fs::write(&file, VIETNAMESE).unwrap();
    let (file, door) = (file.to_str().unwrap(), hub.door());
    let more = ["--to", &door, "--token", &token, "--locale", "vi", "--id", "file"];
    run(&[&["push", file, "--feed", "dan-phuong"], &more[..]].concat()).await.well();

    let day = "2024-04-25";
    let mut score = row("par_index_pct", "273", "2023", "93.86");
    score.stage = "final".to_owned();
    let rows = vec![
        row("commune_digital_teams", "273", day, "16"),
        row("community_digital_teams", "273", day, "129"),
        row("digital_team_members_total", "273", day, "1015"),
        score,
    ];
    hub.publisher(&token).await.push(submission("dan-phuong", "rows", rows)).await.unwrap();

    let of = async |id: &str| hub.sql(&FIGURES.replace("{}", id)).await;
    let (file, rows) = (of("file").await, of("rows").await);
    assert_eq!(file, rows);
    let values: Vec<_> = file.iter().map(|row| row.split(',').nth(6).unwrap()).collect();
    assert_eq!(values, ["16.000000", "129.000000", "1015.000000", "93.860000"]);
    let counts = "SELECT submission, rows_new, rows_revised, rows_unchanged FROM submissions \
                  WHERE feed = 'dan-phuong' ORDER BY recorded_at";
    assert_eq!(hub.sql(counts).await, ["file,4,0,0", "rows,0,0,4"]);
    // 16 teams of communes, and 16 communes.
    let communes = hub.ask("units?level=commune&within=273&on=2024-04-25").await;
    assert_eq!(communes.at("total"), "16");
}
