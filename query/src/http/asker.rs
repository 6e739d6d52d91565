//! Who is asking: the request's `Authorization: Bearer` and its connection.

use std::convert::Infallible;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use dinh_lake::caller::{Door, Peer};

use super::HttpState;
use crate::access::Access;
use crate::error::{ErrorKind, QueryError};

/// What a request says of who sent it.
pub(super) struct Asker {
    authorization: Option<HeaderValue>,
    peer: Peer,
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        // A connection within this process knows no peer.
        let peer = parts.extensions.get::<ConnectInfo<Peer>>();
        Ok(Self {
            authorization: parts.headers.get(AUTHORIZATION).cloned(),
            peer: peer.map(|info| info.0.clone()).unwrap_or_default(),
        })
    }
}

impl Asker {
    /// What they may read.
    pub(super) fn access(&self, state: &HttpState) -> Result<Access, QueryError> {
        let authorization = self.authorization.as_ref().map(HeaderValue::as_bytes);
        let lake = state.answers.engine().lake();
        Access::of_caller(lake, Door::Http, authorization, &self.peer, state.clock.now())
    }

    /// Counts an answer that they did not get for want of a grant.
    pub(super) fn refused(&self, state: &HttpState, access: &Access, error: &QueryError) {
        if matches!(error.kind, ErrorKind::Unauthenticated | ErrorKind::Forbidden) {
            access.fell_short(state.answers.engine().lake(), Door::Http, &self.peer);
        }
    }
}
