//! `POST /v1/sql`: one statement in, rows out.

use arrow::datatypes::SchemaRef;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use super::asker::Asker;
use super::questions::POSITION;
use super::representation::Representation;
use super::{DOOR, HttpState, problem};
use crate::error::{ErrorKind, QueryError, Text};

/// The body as JSON; as `text/plain` it is the statement itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SqlRequest {
    /// The statement.
    #[schema(example = "SELECT unit, value FROM current WHERE indicator = 'par_index_pct'")]
    sql: String,
}

/// Runs the statement of a request.
pub(super) async fn run(
    State(state): State<HttpState>,
    asker: Asker,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let started = Instant::now();
    let (outcome, response) = match answer(&state, &asker, &headers, body).await {
        Ok(response) => ("ok", response),
        Err((status, error)) => {
            let response = match status {
                Some(status) => problem::respond_with(status, &error, &headers),
                None => problem::respond(&error, &headers),
            };
            (error.code, response)
        }
    };
    state.metrics.answered(DOOR, "sql", outcome, started.elapsed());
    response
}

/// An error, with a status where it is HTTP's own.
type Refusal = (Option<StatusCode>, QueryError);

async fn answer(
    state: &HttpState,
    asker: &Asker,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Refusal> {
    let own = |error| (None, error);
    let access = asker.access(state).map_err(own)?;
    if !access.may_run_sql() {
        let message = Text::new(
            "chạy SQL cần mã truy cập có quyền đọc",
            "SQL takes a token with a grant to read",
        );
        let error = QueryError::new(access.refusal(), "sql.not_allowed", message);
        asker.refused(state, &access, &error);
        return Err(own(error));
    }
    let representation = Representation::preferred(headers).ok_or_else(not_acceptable)?;
    let sql = statement(headers, body)?;
    let rows = state.answers.engine().run(&sql, &access).await.map_err(own)?;
    let (schema, position) = (SchemaRef::clone(&rows.schema), rows.position);
    let batches = rows.collect().await.map_err(own)?;
    state.metrics.gave_rows(DOOR, batches.iter().map(|batch| batch.num_rows()).sum());
    let written = representation.write(&schema, &batches, position).map_err(own)?;
    let mut response = written.into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(representation.media_type()));
    fields.insert(POSITION, HeaderValue::from(position));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(VARY, HeaderValue::from_static("accept, accept-language, authorization"));
    Ok(response)
}

fn statement(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<String, Refusal> {
    let body = body.map_err(|rejection| {
        let message = Text::new(
            "không đọc được nội dung yêu cầu, hoặc nội dung quá dài",
            "the body of the request cannot be read, or is too long",
        );
        let error = QueryError::new(ErrorKind::Invalid, "sql.body", message);
        (Some(rejection.status()), error)
    })?;
    let unreadable = |vi: &str, en: &str| {
        let message = Text::new(vi, en);
        (None, QueryError::new(ErrorKind::Invalid, "sql.body", message))
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if content_type.is_some_and(|content_type| content_type.starts_with("application/json")) {
        let request: SqlRequest = serde_json::from_slice(&body).map_err(|_| {
            unreadable(
                "nội dung phải là JSON dạng `{\"sql\": \"…\"}`",
                "the body must be JSON such as `{\"sql\": \"…\"}`",
            )
        })?;
        return Ok(request.sql);
    }
    String::from_utf8(body.into()).map_err(|_| {
        unreadable("câu lệnh phải là văn bản UTF-8", "the statement must be text in UTF-8")
    })
}

fn not_acceptable() -> Refusal {
    let listed = Representation::ALL.map(Representation::media_type).join(", ");
    let message = Text::new(
        format!("`Accept` phải có một trong: {listed}"),
        format!("`Accept` must have one of: {listed}"),
    );
    let error = QueryError::new(ErrorKind::Invalid, "accept.unknown", message);
    (Some(StatusCode::NOT_ACCEPTABLE), error)
}
