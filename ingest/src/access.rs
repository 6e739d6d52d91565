//! Who is calling, and what they may do: from a token or a client certificate to a grant of the catalogue.
//!
//! A grant is looked up for every submission, so one that is revoked ends at once, within a stream too. Whoever is refused
//! is counted and logged by [`Attempts`](dinh_lake::Attempts), which never sees the token.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dinh_lake::Lake;
use dinh_lake::caller::{Door, Peer, Refusal, shown};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::grant::{Action, Credential, Grant};
use tonic::Request;

use crate::error::{ErrorKind, IngestError};

/// Who a call came from, and the credential that it came with.
#[derive(Clone)]
pub(crate) struct Caller {
    credential: Credential,
    peer: Peer,
    lake: Arc<Lake>,
}

impl Caller {
    /// Reads `authorization: Bearer <token>`, or else takes the connection's client certificate.
    ///
    /// # Errors
    /// [`ErrorKind::TokenMissing`] when there is neither.
    pub(crate) fn of<T>(request: &Request<T>, lake: &Arc<Lake>) -> Result<Self, IngestError> {
        // A connection within this process knows no peer.
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
        let header = request.metadata().get("authorization");
        match shown(header.map(|value| value.as_encoded_bytes()), &peer) {
            Ok(credential) => Ok(Self { credential, peer, lake: Arc::clone(lake) }),
            Err(refusal) => {
                let wait = lake.attempts().refused(Door::Grpc, refusal, &peer, None);
                Err(wait.map_or_else(missing, too_many_attempts))
            }
        }
    }

    /// The grant that the credential carries now.
    ///
    /// # Errors
    /// [`ErrorKind::TokenInvalid`] when it carries none, or one that expired or was revoked; which of these is not told.
    pub(crate) fn grant<'a>(
        &self,
        catalogue: &'a Catalogue,
        now: DateTime<Utc>,
    ) -> Result<&'a Grant, IngestError> {
        catalogue.grant_of(&self.credential, now).map_err(|none| {
            let attempts = self.lake.attempts();
            let wait = attempts.refused(Door::Grpc, none.refusal, &self.peer, none.grant);
            wait.map_or_else(|| invalid(&self.credential), too_many_attempts)
        })
    }

    /// Checks that a grant of theirs allows pushing to a feed.
    ///
    /// # Errors
    /// [`ErrorKind::FeedNotGranted`] when it does not.
    pub(crate) fn may_push(&self, grant: &Grant, feed: &str) -> Result<(), IngestError> {
        may_push(grant, feed).inspect_err(|_| {
            let attempts = self.lake.attempts();
            attempts.refused(Door::Grpc, Refusal::NotGranted, &self.peer, Some(&grant.grant));
        })
    }
}

fn missing() -> IngestError {
    IngestError::new(
        ErrorKind::TokenMissing,
        "no token: send the metadata entry `authorization: Bearer <token>`, or connect with a client certificate",
        "thiếu mã truy cập: hãy gửi mục siêu dữ liệu `authorization: Bearer <mã truy cập>`, hoặc kết nối bằng chứng thư số của máy khách",
    )
}

fn invalid(credential: &Credential) -> IngestError {
    let (en, vi) = match credential {
        Credential::Token(_) => (
            "the token is unknown, expired or revoked: ask the hub's operator for a new one",
            "mã truy cập không tồn tại, đã hết hạn hoặc đã bị thu hồi: hãy xin mã mới từ đơn vị vận hành",
        ),
        Credential::Certificate(_) => (
            "the client certificate carries no grant, or one that expired or was revoked: ask the hub's operator for one",
            "chứng thư số của máy khách chưa được cấp quyền, hoặc quyền đã hết hạn hay bị thu hồi: hãy liên hệ đơn vị vận hành",
        ),
    };
    IngestError::new(ErrorKind::TokenInvalid, en, vi)
}

fn too_many_attempts(wait: Duration) -> IngestError {
    let error = IngestError::new(
        ErrorKind::TooManyAttempts,
        "too many attempts with a wrong token came from this address: check the token, then try again later",
        "địa chỉ này đã thử sai mã truy cập quá nhiều lần: hãy kiểm tra mã truy cập rồi thử lại sau",
    );
    IngestError { retry_after: Some(wait), ..error }
}

fn may_push(grant: &Grant, feed: &str) -> Result<(), IngestError> {
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
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_grant_covers_its_feeds_and_actions_only() {
        let grant = Grant {
            grant: "g-1".into(),
            principal: "office".into(),
            credential: Credential::Certificate("office".into()),
            actions: BTreeSet::from([Action::Push]),
            feeds: BTreeSet::from(["dan-phuong".into()]),
            within: None,
            issued_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
        };
        assert!(may_push(&grant, "dan-phuong").is_ok());
        assert!(may_push(&grant, "long-bien").is_err());
        let reader = Grant { actions: BTreeSet::from([Action::Read]), ..grant };
        assert!(may_push(&reader, "dan-phuong").is_err());
    }
}
