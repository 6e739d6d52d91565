//! Composite indices through the real doors: definitions applied as files, figures pushed over gRPC, scores asked over HTTP
//! and gRPC, and definitions that are refused with their lines.

use std::collections::HashMap;
use std::path::Path;

use dinh_proto::v1::AskRequest;
use dinh_proto::v1::admin_client::AdminClient;
use tonic::Request;

use crate::house::{HANOI, Hub, row, submission};

const FEED: &str = "composite-example";
const FIELDS: [&str; 7] =
    ["steering", "institutions", "procedures", "organisation", "service", "finance", "digital"];

/// Points of the seven fields and of the survey, of one district.
fn figures(district: &str, points: &str, survey: &str) -> Vec<dinh_proto::v1::Row> {
    let field = |field: &&str| row(&format!("example_par_{field}"), district, "2023", points);
    let fields = FIELDS.iter().map(field);
    let survey = (!survey.is_empty()).then(|| row("example_par_survey", district, "2023", survey));
    fields.chain(survey).collect()
}

#[tokio::test]
async fn scores_are_the_same_over_http_and_grpc() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let token = hub.token(FEED, Some("01")).await;
    let rows = [figures("001", "8", "24"), figures("002", "9", ""), figures("273", "9.3", "27.9")];
    let pushed = hub.publisher(&token).await.push(submission(FEED, "1", rows.concat())).await;
    assert_eq!(pushed.unwrap().report.unwrap().accepted, 23);

    let path = format!("composites/example_par?feed={FEED}&period=2023&limit=2");
    let over_http = hub.ask(&path).await;
    assert_eq!(over_http.each("rows", "code"), ["273", "002"]);
    assert_eq!(over_http.each("rows", "score"), ["93", "90"]);
    assert_eq!(over_http.each("rows", "imputed_share"), ["0", "0.3"]);
    assert_eq!((over_http.at("ranked"), over_http.at("universe")), ("3".into(), "30".into()));

    let reader = hub.dinh(&["token", "issue", "--read"]).await.well();
    let parameters = [("feed", FEED), ("period", "2023"), ("limit", "2")];
    let parameters: HashMap<_, _> =
        parameters.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let question = "composites/example_par".to_owned();
    let parameters = parameters.into_iter().collect();
    let mut request = Request::new(AskRequest { question, parameters });
    let bearer = format!("Bearer {}", reader.trim()).parse().unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let answered = AdminClient::new(hub.channel().await).ask(request).await.unwrap();
    let body = hub.get(&format!("/v1/{path}")).await.body;
    assert_eq!(answered.into_inner().json, body, "one answer behind all doors");
}

#[tokio::test]
async fn a_definition_that_cannot_be_used_changes_nothing_and_names_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(&folder.path().join("lake")).await;
    let files = folder.path().join("files");
    std::fs::create_dir(&files).unwrap();
    for entry in std::fs::read_dir(HANOI).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, files.join(path.file_name().unwrap())).unwrap();
    }
    let edit = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(Path::new(HANOI).join(name)).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(files.join(name), text.replacen(from, to, 1)).unwrap();
    };
    let plan = async || hub.dinh(&["catalog", "plan", files.to_str().unwrap()]).await;
    assert!(plan().await.well().contains("no changes"));
    edit("components.csv", "example_par_finance,,10,", "example_par_finances,,12,");
    let refused = plan().await;
    assert_ne!(refused.code, 0);
    for fault in ["components.csv:7: ", "`example_par_finance`", "component_groups.csv:2: ", "`72`"]
    {
        assert!(refused.stderr.contains(fault), "{fault} is not in {refused:?}");
    }
    edit("components.csv", "survey,30,30", "survey,30,40");
    let planned = plan().await.well();
    assert!(planned.contains("survey.survey.max_points 30 -> 40"), "{planned}");
}
