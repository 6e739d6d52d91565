//! The command line as scripts and operators use it: how a push ends, templates, the catalogue, tokens, a lake by itself.

use std::path::{Path, PathBuf};

use crate::house::{HANOI, Hub, Said, row, run, submission};

const HEADER: &str = "indicator,unit,period,value\n";
const TEAMS: &str = "community_digital_teams";

/// The office of Huyện Đan Phượng with its files.
struct Office {
    hub: Hub,
    token: String,
    files: PathBuf,
}

impl Office {
    async fn open(folder: &Path) -> Self {
        let (lake, files) = (folder.join("lake"), folder.join("files"));
        std::fs::create_dir(&files).unwrap();
        let hub = Hub::with_catalogue(&lake).await;
        let token = hub.token("dan-phuong", Some("273")).await;
        Self { hub, token, files }
    }

    fn file(&self, name: &str) -> String {
        self.files.join(name).to_str().unwrap().to_owned()
    }

    async fn push(&self, name: &str, content: impl AsRef<[u8]>, more: &[&str]) -> Said {
        std::fs::write(self.files.join(name), content).unwrap();
        let (file, door) = (self.file(name), self.hub.door());
        let given = more.contains(&"--token");
        let token = if given { &[][..] } else { &["--token", &self.token] };
        run(&[&["push", &file, "--feed", "dan-phuong", "--to", &door], token, more].concat()).await
    }
}

/// A file of figures of communes.
fn figures(units: &[(&str, &str)]) -> String {
    let line = |(unit, value): &(&str, &str)| format!("{TEAMS},{unit},2024-06-30,{value}\n");
    HEADER.to_owned() + &units.iter().map(line).collect::<String>()
}

#[tokio::test]
async fn a_script_can_tell_how_a_push_ended() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let good = figures(&[("09784", "9")]);
    let two_ways = figures(&[("09787", "1.015")]);
    for (what, content, more, code) in [
        ("all is judged well", &good, &["--dry-run"][..], 0),
        ("all lands", &good, &["--id", "1"], 0),
        ("all is refused", &figures(&[("99999", "9")]), &[], 4),
        ("there is nothing in it", &HEADER.to_owned(), &[], 4),
        ("a figure reads two ways", &two_ways, &[], 2),
        ("it is said which way", &two_ways, &["--locale", "vi"], 0),
        ("a token of nobody", &good, &["--token", "dinh_nobody"], 5),
        ("an id for other content", &figures(&[("09784", "8")]), &["--id", "1"], 7),
    ] {
        let said = office.push("figures.csv", content, more).await;
        assert_eq!(said.code, code, "{what}: {said:?}");
    }
    let landed = office.hub.sql("SELECT unit, CAST(value AS BIGINT) FROM current ORDER BY unit");
    assert_eq!(landed.await, ["09784.1,9", "09787.1,1015"]);
    let (file, door) = (office.file("figures.csv"), office.hub.door());
    office.hub.kill().await;
    let nobody = ["push", &file, "--feed", "dan-phuong", "--to", &door, "--locale", "vi"];
    assert_eq!(run(&nobody).await.code, 6);
}

#[tokio::test]
async fn refused_rows_come_back_to_be_corrected_and_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let rejects = office.file("rejects.csv");
    let mixed = figures(&[("09784", "9"), ("9829", "4"), ("09826", "không rõ")]);
    let said = office.push("mixed.csv", mixed, &["--rejects", &rejects]).await;
    assert_eq!(said.code, 3, "{said:?}");
    let back = std::fs::read_to_string(&rejects).unwrap();
    assert_eq!(back.lines().count(), 3, "{back}");
    assert!(back.contains("unit.unknown") && back.contains("09829"), "{back}");
    let corrected = back.replace(",9829,", ",09829,").replace("không rõ", "7");
    office.push("corrected.csv", corrected, &[]).await.well();
    let landed = office.hub.sql("SELECT unit, CAST(value AS BIGINT) FROM current ORDER BY unit");
    assert_eq!(landed.await, ["09784.1,9", "09826.1,7", "09829.1,4"]);
}

#[tokio::test]
async fn a_file_as_vietnamese_excel_saves_it_lands() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let text = "chỉ tiêu;đơn vị;kỳ;giá trị\r\narea_km2;09829;2022-11-04;2,55\r\n";
    let utf_16 = [0xfeff].into_iter().chain(text.encode_utf16());
    let bytes: Vec<u8> = utf_16.flat_map(u16::to_le_bytes).collect();
    office.push("excel.csv", bytes, &["--locale", "vi"]).await.well();
    let landed = office.hub.sql("SELECT indicator, unit, value FROM current").await;
    assert_eq!(landed, ["area_km2,09829.1,2.550000"]);
}

#[tokio::test]
async fn a_template_is_filled_in_and_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let office = Office::open(folder.path()).await;
    let asked =
        ["template", "--feed", "dan-phuong", "--period", "2024-06-30", "--indicator", TEAMS];
    let template = office.hub.dinh(&[&asked[..], &["--separator", ","]].concat()).await.well();
    let mut lines = template.trim_start_matches('\u{feff}').lines();
    let header = lines.next().unwrap();
    let value = header.split(',').position(|column| column == "value").unwrap();
    let filled = lines.map(|line| {
        let mut cells: Vec<_> = line.split(',').collect();
        cells[value] = "5";
        cells.join(",") + "\n"
    });
    let filled: Vec<_> = filled.collect();
    let communes = filled.iter().filter(|line| line.contains(",09829,")).count();
    assert_eq!(communes, 1, "{template}");
    office.push("filled.csv", format!("{header}\n{}", filled.concat()), &[]).await.well();
    let landed = office.hub.sql("SELECT count(*) FROM current WHERE value = 5").await;
    assert_eq!(landed, [filled.len().to_string()]);
}

#[tokio::test]
async fn the_catalogue_changes_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(&folder.path().join("lake")).await;
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    let edit = |name: &str, edit: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(Path::new(HANOI).join(name)).unwrap();
        std::fs::write(files.join(name), edit(text)).unwrap();
    };
    edit("units.csv", &|text| text);
    edit("succession.csv", &|text| text);
    edit("indicators.csv", &|text| text);
    let feed = "hoai-duc,Huyện Hoài Đức,Hoai Duc District,official,reporting,30,274,,\n";
    edit("feeds.csv", &|text| text + feed);
    let folder = files.to_str().unwrap();
    let plan = hub.dinh(&["catalog", "plan", folder]).await.well();
    assert!(plan.contains("hoai-duc"), "{plan}");
    assert_eq!(hub.ask("feeds").await.len("feeds"), 8, "a plan changes nothing");

    // Two files with faults: both are told at once, and the feed that is well does not come.
    edit("units.csv", &|text| text.replace("09829.1,09829,Xã", "09829.1,09829,Xã,"));
    edit("indicators.csv", &|text| text.replace("par_index_pct,", "par index,"));
    let refused = hub.dinh(&["catalog", "apply", folder]).await;
    assert_ne!(refused.code, 0);
    for file in ["units.csv:", "indicators.csv:"] {
        assert!(refused.stderr.contains(file), "{file} is not in {refused:?}");
    }
    assert_eq!(hub.ask("feeds").await.len("feeds"), 8);

    edit("units.csv", &|text| text);
    edit("indicators.csv", &|text| text);
    hub.dinh(&["catalog", "apply", folder]).await.well();
    assert_eq!(hub.ask("feeds").await.len("feeds"), 9);
}

#[tokio::test]
async fn a_token_ends_at_once_when_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("dan-phuong", Some("273")).await;
    let publisher = hub.publisher(&token).await;
    let one = |id| submission("dan-phuong", id, vec![row(TEAMS, "09829", "2024-06-30", "4")]);
    publisher.push(one("1")).await.unwrap();
    let listed = hub.dinh(&["token", "list", "--output", "csv"]).await.well();
    assert!(!listed.contains(&token), "a token is shown once");
    let grant = listed.lines().nth(1).and_then(|line| line.split(',').next()).unwrap();
    hub.dinh(&["token", "revoke", grant]).await.well();
    let status = publisher.push(one("2")).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
}

#[tokio::test]
async fn without_a_hub_a_command_opens_the_lake_itself() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().to_str().unwrap();
    run(&["catalog", "apply", HANOI, "--lake", lake]).await.well();
    let count = "SELECT count(*) FROM units WHERE level = 'commune' AND unit LIKE '0982%'";
    let counted = run(&["sql", count, "--lake", lake, "--output", "csv"]).await.well();
    assert_eq!(counted.lines().nth(1), Some("4"));
    let token = run(&["token", "issue", "--feed", "dan-phuong", "--lake", lake]).await.well();
    let hub = Hub::start(folder.path()).await;
    let one = submission("dan-phuong", "1", vec![row(TEAMS, "09829", "2024-06-30", "4")]);
    hub.publisher(token.trim()).await.push(one).await.unwrap();
    assert!(hub.stop().await.success());
    let ranked = run(&["rank", TEAMS, "--level", "commune", "--lake", lake]).await.well();
    assert!(ranked.contains("Song Phượng"), "{ranked}");
    for care in ["check", "maintain"] {
        run(&[care, "--lake", lake]).await.well();
    }
}
