//! Who may do what: tokens that come and go, grants and their bounds, and attempts that fail.

use std::path::Path;

use dinh_lake::grant::token_sha256;
use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic_types::StatusExt as _;

use crate::bad_input::good;
use crate::house::{HANOI, Hub, PATIENCE, Said, row, run, submission};

const TEAMS: &str = "community_digital_teams";

fn one(id: &str) -> proto::Submission {
    submission("dan-phuong", id, vec![good("09829")])
}

/// The id of the grant that a token carries.
fn grant_of(token: &str) -> String {
    format!("g-{}", &token_sha256(token)[..8])
}

/// Runs a command through the gRPC door with a token, as from another machine.
async fn through(hub: &Hub, token: &str, arguments: &[&str]) -> Said {
    run(&[arguments, &["--to", &hub.door(), "--token", token]].concat()).await
}

#[tokio::test]
async fn a_token_is_changed_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let old = hub.token("dan-phuong", Some("273")).await;
    let new = hub.dinh(&["token", "rotate", &grant_of(&old)]).await.well().trim().to_owned();
    for (id, token) in [("1", &old), ("2", &new)] {
        hub.publisher(token).await.push(one(id)).await.unwrap();
    }
    let again = grant_of(&new);
    let last = hub.dinh(&["token", "rotate", &again, "--overlap-hours", "0"]).await.well();
    let ended = hub.publisher(&new).await.push(one("3")).await.unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    hub.publisher(last.trim()).await.push(one("3")).await.unwrap();
    hub.says("grant_expired").await;
    // One that has ended is not brought back to life.
    assert_ne!(hub.dinh(&["token", "rotate", &again]).await.code, 0);
    let rows = hub.sql("SELECT DISTINCT principal FROM submissions").await;
    assert_eq!(rows, ["dan-phuong"], "one principal, whatever the token");
}

#[tokio::test]
async fn a_token_that_is_revoked_ends_within_an_open_stream() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("dan-phuong", None).await;
    let (send, requests) = mpsc::channel(1);
    let publisher = hub.publisher(&token).await;
    let mut answers = publisher.push_stream(ReceiverStream::new(requests)).await.unwrap();
    let mut stream = async |id: &str| {
        let submission = Some(one(id));
        send.send(proto::PushStreamRequest { correlation: id.into(), submission }).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, answers.message()).await.unwrap();
        answer.unwrap().unwrap().outcome.unwrap()
    };
    assert!(matches!(stream("1").await, Outcome::Answer(_)));
    hub.dinh(&["token", "revoke", &grant_of(&token)]).await.well();
    let Outcome::Error(refused) = stream("2").await else { panic!("it was taken") };
    assert_eq!(refused.code, i32::from(Code::Unauthenticated));
    hub.says("grant_revoked").await;
    assert_eq!(hub.sql("SELECT submission FROM submissions").await, ["1"]);
}

/// Xã Song Phượng goes from Huyện Đan Phượng to Huyện Hoài Đức at the turn of the year.
#[tokio::test]
async fn a_subtree_is_the_one_of_the_period() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(&folder.path().join("lake")).await;
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    for name in ["units.csv", "succession.csv", "indicators.csv", "feeds.csv"] {
        let text = std::fs::read_to_string(Path::new(HANOI).join(name)).unwrap();
        let units = name == "units.csv";
        let line = |line: &str| if units { moved(line) } else { line.to_owned() };
        let text: String = text.lines().map(|text| line(text) + "\n").collect();
        std::fs::write(files.join(name), text).unwrap();
    }
    hub.dinh(&["catalog", "apply", files.to_str().unwrap()]).await.well();
    let feed = ["token", "issue", "--feed", "ha-noi", "--within"];
    for (within, day, accepted) in [
        ("273", "2023-12-31", 1),
        ("273", "2024-01-01", 0),
        ("274", "2023-12-31", 0),
        ("274", "2024-01-01", 1),
    ] {
        let token = hub.dinh(&[&feed[..], &[within]].concat()).await.well();
        let rows = vec![row(TEAMS, "09829", day, "4")];
        let id = format!("{within} {day}");
        let answer = hub.publisher(token.trim()).await.push(submission("ha-noi", &id, rows)).await;
        let report = answer.unwrap().report.unwrap();
        assert_eq!(report.accepted, accepted, "{id}: {:?}", report.verdicts);
    }
}

fn moved(line: &str) -> String {
    if !line.starts_with("09829.1,") {
        return line.to_owned();
    }
    let before = line.replace(",2025-06-30,", ",2023-12-31,");
    let after = line.replace(",273.1,2020-03-01,", ",274.1,2024-01-01,");
    format!("{before}\n{after}")
}

#[tokio::test]
async fn an_administrator_is_one_from_anywhere_and_within_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let issue = async |more: &[&str]| {
        let issued = hub.dinh(&[&["token", "issue"], more].concat()).await;
        issued.well().trim().to_owned()
    };
    let city = issue(&["--admin", "--principal", "city"]).await;
    let district = ["--admin", "--principal", "office", "--within", "273", "--feed", "dan-phuong"];
    let district = issue(&district).await;
    let reader = issue(&["--read", "--principal", "analyst"]).await;
    let grant = ["token", "issue", "--within", "09829", "--feed", "dan-phuong"];
    for (what, token, arguments, code) in [
        ("the city changes the catalogue", &city, &["catalog", "apply", HANOI][..], 0),
        ("the city cares for the lake", &city, &["maintain"], 0),
        ("to administer is not to read", &city, &["sql", "SELECT 1"], 5),
        ("a reader is no administrator", &reader, &["token", "list"], 5),
        ("a district grants its own", &district, &grant, 0),
        ("not all units", &district, &["token", "issue", "--feed", "dan-phuong"], 5),
        (
            "not another district",
            &district,
            &[&grant[..2], &["--within", "274", "--read"]].concat(),
            5,
        ),
        ("not another feed", &district, &[&grant[..4], &["--feed", "ha-noi"]].concat(), 5),
        ("not the catalogue", &district, &["catalog", "apply", HANOI], 5),
        ("not the lake's care", &district, &["check"], 5),
    ] {
        let said = through(&hub, token, arguments).await;
        assert_eq!(said.code, code, "{what}: {said:?}");
    }
    let listed = through(&hub, &district, &["token", "list", "--output", "csv"]).await.well();
    assert!(!listed.contains("city") && !listed.contains("analyst"), "{listed}");
    assert_eq!(listed.lines().count(), 3, "its own and the one it issued: {listed}");
    let of_the_city = hub.dinh(&["token", "list", "--output", "csv"]).await.well();
    let of_the_city = of_the_city.lines().find(|line| line.contains(",city,")).unwrap();
    let foreign = of_the_city.split(',').next().unwrap();
    assert_ne!(through(&hub, &district, &["token", "revoke", foreign]).await.code, 0);
    through(&hub, &city, &["token", "list"]).await.well();
}

#[tokio::test]
async fn a_token_is_nowhere_but_with_its_holder() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start_with(folder.path(), &["--log", "trace"]).await;
    hub.dinh(&["catalog", "apply", HANOI]).await.well();
    let good = hub.token("dan-phuong", None).await;
    let wrong = "dinh_ThisIsATokenThatSomebodyMistyped0123456789";
    hub.publisher(&good).await.push(one("1")).await.unwrap();
    let status = hub.publisher(wrong).await.push(one("2")).await.unwrap_err();
    let mut said = format!("{status:?}");
    for token in [&good, wrong] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let reply = hub.http("POST", "/v1/sql", &headers, "SELECT 1").await;
        said += &format!("{reply:?}");
    }
    let refused = through(&hub, wrong, &["sql", "SELECT 1"]).await;
    said += &format!("{refused:?}");
    said += &hub.get("/metrics").await.body;
    for sample in [
        r#"dinh_refused_attempts_total{door="grpc",reason="credential_unknown"} 2"#,
        r#"dinh_refused_attempts_total{door="http",reason="credential_unknown"} 1"#,
        r#"dinh_refused_attempts_total{door="http",reason="not_granted"} 1"#,
    ] {
        assert!(said.contains(sample), "{sample} is not in {said}");
    }
    said += &hub.says("not_granted").await;
    assert!(said.contains("an attempt was refused"), "{said}");
    for token in [good.trim_start_matches("dinh_"), wrong.trim_start_matches("dinh_")] {
        let found = said.find(token).map(|at| &said[at.saturating_sub(300)..at]);
        assert_eq!(found, None, "a token was written after this");
    }
}

#[tokio::test]
async fn whoever_guesses_is_slowed_down_and_whoever_knows_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token("dan-phuong", None).await;
    let guesser = hub.publisher("dinh_guess").await;
    let mut codes = Vec::new();
    for id in 0..40 {
        let status = guesser.push(one(&id.to_string())).await.unwrap_err();
        if status.code() == Code::ResourceExhausted {
            let details = status.get_error_details();
            assert!(details.retry_info().unwrap().retry_delay.is_some());
        }
        codes.push(status.code());
    }
    assert_eq!(codes[..20], [Code::Unauthenticated; 20]);
    assert!(codes[20..].contains(&Code::ResourceExhausted), "{codes:?}");
    let wrong = [("authorization", "Bearer dinh_guess")];
    let replies = [
        hub.http("GET", "/v1/units", &wrong, "").await,
        hub.http("GET", "/v1/units", &wrong, "").await,
    ];
    let slowed = replies.iter().find(|reply| reply.status == 429).expect("HTTP shares the budget");
    assert_eq!(slowed.header("retry-after"), "3");
    hub.publisher(&token).await.push(one("1")).await.unwrap();
    assert_eq!(hub.get("/v1/units").await.status, 200, "anyone still reads what is open");
}
