//! Who is asking, by `Authorization: Bearer`.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::HttpState;
use crate::access::Access;
use crate::error::{ErrorKind, QueryError, Text};

/// The access of a request; anyone's where it has no token.
pub(super) fn access(state: &HttpState, headers: &HeaderMap) -> Result<Access, QueryError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(Access::open()) };
    let token = value.to_str().ok().and_then(|value| value.split_once(' '));
    let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let (_, token) = token.ok_or_else(|| {
        let message = Text::new(
            "phần `Authorization` phải có dạng `Bearer <mã truy cập>`",
            "the header `Authorization` must read `Bearer <token>`",
        );
        QueryError::new(ErrorKind::Unauthenticated, "token.syntax", message)
    })?;
    let catalogue = state.answers.engine().lake().catalogue();
    Access::of_token(&catalogue, token.trim(), state.clock.now())
}
