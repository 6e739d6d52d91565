//! Who calls, and what they may dispose of.
//!
//! `admin` without a subtree is over everything. `admin` within a subtree hands out, lists and ends grants that lie in that
//! subtree and name no other feeds than its own, so a district manages its own tokens and cannot give more than it has;
//! the catalogue and the lake's care are not its to change.

use std::collections::BTreeSet;

use chrono::{NaiveDate, TimeDelta};
use dinh_lake::Lake;
use dinh_lake::caller::{Door, Peer, Refusal, shown};
use dinh_lake::grant::{Action, Grant};
use dinh_lake::unit::{UnitId, Units};
use dinh_query::Access;
use std::time::Duration;
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::hub::Hub;

/// Vietnam has one time zone and no summer time.
const UTC_OFFSET_VIETNAM: TimeDelta = TimeDelta::hours(7);

/// Who calls.
pub(super) struct Caller<'a> {
    /// Their grant's subtree and tiers; everything for the operator.
    pub(super) access: Access,
    /// What they may dispose of; none without `admin`.
    authority: Option<Authority>,
    peer: Peer,
    lake: &'a Lake,
}

/// What somebody with `admin` may dispose of.
pub(super) enum Authority {
    /// The whole lake.
    Whole,
    /// Grants of a part of it.
    Part {
        /// The top of the subtree.
        within: UnitId,
        /// The feeds.
        feeds: BTreeSet<String>,
    },
}

impl<'a> Caller<'a> {
    /// Finds the grant that a request's credential carries.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when there is none; the attempt is counted and logged.
    pub(super) fn of<T>(hub: &'a Hub, request: &Request<T>) -> Result<Self, Status> {
        // A connection within this process knows no peer.
        let peer = request.extensions().get::<Peer>().cloned().unwrap_or_default();
        let (lake, header) = (hub.lake().as_ref(), request.metadata().get("authorization"));
        let refused = |refusal, grant: Option<&str>| match lake.attempts().refused(
            Door::Grpc,
            refusal,
            &peer,
            grant,
        ) {
            Some(wait) => too_many_attempts(wait),
            None => unauthenticated(refusal),
        };
        let credential = shown(header.map(|value| value.as_encoded_bytes()), &peer);
        let credential = credential.map_err(|refusal| refused(refusal, None))?;
        if credential == *hub.operator() {
            let authority = Some(Authority::Whole);
            return Ok(Self { access: Access::everything(), authority, peer, lake });
        }
        let catalogue = lake.catalogue();
        let grant = catalogue.grant_of(&credential, lake.clock().now());
        let grant = grant.map_err(|none| refused(none.refusal, none.grant))?;
        let (access, authority) = (Access::of_grant(grant), Authority::of(grant));
        Ok(Self { access, authority, peer, lake })
    }

    /// What they may dispose of.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without `admin`; the attempt is counted and logged.
    pub(super) fn authority(self) -> Result<Authority, Status> {
        match self.authority {
            Some(authority) => Ok(authority),
            None => Err(self.refused("the grant does not allow `admin`")),
        }
    }

    /// That they may dispose of everything.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without `admin`, or with it in a subtree; the attempt is counted and logged.
    pub(super) fn whole(self) -> Result<(), Status> {
        match self.authority {
            Some(Authority::Whole) => Ok(()),
            Some(Authority::Part { .. }) => Err(self.refused(
                "the grant allows `admin` within a subtree: it manages the tokens of that subtree, and nothing else",
            )),
            None => Err(self.refused("the grant does not allow `admin`")),
        }
    }

    /// That they may run SQL.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` without `read`; the attempt is counted and logged.
    pub(super) fn may_run_sql(&self) -> Result<(), Status> {
        if self.access.may_run_sql() {
            return Ok(());
        }
        Err(self.refused("the grant does not allow `read`"))
    }

    /// A refusal for want of a grant, counted and logged.
    pub(super) fn refused(&self, message: &str) -> Status {
        let grant = self.access.grant.as_deref();
        self.lake.attempts().refused(Door::Grpc, Refusal::NotGranted, &self.peer, grant);
        Status::permission_denied(message)
    }
}

impl Authority {
    fn of(grant: &Grant) -> Option<Self> {
        if !grant.actions.contains(&Action::Admin) {
            return None;
        }
        Some(match &grant.within {
            None => Self::Whole,
            Some(within) => Self::Part { within: within.clone(), feeds: grant.feeds.clone() },
        })
    }

    /// Whether a grant lies within it.
    pub(super) fn covers(&self, grant: &Grant, lake: &Lake) -> bool {
        let Self::Part { within: top, feeds } = self else { return true };
        let today = (lake.clock().now() + UTC_OFFSET_VIETNAM).date_naive();
        let inside = |unit: &UnitId| is_inside(&lake.catalogue().units, unit, top, today);
        grant.within.as_ref().is_some_and(inside) && grant.feeds.is_subset(feeds)
    }
}

/// Whether a unit is, or was when it ended, in a subtree.
fn is_inside(units: &Units, unit: &UnitId, top: &UnitId, today: NaiveDate) -> bool {
    let last = units.latest(unit).map_or(today, |version| version.last_day());
    unit == top || units.is_within(unit, top, last.min(today))
}

fn unauthenticated(refusal: Refusal) -> Status {
    Status::unauthenticated(match refusal {
        Refusal::CredentialMissing => {
            "send `authorization: Bearer <token>`, or connect with a client certificate"
        }
        Refusal::CredentialMalformed => "`authorization` must read `Bearer <token>`",
        _ => {
            "the token or certificate carries no grant, or one that expired or was revoked; ask the operator for a new one"
        }
    })
}

fn too_many_attempts(wait: Duration) -> Status {
    Status::with_error_details(
        Code::ResourceExhausted,
        "too many attempts with a wrong token came from this address: check the token, then try again later",
        ErrorDetails::with_retry_info(Some(wait)),
    )
}
