//! The HTTP door, request by request.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use dinh_lake::Clock;
use dinh_query::answer::question::Question;
use dinh_query::http::{HttpState, Readiness, document, router};
use dinh_query::metrics::QueryMetrics;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower::ServiceExt;

use crate::hanoi::Hanoi;

/// A response, read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: axum::http::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

pub(crate) fn door(hanoi: &Hanoi) -> Router {
    let mut registry = Registry::default();
    let metrics = QueryMetrics::register(&mut registry);
    let (_, readiness) = watch::channel(Readiness::Ready);
    router(HttpState {
        answers: hanoi.answers.clone(),
        clock: Clock::system(),
        metrics,
        registry: Arc::new(registry),
        readiness,
    })
}

async fn send(door: &Router, request: Request<Body>) -> Answer {
    let response = door.clone().oneshot(request).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap().into();
    Answer { status, headers, body }
}

pub(crate) async fn get(door: &Router, path: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(Request::get(path), |r, (name, value)| r.header(*name, *value));
    send(door, request.body(Body::empty()).unwrap()).await
}

async fn sql(door: &Router, statement: &str, headers: &[(&str, &str)]) -> Answer {
    let request =
        headers.iter().fold(Request::post("/v1/sql"), |r, (name, value)| r.header(*name, *value));
    send(door, request.body(Body::from(statement.to_owned())).unwrap()).await
}

pub(crate) const ANALYST: (&str, &str) = ("authorization", "Bearer dinh_analyst");
const RANKING: &str = "/v1/rankings/par_index_pct?level=district&period=2023";

#[tokio::test]
async fn an_answer_has_the_fields_of_the_manual() {
    let hanoi = Hanoi::published().await;
    let door = door(&hanoi);
    let answer = get(&door, RANKING, &[]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let json = answer.json();
    let keys =
        |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(
        keys(&json),
        "indicator level period stage by ties on as_of position feeds contains_synthetic universe ranked missing excluded \
         compared_with coverage over_time estimated_share rows"
    );
    assert_eq!(
        keys(&json["rows"][0]),
        "rank tied unit code name parent value qualifier status feed reported_rank previous_value change previous_rank \
         movement target target_qualifier distance"
    );
    assert_eq!(keys(&json["coverage"]), "reported expected on_time late silent declared");
    assert_eq!(answer.header("x-dinh-position"), json["position"].to_string());
    let totals = get(&door, "/v1/totals/villages_with_community_team", &[]).await.json();
    assert_eq!(
        keys(&totals),
        "indicator by period stage on as_of position feeds contains_synthetic coverage over_time estimated_share total rows"
    );
    let series = get(&door, "/v1/series/par_index_pct?unit=273", &[]).await.json();
    assert_eq!(
        keys(&series["rows"][0]),
        "period period_start period_end stage value numerator denominator qualifier status coverage feed recorded_at \
         late over_time"
    );
}

#[tokio::test]
async fn an_unchanged_answer_costs_nothing() {
    let hanoi = Hanoi::published().await;
    let door = door(&hanoi);
    let first = get(&door, RANKING, &[]).await;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let again = get(&door, RANKING, &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    let other =
        get(&door, "/v1/rankings/par_index_pct?level=city", &[("if-none-match", &tag)]).await;
    assert_ne!(other.status, StatusCode::NOT_MODIFIED);
    let row = crate::hanoi::row(&[
        ("indicator", "par_index_pct"),
        ("unit", "001"),
        ("period", "2023"),
        ("value", "99"),
        ("stage", "final"),
    ]);
    hanoi.push("par-index", "2", &[row]).await;
    let changed = get(&door, RANKING, &[("if-none-match", &tag)]).await;
    assert_eq!((changed.status, &changed.json()["ranked"]), (StatusCode::OK, &json!(7)));
}

#[tokio::test]
async fn every_error_is_a_problem_document() {
    let hanoi = Hanoi::published().await;
    let door = door(&hanoi);
    for (path, status, code) in [
        ("/v1/rankings/par_index_pct?levle=district", 400, "parameter.unknown"),
        ("/v1/rankings/par_index_pct?level=district&level=city", 400, "parameter.repeated"),
        ("/v1/rankings/par_index_pct?limit=-1", 400, "parameter.invalid"),
        ("/v1/rankings/par_index_pct?as_of=2024-01-01", 400, "as_of.before_beginning"),
        ("/v1/feeds?as_of=2999-01-01T00:00:00%2B07:00", 400, "as_of.future"),
        ("/v1/coverage?as_of=yesterday", 400, "parameter.invalid"),
        ("/v1/totals/par_index_pct?on=2019-12-31", 400, "on.before_registry"),
        ("/v1/rankings/nothing", 404, "indicator.unknown"),
        ("/v1/rankings/%ff", 400, "route.encoding"),
        ("/v1/ranking", 404, "route.unknown"),
        ("/v1/sql", 405, "route.method"),
    ] {
        let answer = get(&door, path, &[]).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        let problem = answer.json();
        assert_eq!(
            (&problem["code"], &problem["status"]),
            (&json!(code), &json!(status)),
            "{path}"
        );
        assert_eq!(problem["type"], format!("urn:dinh:problem:{code}"));
        assert!(problem["errors"].is_array() && problem["title"].is_string());
    }
    let path = "/v1/rankings/par_index_pct?levle=district";
    let vietnamese = get(&door, path, &[("accept-language", "vi")]).await.json();
    assert!(
        vietnamese["detail"].as_str().unwrap().contains("có phải `level` không"),
        "{vietnamese}"
    );
    assert_eq!(vietnamese["errors"][0]["suggestions"], json!(["level"]));
}

#[tokio::test]
async fn sql_takes_a_grant_to_read() {
    let hanoi = Hanoi::published().await;
    let door = door(&hanoi);
    let statement =
        "SELECT unit, value FROM current WHERE indicator = 'par_index_pct' AND unit = '273.1'";
    assert_eq!(sql(&door, statement, &[]).await.status, StatusCode::UNAUTHORIZED);
    let guess = ("authorization", "Bearer dinh_guess");
    assert_eq!(sql(&door, statement, &[guess]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&door, RANKING, &[guess]).await.status, StatusCode::UNAUTHORIZED);
    let answer = sql(&door, statement, &[ANALYST]).await;
    assert_eq!(answer.status, StatusCode::OK);
    let text = String::from_utf8(answer.body).unwrap();
    assert!(text.contains(r#""rows":[{"unit":"273.1","value":93.86}]"#), "{text}");
}

#[tokio::test]
async fn sql_answers_in_what_the_client_accepts() {
    let hanoi = Hanoi::published().await;
    let door = door(&hanoi);
    let statement =
        "SELECT unit, value FROM current WHERE indicator = 'par_index_pct' AND unit = '273.1'";
    let accept = async |accept| sql(&door, statement, &[ANALYST, ("accept", accept)]).await;
    assert_eq!(accept("text/csv").await.body, b"unit,value\r\n273.1,93.86\r\n");
    assert_eq!(&accept("application/vnd.apache.parquet").await.body[..4], b"PAR1");
    assert!(!accept("application/vnd.apache.arrow.stream").await.body.is_empty());
    assert_eq!(accept("text/html").await.status, StatusCode::NOT_ACCEPTABLE);
    let json = ("content-type", "application/json");
    let body = json!({"sql": statement}).to_string();
    assert_eq!(sql(&door, &body, &[ANALYST, json]).await.status, StatusCode::OK);
    let wrong = json!({"query": statement}).to_string();
    assert_eq!(sql(&door, &wrong, &[ANALYST, json]).await.status, StatusCode::BAD_REQUEST);
    let drop = sql(&door, "DROP TABLE units", &[ANALYST]).await;
    assert_eq!(
        (drop.status, &drop.json()["code"]),
        (StatusCode::BAD_REQUEST, &json!("sql.invalid"))
    );
}

#[tokio::test]
async fn operators_see_health_and_numbers() {
    let hanoi = Hanoi::empty().await;
    let door = door(&hanoi);
    assert_eq!(get(&door, "/healthz", &[]).await.status, StatusCode::OK);
    assert_eq!(get(&door, "/readyz", &[]).await.status, StatusCode::OK);
    get(&door, "/v1/feeds", &[]).await;
    let metrics = String::from_utf8(get(&door, "/metrics", &[]).await.body).unwrap();
    assert!(
        metrics
            .contains(r#"dinh_query_seconds_count{door="http",question="feeds",outcome="ok"} 1"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn the_openapi_document_has_every_route_and_parameter() {
    let hanoi = Hanoi::empty().await;
    let door = door(&hanoi);
    let served = get(&door, "/openapi.json", &[]).await.json();
    assert_eq!(served, serde_json::to_value(document()).unwrap());
    for question in Question::ALL {
        let operation = &served["paths"][question.path()]["get"];
        let listed: Vec<_> = operation["parameters"].as_array().into_iter().flatten().collect();
        assert_eq!(listed.len(), question.parameters().len(), "{}", question.name());
        for parameter in question.parameters() {
            assert!(
                listed.iter().any(|listed| listed["name"] == parameter.name),
                "{}",
                parameter.name
            );
        }
        let schema =
            &operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        let name = schema.as_str().unwrap().trim_start_matches("#/components/schemas/");
        assert!(served["components"]["schemas"][name].is_object(), "{name}");
    }
    for path in ["/v1/sql", "/healthz", "/readyz", "/metrics", "/openapi.json"] {
        assert!(served["paths"][path].is_object(), "{path}");
    }
    let text = served.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(served["components"]["schemas"][name].is_object(), "{name}");
    }
}
