//! The doors: what HTTP and gRPC promise to every client, whatever the question.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::house::{Hub, row, submission};

const RANKING: &str =
    "/v1/rankings/community_digital_teams?level=commune&within=273&period=2024-06-30";

/// A hub with one figure of Xã Song Phượng.
async fn hub(folder: &std::path::Path) -> Hub {
    let hub = Hub::with_catalogue(folder).await;
    push(&hub, "1", "4").await;
    hub
}

async fn push(hub: &Hub, id: &str, value: &str) {
    let token = hub.token("dan-phuong", Some("273")).await;
    let rows = vec![row("community_digital_teams", "09829", "2024-06-30", value)];
    let answer =
        hub.publisher(&token).await.push(submission("dan-phuong", id, rows)).await.unwrap();
    assert_eq!(answer.report.unwrap().accepted, 1);
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    for (path, status, code) in [
        ("/v1/rankings/community_digital_teams?levle=commune", 400, "parameter.unknown"),
        (
            "/v1/rankings/community_digital_teams?level=commune&level=district",
            400,
            "parameter.repeated",
        ),
        ("/v1/rankings/community_digital_teams?on=2019-07-01", 400, "on.before_registry"),
        (
            "/v1/totals/community_digital_teams?as_of=2024-01-01T00:00:00Z",
            400,
            "as_of.before_beginning",
        ),
        ("/v1/series/community_digital_teams", 400, "parameter.required"),
        ("/v1/series/community_digital_teams?unit=99999", 400, "unit.unknown"),
        ("/v1/rankings/community_digital_team", 404, "indicator.unknown"),
        ("/v1/composites/example_pra", 404, "composite.unknown"),
        ("/v1/composites/example_par?version=1999", 404, "composite.version_unknown"),
        ("/v1/composites/example_par?level=planet", 400, "level.unknown"),
        ("/v1/ranking", 404, "route.unknown"),
    ] {
        let reply = hub.get(path).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, "application/problem+json"),
            "{path}"
        );
        let problem = reply.json();
        assert_eq!(
            (problem.at("code").as_str(), problem.at("status")),
            (code, status.to_string()),
            "{path}"
        );
        let vietnamese = hub.http("GET", path, &[("accept-language", "vi")], "").await.json();
        assert_ne!(vietnamese.at("detail"), problem.at("detail"), "{path}");
    }
    let misspelt = hub.get("/v1/rankings/community_digital_teams?levle=commune").await.json();
    assert_eq!(misspelt.at("errors/0/suggestions/0"), "level");
}

#[tokio::test]
async fn an_unchanged_answer_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    let first = hub.get(RANKING).await;
    assert_eq!(first.header("x-dinh-position"), first.json().at("position"));
    let tag = [("if-none-match", first.header("etag"))];
    let again = hub.http("GET", RANKING, &tag, "").await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    push(&hub, "2", "5").await;
    let changed = hub.http("GET", RANKING, &tag, "").await;
    assert_eq!((changed.status, changed.json().at("rows/0/value").as_str()), (200, "5"));
}

#[tokio::test]
async fn an_operator_sees_how_it_is_doing() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    assert_eq!((hub.get("/healthz").await.status, hub.get("/readyz").await.status), (200, 200));
    hub.get(RANKING).await;
    let metrics = hub.get("/metrics").await.body;
    for (stage, sample) in [
        ("the call", r#"dinh_ingest_submissions_total{feed="dan-phuong",outcome="recorded"} 1"#),
        ("its rows", r#"dinh_ingest_rows_total{outcome="accepted"} 1"#),
        ("judging", "dinh_ingest_judging_seconds_count 1"),
        ("the queue", "dinh_ingest_commit_seconds_count 1"),
        ("group commit", "dinh_ingest_group_submissions_count 1"),
        ("the ledger", "dinh_lake_commits_total 1"),
        ("the snapshot", "dinh_lake_position 1"),
        ("memory", "dinh_lake_hot_bytes "),
        ("answers", r#"dinh_query_seconds_count{door="http",question="rankings",outcome="ok"} 1"#),
    ] {
        assert!(metrics.contains(sample), "{stage} has no `{sample}`:\n{metrics}");
    }
    let ours = |line: &&str| !line.starts_with('#') && !line.starts_with("dinh_");
    assert_eq!(metrics.lines().find(ours), None);
}

#[tokio::test]
async fn the_openapi_document_lists_every_route() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(folder.path()).await;
    let document = hub.get("/openapi.json").await.json();
    let routes = document.names("paths");
    for route in [
        "/v1/rankings/{indicator}",
        "/v1/totals/{indicator}",
        "/v1/series/{indicator}",
        "/v1/history/{indicator}",
        "/v1/coverage",
        "/v1/composites/{composite}",
        "/v1/units",
        "/v1/indicators",
        "/v1/feeds",
        "/v1/sql",
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    ] {
        assert!(routes.iter().any(|known| known == route), "{route} is not in {routes:?}");
    }
    for route in routes.iter().filter(|route| *route != "/v1/sql") {
        let path = route.replace("{indicator}", "par_index_pct");
        let reply = hub.get(&path.replace("{composite}", "example_par")).await;
        let no_such_route = reply.status == 404 && reply.body.contains("route.unknown");
        assert!(!no_such_route, "{route} is listed, and is not there");
    }
}

#[tokio::test]
async fn the_routes_of_the_manual_answer() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    let history = "history/community_digital_teams?unit=09829&period=2024-06-30";
    push(&hub, "2", "5").await;
    assert_eq!(hub.ask(history).await.each("rows", "value"), ["4", "5"]);
    let coverage =
        hub.ask("coverage?period=2024-06-30&feed=dan-phuong&level=commune&within=273").await;
    assert_eq!(
        (coverage.at("rows/0/reported"), coverage.at("rows/0/expected")),
        ("1".into(), "16".into())
    );
    assert_eq!(hub.ask("feeds").await.len("feeds"), 8);
    let indicators = hub.ask("indicators").await;
    assert_eq!(
        indicators
            .each("indicators", "indicator")
            .iter()
            .filter(|code| *code == "par_index_pct")
            .count(),
        1
    );
    let communes = hub.ask("units?level=commune&within=01&on=2024-12-31&limit=1000").await;
    assert_eq!((communes.at("total").as_str(), communes.len("units")), ("579", 579));
    let on_the_command_line =
        hub.dinh(&["rank", "community_digital_teams", "--within", "273", "--level", "commune"]);
    assert!(on_the_command_line.await.well().contains("Song Phượng"));
    let total = hub
        .dinh(&["total", "community_digital_teams", "--within", "273", "--output", "json"])
        .await
        .well();
    assert_eq!(crate::document::Document::new(total.trim()).at("total/value"), "5");
}

#[tokio::test]
async fn a_search_without_accents_finds_both_and_the_exact_spelling_first() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::with_catalogue(folder.path()).await;
    let names = async |q: &str| hub.ask(&format!("units?q={q}")).await.each("units", "name");
    let mut both = names("song%20phuong").await;
    both.sort();
    assert_eq!(both, ["Xã Song Phương", "Xã Song Phượng"]);
    assert_eq!(names("Song%20Ph%C6%B0%E1%BB%A3ng").await[0], "Xã Song Phượng");
    assert_eq!(names("Song%20Ph%C6%B0%C6%A1ng").await[0], "Xã Song Phương");
}

#[tokio::test]
async fn sql_needs_a_token_and_only_reads() {
    let folder = tempfile::tempdir().unwrap();
    let hub = hub(folder.path()).await;
    let analyst = format!("Bearer {}", hub.dinh(&["token", "issue", "--read"]).await.well().trim());
    let pusher = format!("Bearer {}", hub.token("dan-phuong", None).await);
    let run = async |bearer: &str, statement: &str| {
        let headers = [("authorization", bearer)];
        let headers = if bearer.is_empty() { &[][..] } else { &headers };
        hub.http("POST", "/v1/sql", headers, statement).await
    };
    let count = "SELECT count(*) AS n, sum(value) AS total FROM current";
    let refused = [
        run("", count).await.status,
        run("Bearer dinh_guess", count).await.status,
        run(&pusher, count).await.status,
    ];
    assert_eq!(refused, [401, 401, 403]);
    let counted = run(&analyst, count).await.json();
    assert_eq!((counted.at("rows/0/n"), counted.at("rows/0/total")), ("1".into(), "4".into()));
    for statement in [
        "DROP TABLE units",
        "INSERT INTO units SELECT * FROM units",
        "CREATE TABLE t AS SELECT 1",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY units TO '/tmp/units.csv'",
        "SET datafusion.execution.batch_size = 1",
        "SELECT * FROM '/etc/passwd'",
        "SELECT 1; SELECT 2",
        "",
    ] {
        let reply = run(&analyst, statement).await;
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (400, "application/problem+json"),
            "{statement}"
        );
    }
    assert_eq!(run(&analyst, count).await.json().at("rows/0/n"), "1");
}

#[tokio::test]
async fn grpc_clients_find_health_and_reflection() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(folder.path()).await;
    let mut health = HealthClient::new(hub.channel().await);
    for service in ["", "dinh.v1.Ingest", "dinh.v1.Admin"] {
        let status = health.check(HealthCheckRequest { service: service.into() }).await.unwrap();
        assert_eq!(status.into_inner().status().as_str_name(), "SERVING", "{service}");
    }
    let list = MessageRequest::ListServices(String::new());
    let list = ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut reflection = ServerReflectionClient::new(hub.channel().await);
    let answers = reflection.server_reflection_info(tokio_stream::iter([list])).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer else { panic!("{answer:?}") };
    let services: Vec<_> = listed.service.iter().map(|service| service.name.as_str()).collect();
    for service in ["dinh.v1.Ingest", "dinh.v1.Admin", "grpc.health.v1.Health"] {
        assert!(services.contains(&service), "{service} is not in {services:?}");
    }
}
