//! `GET /v1/<question>`: one handler for all questions.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, VARY};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;

use super::asker::Asker;
use super::{DOOR, HttpState, etag, language, problem};
use crate::answer::question::Question;
use crate::error::{ErrorKind, Fault, QueryError, Text};

/// Where an answer says which ledger position it includes.
pub(super) const POSITION: HeaderName = HeaderName::from_static("x-dinh-position");

type Answering = Pin<Box<dyn Future<Output = Response> + Send>>;
type PathParameters = Result<Path<BTreeMap<String, String>>, PathRejection>;

/// The handler of one question.
pub(super) fn handler(
    question: Question,
) -> impl Fn(State<HttpState>, Asker, PathParameters, Uri, HeaderMap) -> Answering
+ Clone
+ Send
+ Sync
+ 'static {
    move |State(state), asker, path, uri, headers| {
        Box::pin(async move {
            let started = Instant::now();
            let answered = answer(&state, question, &asker, path, &uri, &headers).await;
            let (outcome, response) = match answered {
                Ok((outcome, response)) => (outcome, response),
                Err(error) => (error.code, problem::respond(&error, &headers)),
            };
            state.metrics.answered(DOOR, question.name(), outcome, started.elapsed());
            response
        })
    }
}

async fn answer(
    state: &HttpState,
    question: Question,
    asker: &Asker,
    path: PathParameters,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<(&'static str, Response), QueryError> {
    let access = asker.access(state)?;
    let language = language::preferred(headers);
    let lake = state.answers.engine().lake();
    let (position, version) = (lake.ledger().snapshot().position, lake.catalogue().version);
    let tag = etag::tag(uri, language, &access, position, version);
    if etag::matches(headers, &tag) {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        describe(response.headers_mut(), &tag, position);
        return Ok(("unchanged", response));
    }
    let parameters = parameters(path, uri)?;
    let answered = state.answers.answer(question, &parameters, &access).await;
    let answered = answered.inspect_err(|error| asker.refused(state, &access, error))?;
    // The snapshot of the answer may be newer than the one above.
    let tag = etag::tag(uri, language, &access, answered.position, answered.catalogue_version);
    let mut response = answered.json.into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    describe(fields, &tag, answered.position);
    Ok(("ok", response))
}

/// An answer may be kept, but asked for again each time: a row that was acked is in the next answer.
fn describe(fields: &mut HeaderMap, tag: &str, position: u64) {
    fields.insert(ETAG, etag::header(tag));
    fields.insert(POSITION, HeaderValue::from(position));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    fields.insert(VARY, HeaderValue::from_static("accept, accept-language, authorization"));
}

/// The parameters of path and query; one that is given twice is refused.
fn parameters(path: PathParameters, uri: &Uri) -> Result<BTreeMap<String, String>, QueryError> {
    let Ok(Path(mut parameters)) = path else {
        let message =
            Text::new("địa chỉ không phải là UTF-8 hợp lệ", "the address is not valid UTF-8");
        return Err(QueryError::new(ErrorKind::Invalid, "route.encoding", message));
    };
    let query = uri.query().unwrap_or_default();
    let mut faults = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if parameters.contains_key(name.as_ref()) {
            faults.push(given_twice(&name));
            continue;
        }
        parameters.insert(name.into_owned(), value.into_owned());
    }
    if faults.is_empty() { Ok(parameters) } else { Err(QueryError::from_faults(faults)) }
}

fn given_twice(name: &str) -> Fault {
    let message = Text::new(
        format!("tham số `{name}` được ghi hai lần"),
        format!("the parameter `{name}` is given twice"),
    );
    Fault::of(name, "parameter.repeated", message)
}
