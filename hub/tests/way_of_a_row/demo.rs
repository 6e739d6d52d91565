//! The demonstration, and the real figures that it leaves behind: five articles, answered exactly.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::document::Document;
use crate::house::{Hub, Reply, port_base, run};

/// Runs `dinh demo --once` in a folder and gives what it showed.
async fn demo(folder: &Path) -> String {
    let port = port_base().to_string();
    run(&["demo", "--once", "--dir", folder.to_str().unwrap(), "--port-base", &port]).await.well()
}

/// What was shown, without the positions: a second run finds the ledger grown, and nothing else changed.
fn without_positions(shown: &str) -> String {
    let mut parts = shown.split("position ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "position " + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

#[tokio::test]
async fn a_second_run_on_the_same_folder_gives_the_same_answers() {
    let folder = tempfile::tempdir().unwrap();
    let first = demo(folder.path()).await;
    assert!(first.contains("Đan Phượng") && first.contains("SYNTHETIC"), "{first}");
    let tokens = folder.path().join("demo-tokens.json");
    assert_eq!(std::fs::metadata(&tokens).unwrap().permissions().mode() & 0o777, 0o600);
    let before = Document::new(std::fs::read_to_string(&tokens).unwrap());
    assert!(
        before.at("analyst").starts_with("dinh_")
            && before.at("feeds/dan-phuong").starts_with("dinh_")
    );

    assert_eq!(without_positions(&demo(folder.path()).await), without_positions(&first));
    let after = Document::new(std::fs::read_to_string(&tokens).unwrap());
    assert_eq!(after, before);
}

#[tokio::test]
async fn the_figures_of_the_five_articles_are_answered_exactly() {
    let folder = tempfile::tempdir().unwrap();
    demo(folder.path()).await;
    let hub = Hub::start(folder.path()).await;
    every_published_figure(&hub).await;
    a_reported_rank_stands_beside_the_computed_one(&hub).await;
    a_citys_figure_declares_what_it_covers(&hub).await;
    made_up_figures_answer_only_when_they_are_named(&hub).await;
    the_tokens_open_what_they_should(&hub).await;
}

const CITY: &str = "01";
const DAN_PHUONG: &str = "273";
const SONG_PHUONG: &str = "Hà Nội/Đan Phượng/Song Phượng";
const DON_DUONG: &str = "Lâm Đồng/Đơn Dương";
const LAC_LAM: &str = "Lâm Đồng/Đơn Dương/Lạc Lâm";
const DO_LUONG: &str = "Nghệ An/Đô Lương";
const TRANG_SON: &str = "Nghệ An/Đô Lương/Tràng Sơn";

/// Indicator, unit, period, value, qualifier.
const PUBLISHED: [(&str, &str, &str, &str, &str); 35] = [
    ("commune_digital_teams", DAN_PHUONG, "2024-04-25", "16", "exact"),
    ("community_digital_teams", DAN_PHUONG, "2024-04-25", "129", "exact"),
    ("digital_team_members_total", DAN_PHUONG, "2024-04-25", "1015", "exact"),
    ("par_index_pct", DAN_PHUONG, "2023", "93.86", "exact"),
    ("par_index_rank", DAN_PHUONG, "2023", "21", "exact"),
    ("par_index_rank_universe", DAN_PHUONG, "2023", "30", "exact"),
    ("villages_with_community_team", CITY, "2024-04-25", "3064", "exact"),
    ("community_team_members", CITY, "2024-04-25", "23726", "approx"),
    ("wan_communes_connected", CITY, "2024-04-25", "579", "exact"),
    ("population", SONG_PHUONG, "2022-11-04", "5209", "exact"),
    ("villages_total", SONG_PHUONG, "2022-11-04", "4", "exact"),
    ("security_cameras_total", SONG_PHUONG, "2022-11-04", "579", "exact"),
    ("security_cameras_added", SONG_PHUONG, "2022-11-04", "68", "exact"),
    ("solar_lights_total", SONG_PHUONG, "2022-11-04", "147", "exact"),
    ("solar_lights_added", SONG_PHUONG, "2022-11-04", "91", "exact"),
    ("households_with_bank_account_pct", SONG_PHUONG, "2022-11-04", "93.7", "exact"),
    ("households_with_internet_pct", SONG_PHUONG, "2022-11-04", "94", "exact"),
    ("chip_id_card_pct", SONG_PHUONG, "2022-11-04", "95", "exact"),
    ("e_identification_pct", SONG_PHUONG, "2022-11-04", "79.3", "exact"),
    ("online_payment_dossiers", DON_DUONG, "2022-01-01/2022-12-15", "4155", "exact"),
    ("online_payment_amount_million_vnd", DON_DUONG, "2022-01-01/2022-12-15", "64.5", "exact"),
    ("digitised_results_pct", DON_DUONG, "2022", "50.94", "exact"),
    ("community_digital_teams", LAC_LAM, "2022-12-21", "10", "exact"),
    ("villages_total", LAC_LAM, "2022-12-21", "10", "exact"),
    ("community_team_members", LAC_LAM, "2022-12-21", "50", "exact"),
    ("community_digital_teams", DO_LUONG, "2024-08-14", "190", "exact"),
    ("eoffice_active_users_pct", DO_LUONG, "2023-12-10/2024-07-30", "98.45", "exact"),
    ("outgoing_docs_signed_pct", DO_LUONG, "2023-12-10/2024-07-30", "97.32", "exact"),
    ("ocop_on_ecommerce", DO_LUONG, "2024-08-14", "26", "exact"),
    ("ocop_total", DO_LUONG, "2024-08-14", "35", "exact"),
    ("bts_stations", DO_LUONG, "2024-08-14", "130", "gt"),
    ("hamlets_mobile_fibre_covered", TRANG_SON, "2024-08-14", "7", "exact"),
    ("hamlets_total", TRANG_SON, "2024-08-14", "7", "exact"),
    ("districts_total", CITY, "2024-04", "30", "exact"),
    ("communes_total", CITY, "2024-04-25", "579", "exact"),
];

async fn every_published_figure(hub: &Hub) {
    for (indicator, unit, period, value, qualifier) in PUBLISHED {
        let series = hub.ask(&format!("series/{indicator}?unit={}", encoded(unit))).await;
        let periods = series.each("rows", "period");
        let row = periods.iter().position(|known| known == period);
        let row = row.unwrap_or_else(|| {
            panic!("{indicator} of {unit} is known for {periods:?}, not for {period}")
        });
        let of = |member: &str| series.at(&format!("rows/{row}/{member}"));
        assert_eq!(
            (of("value").as_str(), of("qualifier").as_str()),
            (value, qualifier),
            "{indicator} of {unit}"
        );
        assert_eq!(series.at("contains_synthetic"), "false", "{indicator} of {unit}");
    }
    let final_score = hub.ask("series/par_index_pct?unit=273").await;
    assert_eq!(final_score.each("rows", "stage"), ["final"]);
}

async fn a_reported_rank_stands_beside_the_computed_one(hub: &Hub) {
    let ranking = hub.ask("rankings/par_index_pct?level=district&period=2023").await;
    assert_eq!(ranking.each("rows", "rank"), ["1", "2", "2", "4", "5", "6"]);
    assert_eq!(ranking.each("rows", "value"), ["96.3", "95.7", "95.7", "95.22", "93.86", "91.61"]);
    assert_eq!(ranking.each("rows", "tied"), ["false", "true", "true", "false", "false", "false"]);
    let names = ["Đống Đa", "Hoàn Kiếm", "Nam Từ Liêm", "Cầu Giấy", "Đan Phượng", "Phú Xuyên"];
    for (full, name) in ranking.each("rows", "name").iter().zip(names) {
        assert!(full.ends_with(name), "{full} is not {name}");
    }
    let [dan_phuong, others] = [4, 0].map(|row| ranking.at(&format!("rows/{row}/reported_rank")));
    assert_eq!((dan_phuong.as_str(), others.as_str()), ("21", "null"));
    let counts = ["universe", "ranked", "coverage/expected", "coverage/reported"]
        .map(|count| ranking.at(count));
    assert_eq!((counts, ranking.len("missing")), (["30", "6", "30", "6"].map(str::to_owned), 24));
}

async fn a_citys_figure_declares_what_it_covers(hub: &Hub) {
    for (indicator, value, qualifier) in [
        ("villages_with_community_team", "3064", "exact"),
        ("community_team_members", "23726", "approx"),
    ] {
        let total = hub.ask(&format!("totals/{indicator}?within=01&period=2024-04-25")).await;
        assert_eq!(
            (total.at("total/value").as_str(), total.at("total/qualifier").as_str()),
            (value, qualifier)
        );
        let declared =
            ["reported", "expected"].map(|part| total.at(&format!("coverage/declared/{part}")));
        assert_eq!(
            (declared, total.at("coverage/silent")),
            (["18", "30"].map(str::to_owned), "null".to_owned())
        );
    }
}

async fn made_up_figures_answer_only_when_they_are_named(hub: &Hub) {
    for question in [
        "rankings/community_digital_teams?level=commune&within=01",
        "totals/community_digital_teams?within=01",
        "totals/community_team_members?within=01",
        "series/community_digital_teams?unit=09829",
    ] {
        let official = hub.ask(question).await;
        assert_eq!(official.at("contains_synthetic"), "false", "{question}");
        assert!(
            !official.each("feeds", "").contains(&"demo-synthetic".to_owned()),
            "{question}: {official}"
        );
        let made_up = hub.ask(&format!("{question}&feed=demo-synthetic")).await;
        assert_eq!(made_up.at("contains_synthetic"), "true", "{question}");
        assert_eq!(made_up.each("feeds", ""), ["demo-synthetic"], "{question}");
    }
    let none = hub.get("/v1/rankings/online_dossiers_pct?level=commune&within=01").await;
    assert!(none.status == 404 || none.json().len("rows") == 0, "nobody published one: {none:?}");
    let all =
        hub.ask("rankings/online_dossiers_pct?level=commune&within=01&feed=demo-synthetic").await;
    assert_eq!(
        ["period", "universe", "ranked"].map(|part| all.at(part)),
        ["2024-12", "579", "579"]
    );
    let classes = hub.sql("SELECT DISTINCT feed_class FROM observations").await;
    assert_eq!(classes, ["official"], "they do not meet in SQL either");
}

async fn the_tokens_open_what_they_should(hub: &Hub) {
    let tokens = std::fs::read_to_string(hub.lake.folder().join("demo-tokens.json")).unwrap();
    let tokens = Document::new(tokens);
    let bearer = format!("Bearer {}", tokens.at("analyst"));
    let ask = async |bearer: &str| -> Reply {
        hub.http(
            "POST",
            "/v1/sql",
            &[("authorization", bearer)],
            "SELECT count(*) AS n FROM submissions",
        )
        .await
    };
    assert_eq!(ask(&bearer).await.json().at("rows/0/n"), "7", "one submission for each feed");
    let feeds = tokens.names("feeds");
    assert_eq!(feeds.len(), 7, "{feeds:?}");
    assert_eq!(ask(&format!("Bearer {}", tokens.at("feeds/ha-noi"))).await.status, 403);
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
