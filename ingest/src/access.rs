//! Who is calling: from a bearer token to a grant of the catalogue.
//!
//! Only the SHA-256 of a token is known to the hub. A grant is looked up for every submission, so one that is revoked ends at once, within a stream too.

use chrono::{DateTime, Utc};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::grant::{Action, Grant, token_sha256};
use tonic::metadata::MetadataMap;

use crate::error::{ErrorKind, IngestError};

/// The hash of the token that a call came with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    token_sha256: String,
}

impl Caller {
    /// Reads `authorization: Bearer <token>`.
    ///
    /// # Errors
    /// [`ErrorKind::TokenMissing`] when there is none.
    pub(crate) fn from_metadata(metadata: &MetadataMap) -> Result<Self, IngestError> {
        let header = metadata.get("authorization").and_then(|value| value.to_str().ok());
        let token = header.and_then(|header| {
            let (scheme, token) = header.trim().split_once(' ')?;
            scheme
                .eq_ignore_ascii_case("bearer")
                .then(|| token.trim())
                .filter(|token| !token.is_empty())
        });
        let token = token.ok_or_else(|| {
            IngestError::new(
                ErrorKind::TokenMissing,
                "no token: send the metadata entry `authorization: Bearer <token>`",
                "thiếu mã truy cập: hãy gửi mục siêu dữ liệu `authorization: Bearer <mã truy cập>`",
            )
        })?;
        Ok(Self { token_sha256: token_sha256(token) })
    }

    /// The grant that the token carries now.
    ///
    /// # Errors
    /// [`ErrorKind::TokenInvalid`] when it carries none, or one that expired or was revoked; which of these is not told.
    pub(crate) fn grant<'a>(
        &self,
        catalogue: &'a Catalogue,
        now: DateTime<Utc>,
    ) -> Result<&'a Grant, IngestError> {
        catalogue.grant_of(&self.token_sha256, now).ok_or_else(|| {
            IngestError::new(
                ErrorKind::TokenInvalid,
                "the token is unknown, expired or revoked: ask the hub's operator for a new one",
                "mã truy cập không tồn tại, đã hết hạn hoặc đã bị thu hồi: hãy xin mã mới từ đơn vị vận hành",
            )
        })
    }
}

/// Checks that a grant allows pushing to a feed.
///
/// # Errors
/// [`ErrorKind::FeedNotGranted`] when it does not.
pub(crate) fn may_push(grant: &Grant, feed: &str) -> Result<(), IngestError> {
    if grant.actions.contains(&Action::Push) && grant.feeds.contains(feed) {
        return Ok(());
    }
    let granted = grant.feeds.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Err(IngestError::new(
        ErrorKind::FeedNotGranted,
        format!("the token may not push to feed `{feed}`; its feeds: `{granted}`"),
        format!("mã truy cập không được phép gửi vào nguồn số liệu `{feed}`; các nguồn được phép: `{granted}`"),
    )
    .with("feed", feed)
    .with("grant", &grant.grant))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn grant(change: impl FnOnce(&mut Grant)) -> Catalogue {
        let mut grant = Grant {
            grant: "g-1".into(),
            principal: "office".into(),
            token_sha256: token_sha256("dinh_secret"),
            actions: BTreeSet::from([Action::Push]),
            feeds: BTreeSet::from(["dan-phuong".into()]),
            within: None,
            issued_at: at("2024-01-01T00:00:00Z"),
            expires_at: None,
            revoked_at: None,
        };
        change(&mut grant);
        Catalogue { grants: BTreeMap::from([("g-1".into(), grant)]), ..Catalogue::default() }
    }

    fn caller(header: &'static str) -> Result<Caller, IngestError> {
        let mut metadata = MetadataMap::new();
        metadata.insert("authorization", header.parse().unwrap());
        Caller::from_metadata(&metadata)
    }

    #[test]
    fn a_token_finds_its_grant_while_it_holds() {
        let now = at("2024-06-01T00:00:00Z");
        let found = |header, catalogue: &Catalogue| {
            caller(header)
                .unwrap()
                .grant(catalogue, now)
                .map(|grant| grant.grant.clone())
                .map_err(|e| e.kind)
        };
        let expiring = |text| grant(|grant| grant.expires_at = Some(at(text)));
        assert_eq!(found("Bearer dinh_secret", &grant(|_| {})), Ok("g-1".into()));
        assert_eq!(
            found("bearer dinh_secret", &expiring("2024-06-02T00:00:00Z")),
            Ok("g-1".into())
        );
        let invalid = Err(ErrorKind::TokenInvalid);
        assert_eq!(found("Bearer dinh_other", &grant(|_| {})), invalid);
        assert_eq!(found("Bearer dinh_secret", &expiring("2024-06-01T00:00:00Z")), invalid);
        let revoked = grant(|grant| grant.revoked_at = Some(at("2024-05-01T00:00:00Z")));
        assert_eq!(found("Bearer dinh_secret", &revoked), invalid);
    }

    #[test]
    fn without_a_bearer_token_there_is_no_caller() {
        for header in ["", "Bearer", "Bearer ", "Basic abc"] {
            assert_eq!(
                caller(header).err().map(|e| e.kind),
                Some(ErrorKind::TokenMissing),
                "{header}"
            );
        }
    }

    #[test]
    fn a_grant_covers_its_feeds_and_actions_only() {
        let catalogue = grant(|_| {});
        assert!(may_push(&catalogue.grants["g-1"], "dan-phuong").is_ok());
        assert!(may_push(&catalogue.grants["g-1"], "long-bien").is_err());
        let reader = grant(|grant| grant.actions = BTreeSet::from([Action::Read]));
        assert!(may_push(&reader.grants["g-1"], "dan-phuong").is_err());
    }
}
