//! Grants and the tokens that carry them.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use dinh_lake::Lake;
use dinh_lake::catalogue::Record;
use dinh_lake::grant::{Action, Grant, new_token, token_sha256};
use dinh_proto::v1 as proto;
use prost_types::Timestamp;
use tonic::Status;

use super::catalogue::refused;

/// Hex digits of a grant's id, taken from its token's digest.
const ID_DIGITS: usize = 8;

pub(super) async fn issue(
    lake: &Arc<Lake>,
    request: proto::IssueTokenRequest,
) -> Result<proto::IssueTokenResponse, Status> {
    let catalogue = lake.catalogue();
    if request.principal.trim().is_empty() {
        return Err(Status::invalid_argument("`principal` is empty: say who will hold the token"));
    }
    let actions =
        request.actions().map(action).collect::<Result<std::collections::BTreeSet<_>, _>>()?;
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
    let token = new_token();
    let digest = token_sha256(&token);
    let grant = Grant {
        grant: format!("g-{}", &digest[..ID_DIGITS]),
        principal: request.principal,
        token_sha256: digest,
        actions,
        feeds: request.feeds.into_iter().collect(),
        within,
        issued_at: lake.clock().now(),
        expires_at: request.expires_at.and_then(|stamp| DateTime::from_timestamp(stamp.seconds, 0)),
        revoked_at: None,
    };
    lake.apply(vec![Record::from(&grant)]).await.map_err(|error| refused(&error))?;
    tracing::info!(grant = grant.grant, principal = grant.principal, "token issued");
    Ok(proto::IssueTokenResponse { token, grant: Some(told(&grant)) })
}

pub(super) fn list(lake: &Arc<Lake>) -> proto::ListTokensResponse {
    proto::ListTokensResponse { grants: lake.catalogue().grants.values().map(told).collect() }
}

pub(super) async fn revoke(
    lake: &Arc<Lake>,
    id: &str,
) -> Result<proto::RevokeTokenResponse, Status> {
    let catalogue = lake.catalogue();
    let grant = catalogue.grants.get(id);
    let mut grant = grant
        .ok_or_else(|| {
            Status::not_found(format!("there is no grant `{id}`: see `dinh token list`"))
        })?
        .clone();
    if grant.revoked_at.is_none() {
        grant.revoked_at = Some(lake.clock().now());
        lake.apply(vec![Record::from(&grant)]).await.map_err(|error| refused(&error))?;
        tracing::info!(grant = grant.grant, principal = grant.principal, "token revoked");
    }
    Ok(proto::RevokeTokenResponse { grant: Some(told(&grant)) })
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
    proto::Grant {
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
