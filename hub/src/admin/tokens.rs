//! Grants and the tokens that carry them.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use dinh_lake::Lake;
use dinh_lake::catalogue::Record;
use dinh_lake::grant::{Action, Credential, Grant, new_token, token_sha256};
use dinh_proto::v1 as proto;
use prost_types::Timestamp;
use tonic::Status;

use super::authority::Authority;
use super::catalogue::refused;

/// Hex digits of a grant's id, taken from its token's digest.
const ID_DIGITS: usize = 8;

pub(super) async fn issue(
    lake: &Arc<Lake>,
    authority: &Authority,
    request: proto::IssueTokenRequest,
) -> Result<proto::IssueTokenResponse, Status> {
    let (credential, token) = match request.certificate.trim() {
        "" => token(),
        name => (Credential::Certificate(name.to_owned()), String::new()),
    };
    let grant = wanted(lake, credential, request)?;
    if !authority.covers(&grant, lake) {
        return Err(not_covered());
    }
    lake.apply(vec![Record::from(&grant)]).await.map_err(|error| refused(&error))?;
    tracing::info!(grant = grant.grant, principal = grant.principal, "grant issued");
    Ok(proto::IssueTokenResponse { token, grant: Some(told(&grant)) })
}

/// The grant that a request asks for.
fn wanted(
    lake: &Lake,
    credential: Credential,
    request: proto::IssueTokenRequest,
) -> Result<Grant, Status> {
    let catalogue = lake.catalogue();
    if request.principal.trim().is_empty() {
        return Err(Status::invalid_argument("`principal` is empty: say who will hold the token"));
    }
    let actions = request.actions().map(action).collect::<Result<BTreeSet<_>, _>>()?;
    if actions.is_empty() || (actions.contains(&Action::Push) && request.feeds.is_empty()) {
        return Err(Status::invalid_argument("say what the token allows; to push, name the feeds"));
    }
    if let Some(feed) = request.feeds.iter().find(|feed| !catalogue.feeds.contains_key(*feed)) {
        let known = catalogue.feeds.keys().cloned().collect::<Vec<_>>().join(", ");
        return Err(Status::not_found(format!(
            "the catalogue has no feed `{feed}`; it has {known}"
        )));
    }
    let within = match request.within.as_str() {
        "" => None,
        text => {
            let unit = catalogue.units.resolve(text, None);
            Some(unit.map_err(|error| Status::invalid_argument(error.message_en()))?.unit.clone())
        }
    };
    Ok(Grant {
        grant: new_id(&credential),
        principal: request.principal,
        credential,
        actions,
        feeds: request.feeds.into_iter().collect(),
        within,
        issued_at: lake.clock().now(),
        expires_at: request.expires_at.and_then(moment),
        revoked_at: None,
    })
}

pub(super) fn list(lake: &Arc<Lake>, authority: &Authority) -> proto::ListTokensResponse {
    let catalogue = lake.catalogue();
    let covered = catalogue.grants.values().filter(|grant| authority.covers(grant, lake));
    proto::ListTokensResponse { grants: covered.map(told).collect() }
}

pub(super) async fn revoke(
    lake: &Arc<Lake>,
    authority: &Authority,
    id: &str,
) -> Result<proto::RevokeTokenResponse, Status> {
    let mut grant = find(lake, authority, id)?;
    if grant.revoked_at.is_none() {
        grant.revoked_at = Some(lake.clock().now());
        lake.apply(vec![Record::from(&grant)]).await.map_err(|error| refused(&error))?;
        tracing::info!(grant = grant.grant, principal = grant.principal, "grant revoked");
    }
    Ok(proto::RevokeTokenResponse { grant: Some(told(&grant)) })
}

/// A second grant with a token of its own, and an end for the first, in one change of the catalogue.
pub(super) async fn rotate(
    lake: &Arc<Lake>,
    authority: &Authority,
    request: proto::RotateTokenRequest,
) -> Result<proto::RotateTokenResponse, Status> {
    let mut old = find(lake, authority, &request.grant)?;
    let (id, now) = (&request.grant, lake.clock().now());
    if matches!(old.credential, Credential::Certificate(_)) {
        return Err(Status::failed_precondition(format!(
            "a certificate carries the grant `{id}`: a new certificate with the same name works beside the old one"
        )));
    }
    if !old.holds_at(now) {
        return Err(Status::failed_precondition(format!(
            "the grant `{id}` has ended: issue a new token"
        )));
    }
    let (credential, token) = token();
    let new = Grant {
        grant: new_id(&credential),
        credential,
        issued_at: now,
        expires_at: request.expires_at.and_then(moment).or(old.expires_at),
        ..old.clone()
    };
    let overlap = i64::try_from(request.overlap_seconds).ok().and_then(TimeDelta::try_seconds);
    let end = overlap.and_then(|overlap| now.checked_add_signed(overlap));
    let end = end.ok_or_else(|| Status::invalid_argument("`overlap_seconds` is too long"))?;
    old.expires_at = Some(old.expires_at.map_or(end, |expires| expires.min(end)));
    let records = vec![Record::from(&old), Record::from(&new)];
    lake.apply(records).await.map_err(|error| refused(&error))?;
    tracing::info!(
        grant = new.grant,
        replaced = old.grant,
        principal = new.principal,
        "token rotated"
    );
    Ok(proto::RotateTokenResponse { token, grant: Some(told(&new)), replaced: Some(told(&old)) })
}

fn find(lake: &Lake, authority: &Authority, id: &str) -> Result<Grant, Status> {
    let catalogue = lake.catalogue();
    let grant = catalogue.grants.get(id).filter(|grant| authority.covers(grant, lake));
    grant.cloned().ok_or_else(|| {
        Status::not_found(format!("there is no grant `{id}`: see `dinh token list`"))
    })
}

fn not_covered() -> Status {
    Status::permission_denied(
        "the grant would reach beyond your own: name a unit within your subtree, and no feeds but yours",
    )
}

/// A new token and what is kept of it.
fn token() -> (Credential, String) {
    let token = new_token();
    (Credential::Token(token_sha256(&token)), token)
}

/// The id of a new grant: from its token's digest, or at random where a certificate carries it.
fn new_id(credential: &Credential) -> String {
    let digest = match credential {
        Credential::Token(digest) => digest.clone(),
        Credential::Certificate(_) => token_sha256(&new_token()),
    };
    format!("g-{}", &digest[..ID_DIGITS])
}

fn moment(stamp: Timestamp) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(stamp.seconds, 0)
}

fn action(action: proto::Action) -> Result<Action, Status> {
    match action {
        proto::Action::Push => Ok(Action::Push),
        proto::Action::Read => Ok(Action::Read),
        proto::Action::Admin => Ok(Action::Admin),
        proto::Action::Unspecified => {
            Err(Status::invalid_argument("an action of the token is not specified"))
        }
    }
}

fn told(grant: &Grant) -> proto::Grant {
    let actions = grant.actions.iter().map(|action| match action {
        Action::Push => proto::Action::Push,
        Action::Read => proto::Action::Read,
        Action::Admin => proto::Action::Admin,
    });
    let certificate = match &grant.credential {
        Credential::Token(_) => String::new(),
        Credential::Certificate(name) => name.clone(),
    };
    proto::Grant {
        certificate,
        grant: grant.grant.clone(),
        principal: grant.principal.clone(),
        actions: actions.map(i32::from).collect(),
        feeds: grant.feeds.iter().cloned().collect(),
        within: grant.within.as_ref().map(ToString::to_string).unwrap_or_default(),
        issued_at: Some(stamp(grant.issued_at)),
        expires_at: grant.expires_at.map(stamp),
        revoked_at: grant.revoked_at.map(stamp),
    }
}

fn stamp(time: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or_default(),
    }
}
