//! Problem documents: the one place that turns an error into an HTTP status.

#![deny(clippy::wildcard_enum_match_arm)]

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::language::preferred;
use crate::error::{ErrorKind, Language, QueryError, Text};

/// An error as RFC 9457 has it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:dinh:problem:` and the code.
    pub r#type: String,
    /// What kind of error it is.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong and what to do.
    pub detail: String,
    /// What is wrong, as a code that does not change.
    pub code: &'static str,
    /// Every fault that was found.
    pub errors: Vec<ProblemFault>,
}

/// One fault.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct ProblemFault {
    /// The parameter at fault, where it is one.
    pub parameter: Option<String>,
    /// What is wrong, as a code that does not change.
    pub code: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// What to write instead, best first.
    pub suggestions: Vec<String>,
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::TooManyAttempts => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Ambiguous => StatusCode::CONFLICT,
        ErrorKind::TooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Busy => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::NotImplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn title(status: StatusCode, language: Language) -> &'static str {
    let (vi, en) = match status {
        StatusCode::BAD_REQUEST => ("yêu cầu không hợp lệ", "the request is not valid"),
        StatusCode::UNAUTHORIZED => ("chưa xác thực", "not authenticated"),
        StatusCode::FORBIDDEN => ("không có quyền", "not allowed"),
        StatusCode::NOT_FOUND => ("không tìm thấy", "not found"),
        StatusCode::METHOD_NOT_ALLOWED => ("sai phương thức", "the method is not allowed"),
        StatusCode::NOT_ACCEPTABLE => ("không có định dạng này", "no such representation"),
        StatusCode::CONFLICT => ("câu hỏi chưa rõ", "the request is ambiguous"),
        StatusCode::PAYLOAD_TOO_LARGE => ("yêu cầu quá lớn", "the request is too large"),
        StatusCode::UNPROCESSABLE_ENTITY => ("vượt giới hạn", "over a limit"),
        StatusCode::TOO_MANY_REQUESTS => ("quá nhiều lần thử", "too many attempts"),
        StatusCode::NOT_IMPLEMENTED => ("chưa hỗ trợ", "not supported yet"),
        StatusCode::SERVICE_UNAVAILABLE => ("máy chủ bận", "the hub is busy"),
        _ => ("lỗi máy chủ", "the hub failed"),
    };
    match language {
        Language::Vietnamese => vi,
        Language::English => en,
    }
}

/// An error in the language that the client prefers.
pub(super) fn respond(error: &QueryError, headers: &HeaderMap) -> Response {
    respond_with(status(error.kind), error, headers)
}

/// An error with a status of HTTP's own.
pub(super) fn respond_with(
    status: StatusCode,
    error: &QueryError,
    headers: &HeaderMap,
) -> Response {
    let language = preferred(headers);
    let fault = |fault: &crate::error::Fault| ProblemFault {
        parameter: fault.parameter.clone(),
        code: fault.code,
        message: fault.message.in_language(language).to_owned(),
        suggestions: fault.suggestions.clone(),
    };
    let problem = Problem {
        r#type: format!("urn:dinh:problem:{}", error.code),
        title: title(status, language).to_owned(),
        status: status.as_u16(),
        detail: error.message.in_language(language).to_owned(),
        code: error.code,
        errors: error.faults.iter().map(fault).collect(),
    };
    let body = serde_json::to_vec(&problem).expect("a problem has only text keys");
    let mut response = (status, body).into_response();
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    fields.insert("content-language", HeaderValue::from_static(language.code()));
    fields.insert(VARY, HeaderValue::from_static("accept-language, authorization"));
    if status == StatusCode::UNAUTHORIZED {
        fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        // How long it takes until an address may fail once more.
        fields.insert(RETRY_AFTER, HeaderValue::from_static("3"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        fields.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// No route has the path.
pub(super) async fn no_route(uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let message = Text::new(
        format!("không có địa chỉ `{path}`; xem danh sách ở `/openapi.json`"),
        format!("there is nothing at `{path}`; `/openapi.json` lists what there is"),
    );
    let error = QueryError::new(ErrorKind::NotFound, "route.unknown", message);
    respond(&error, &headers)
}

/// The path has a route, but not for the method.
pub(super) async fn no_method(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    let message = Text::new(
        format!("`{path}` không nhận phương thức `{method}`"),
        format!("`{path}` does not take the method `{method}`"),
    );
    let error = QueryError::new(ErrorKind::Invalid, "route.method", message);
    respond_with(StatusCode::METHOD_NOT_ALLOWED, &error, &headers)
}
