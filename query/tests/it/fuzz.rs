//! Fuzzing of what anybody may ask over HTTP, and of the guard before SQL.

use std::path::Path;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use dinh_query::SqlLimits;
use tower::ServiceExt as _;

use crate::door::{ANALYST, door};
use crate::hanoi::Hanoi;

#[path = "../../../lake/tests/fuzz/runner.rs"]
mod runner;

use runner::{Shape, Target};

const REQUESTS: Target = Target {
    test: "fuzz::requests",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/requests"),
    shape: Shape::Text,
    words: &[
        "%00",
        "%ff",
        "%",
        "+",
        "2024-Q4",
        "9999-12-31",
        "-1",
        "18446744073709551616",
        "self",
        "district",
        "01",
        "273",
        "00004",
        "par_index_pct",
        "Bearer dinh_analyst",
        "*/*;q=0",
        "ệ",
    ],
};

#[test]
fn requests() {
    REQUESTS.run(ask);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn requests_long() {
    Target { test: "fuzz::requests_long", ..REQUESTS }.run(ask);
}

/// Sends requests to the door: the first line is method and target, then headers up to an empty line, then the body.
fn ask() -> impl FnMut(&[u8]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let hanoi = runtime.block_on(bounded());
    let door = door(&hanoi);
    move |input| {
        let Some(request) = request(input) else { return };
        let said = format!("{} {}", request.method(), request.uri());
        runtime.block_on(async {
            let response = door.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let failed = status == StatusCode::INTERNAL_SERVER_ERROR;
            assert!(!failed, "{said}: {}", String::from_utf8_lossy(&body));
        });
    }
}

fn request(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|pair| pair == b"\n\n").unwrap_or(input.len());
    let (head, body) = input.split_at(end);
    let mut lines = head.split(|byte| *byte == b'\n');
    let (method, target) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut request = Request::new(Body::from(body.get(2..).unwrap_or_default().to_vec()));
    *request.method_mut() = method.parse::<Method>().ok()?;
    *request.uri_mut() = target.parse::<Uri>().ok()?;
    for line in lines {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..at].trim_ascii()).ok()?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?;
        request.headers_mut().append(name, value);
    }
    Some(request)
}

const STATEMENTS: Target = Target {
    test: "fuzz::statements",
    corpus: concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/statements"),
    shape: Shape::Text,
    words: &[
        "SELECT",
        "FROM",
        "units",
        "current",
        "INSERT INTO",
        "CREATE EXTERNAL TABLE",
        "COPY",
        "SET",
        "(",
        ")",
        "*",
        "NULL",
        "'",
        "\"",
        "--",
        "/*",
        ";",
        "1e400",
        "CAST(1 AS DECIMAL(76,76))",
        "UNION ALL",
        "WITH RECURSIVE",
        "INTERVAL",
        "generate_series",
        "/etc/passwd",
        "$1",
    ],
};

#[test]
fn statements() {
    STATEMENTS.run(run);
}

#[test]
#[ignore = "a long run: DINH_FUZZ_SECONDS says how long"]
fn statements_long() {
    Target { test: "fuzz::statements_long", ..STATEMENTS }.run(run);
}

/// Runs statements of somebody who may read everything. Whatever they say, the lake stays as it is and no file is made.
fn run() -> impl FnMut(&[u8]) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let hanoi = runtime.block_on(bounded());
    let door = door(&hanoi);
    let before = files(hanoi.folder.path());
    move |input| {
        let request = Request::post("/v1/sql").header(ANALYST.0, ANALYST.1);
        let request = request.body(Body::from(input.to_vec())).unwrap();
        runtime.block_on(async {
            let response = door.clone().oneshot(request).await.unwrap();
            let status = response.status();
            let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let failed = status == StatusCode::INTERNAL_SERVER_ERROR;
            assert!(!failed, "{}", String::from_utf8_lossy(&body));
        });
        assert_eq!(files(hanoi.folder.path()), before);
    }
}

/// The published figures, with little of everything for one statement.
async fn bounded() -> Hanoi {
    let mut hanoi = Hanoi::published().await;
    hanoi.limit(SqlLimits {
        time_max: Duration::from_secs(2),
        rows_max: 1_000,
        bytes_max: 1 << 20,
        memory_bytes_max: 16 << 20,
        spill_bytes_max: 1 << 20,
        partitions: Some(1),
        ..SqlLimits::default()
    });
    hanoi
}

/// How many files there are in a folder and below.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
