//! Who may read what. A token or a client certificate becomes an [`Access`], and an access becomes a filter inside the plan of every statement
//! (`sql/permission.rs`), so no door and no question can get around it.
//!
//! - Anyone reads open indicators.
//! - A grant to read adds shared indicators, and restricted ones within its subtree, and SQL.
//! - Submissions and verdicts are read by a grant to read whose subtree covers the feed, or that may push to the feed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use dinh_lake::Lake;
use dinh_lake::caller::{Door, Peer, Refusal, shown};
use dinh_lake::grant::{Action, Grant};
use dinh_lake::indicator::{Indicator, Tier};
use dinh_lake::unit::UnitId;
use sha2::{Digest, Sha256};

use crate::error::{ErrorKind, QueryError, Text};

/// How far an access reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everything: the operator at the lake itself, or a grant to read without a subtree.
    Everything,
    /// Open indicators only.
    Open,
    /// Open and shared indicators, and restricted ones within a subtree.
    Subtree {
        /// The top of the subtree.
        within: UnitId,
        /// The feeds that the grant may push to.
        feeds: BTreeSet<String>,
    },
}

/// What one caller may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Who it is, for the log; none for anyone.
    pub principal: Option<String>,
    /// The grant that it follows from, for the log; none for anyone, and for the operator.
    pub grant: Option<String>,
    /// How far it reaches.
    pub reach: Reach,
}

impl Access {
    /// The access of the operator, who holds the lake itself.
    #[must_use]
    pub fn everything() -> Self {
        Self { principal: None, grant: None, reach: Reach::Everything }
    }

    /// The access of anyone.
    #[must_use]
    pub fn open() -> Self {
        Self { principal: None, grant: None, reach: Reach::Open }
    }

    /// The access of a grant.
    #[must_use]
    pub fn of_grant(grant: &Grant) -> Self {
        let reach = match &grant.within {
            _ if !grant.actions.contains(&Action::Read) => Reach::Open,
            None => Reach::Everything,
            Some(within) => Reach::Subtree { within: within.clone(), feeds: grant.feeds.clone() },
        };
        Self { principal: Some(grant.principal.clone()), grant: Some(grant.grant.clone()), reach }
    }

    /// The access of a caller at a door: of its token, else of its certificate, else anyone's. A certificate that carries no
    /// grant asks as anyone; a token that carries none is refused, for whoever shows one means to be somebody.
    ///
    /// # Errors
    /// When the token is malformed, unknown, expired or revoked; the attempt is counted and logged.
    pub fn of_caller(
        lake: &Lake,
        door: Door,
        authorization: Option<&[u8]>,
        peer: &Peer,
        now: DateTime<Utc>,
    ) -> Result<Self, QueryError> {
        let refused = |refusal, grant: Option<&str>| {
            let wait = lake.attempts().refused(door, refusal, peer, grant);
            if wait.is_some() { too_many_attempts() } else { token_refused(refusal) }
        };
        let credential = match shown(authorization, peer) {
            Err(Refusal::CredentialMissing) => return Ok(Self::open()),
            shown => shown.map_err(|refusal| refused(refusal, None))?,
        };
        match lake.catalogue().grant_of(&credential, now) {
            Ok(grant) => Ok(Self::of_grant(grant)),
            Err(_) if authorization.is_none() => Ok(Self::open()),
            Err(none) => Err(refused(none.refusal, none.grant)),
        }
    }

    /// Counts and logs that it did not reach far enough.
    pub fn fell_short(&self, lake: &Lake, door: Door, peer: &Peer) {
        let known = self.principal.is_some();
        let refusal = if known { Refusal::NotGranted } else { Refusal::CredentialMissing };
        lake.attempts().refused(door, refusal, peer, self.grant.as_deref());
    }

    /// Whether it may read any figure of an indicator; which ones, the plan decides.
    #[must_use]
    pub fn may_read_some(&self, indicator: &Indicator) -> bool {
        self.reach != Reach::Open || indicator.tier == Tier::Open
    }

    /// Whether it may read every figure of an indicator.
    #[must_use]
    pub fn may_read_all(&self, indicator: &Indicator) -> bool {
        match self.reach {
            Reach::Everything => true,
            Reach::Open => indicator.tier == Tier::Open,
            Reach::Subtree { .. } => indicator.tier != Tier::Restricted,
        }
    }

    /// What is missing when it may not: a token, or a grant.
    #[must_use]
    pub fn refusal(&self) -> ErrorKind {
        if self.principal.is_some() { ErrorKind::Forbidden } else { ErrorKind::Unauthenticated }
    }

    /// Whether it may run SQL: only with a grant to read.
    #[must_use]
    pub fn may_run_sql(&self) -> bool {
        self.reach != Reach::Open
    }
}

fn token_refused(refusal: Refusal) -> QueryError {
    let (code, vi, en) = match refusal {
        Refusal::CredentialMalformed => (
            "token.syntax",
            "phần `Authorization` phải có dạng `Bearer <mã truy cập>`",
            "the header `Authorization` must read `Bearer <token>`",
        ),
        _ => (
            "token.invalid",
            "mã truy cập không đúng, đã hết hạn hoặc đã bị thu hồi",
            "the token is unknown, expired or revoked",
        ),
    };
    QueryError::new(ErrorKind::Unauthenticated, code, Text::new(vi, en))
}

fn too_many_attempts() -> QueryError {
    let message = Text::new(
        "địa chỉ này đã thử sai mã truy cập quá nhiều lần; hãy kiểm tra mã truy cập rồi thử lại sau",
        "too many attempts with a wrong token came from this address; check the token, then try again later",
    );
    QueryError::new(ErrorKind::TooManyAttempts, "token.too_many_attempts", message)
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        write!(text, "{byte:02x}").expect("writing to a String cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use dinh_lake::grant::Credential;

    use super::*;

    fn reach(actions: &[Action], within: Option<&str>) -> Reach {
        let grant = Grant {
            grant: "g-1".to_owned(),
            principal: "analyst".to_owned(),
            credential: Credential::Certificate("analyst".to_owned()),
            actions: actions.iter().copied().collect(),
            feeds: BTreeSet::new(),
            within: within.map(|unit| UnitId(unit.to_owned())),
            issued_at: DateTime::UNIX_EPOCH,
            expires_at: None,
            revoked_at: None,
        };
        Access::of_grant(&grant).reach
    }

    #[test]
    fn an_access_reaches_as_far_as_its_grant() {
        let read = [Action::Read];
        assert_eq!(reach(&read, None), Reach::Everything);
        assert_eq!(reach(&[Action::Push], None), Reach::Open);
        let within = UnitId("273.1".to_owned());
        let subtree = Reach::Subtree { within, feeds: BTreeSet::new() };
        assert_eq!(reach(&read, Some("273.1")), subtree);
    }
}
