//! Strong entity tags: a hash of what an answer is made from, so an unchanged one costs no work.

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue, Uri};

use crate::access::{Access, sha256_hex};
use crate::error::Language;

/// The tag of the answer to one request from one snapshot.
pub(super) fn tag(
    uri: &Uri,
    language: Language,
    access: &Access,
    position: u64,
    catalogue_version: u64,
) -> String {
    let request = uri.path_and_query().map_or("", |request| request.as_str());
    let language = language.code();
    let made_from = format!("{position}\n{catalogue_version}\n{language}\n{access:?}\n{request}");
    format!("\"{}\"", &sha256_hex(made_from.as_bytes())[..32])
}

/// Whether the client has the answer with this tag already.
pub(super) fn matches(headers: &HeaderMap, tag: &str) -> bool {
    let listed = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    // If-None-Match compares weakly (RFC 9110, 13.1.2).
    let own = |item: &str| item == "*" || item.trim_start_matches("W/") == tag;
    listed.flat_map(|value| value.split(',')).any(|item| own(item.trim()))
}

/// A tag as a header.
pub(super) fn header(tag: &str) -> HeaderValue {
    HeaderValue::from_str(tag).expect("a tag is hex in quotes")
}
