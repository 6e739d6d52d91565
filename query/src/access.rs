//! Who may read what. A token becomes an [`Access`], and an access becomes a filter inside the plan of every statement
//! (`sql/permission.rs`), so no door and no question can get around it.
//!
//! - Anyone reads open indicators.
//! - A grant to read adds shared indicators, and restricted ones within its subtree, and SQL.
//! - Submissions and verdicts are read by a grant to read whose subtree covers the feed, or that may push to the feed.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use dinh_lake::catalogue::Catalogue;
use dinh_lake::grant::{Action, Grant, token_sha256};
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
    /// How far it reaches.
    pub reach: Reach,
}

impl Access {
    /// The access of the operator, who holds the lake itself.
    #[must_use]
    pub fn everything() -> Self {
        Self { principal: None, reach: Reach::Everything }
    }

    /// The access of anyone.
    #[must_use]
    pub fn open() -> Self {
        Self { principal: None, reach: Reach::Open }
    }

    /// The access of a grant.
    #[must_use]
    pub fn of_grant(grant: &Grant) -> Self {
        let reach = match &grant.within {
            _ if !grant.actions.contains(&Action::Read) => Reach::Open,
            None => Reach::Everything,
            Some(within) => Reach::Subtree { within: within.clone(), feeds: grant.feeds.clone() },
        };
        Self { principal: Some(grant.principal.clone()), reach }
    }

    /// The access of whoever holds a token.
    ///
    /// # Errors
    /// When no grant has the token, or the grant has ended.
    pub fn of_token(
        catalogue: &Catalogue,
        token: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, QueryError> {
        let grant = catalogue.grant_of(&token_sha256(token), now);
        grant.map(Self::of_grant).ok_or_else(|| {
            let message = Text::new(
                "mã truy cập không đúng, đã hết hạn hoặc đã bị thu hồi",
                "the token is unknown, expired or revoked",
            );
            QueryError::new(ErrorKind::Unauthenticated, "token.invalid", message)
        })
    }

    /// Whether it may read any figure of an indicator; which ones, the plan decides.
    #[must_use]
    pub fn may_read_some(&self, indicator: &Indicator) -> bool {
        self.reach != Reach::Open || indicator.tier == Tier::Open
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
    use super::*;

    fn grant(actions: &[Action], within: Option<&str>) -> Grant {
        Grant {
            grant: "g-1".to_owned(),
            principal: "analyst".to_owned(),
            token_sha256: token_sha256("dinh_secret"),
            actions: actions.iter().copied().collect(),
            feeds: BTreeSet::new(),
            within: within.map(|unit| UnitId(unit.to_owned())),
            issued_at: DateTime::UNIX_EPOCH,
            expires_at: DateTime::from_timestamp(100, 0),
            revoked_at: None,
        }
    }

    fn access(grant: Grant, token: &str, now: i64) -> Result<Reach, &'static str> {
        let grants = [(grant.grant.clone(), grant)].into();
        let catalogue = Catalogue { grants, ..Catalogue::default() };
        let now = DateTime::from_timestamp(now, 0).unwrap();
        Access::of_token(&catalogue, token, now).map(|a| a.reach).map_err(|e| e.code)
    }

    #[test]
    fn a_token_reaches_as_far_as_its_grant() {
        let read = [Action::Read];
        assert_eq!(access(grant(&read, None), "dinh_secret", 1), Ok(Reach::Everything));
        assert_eq!(access(grant(&[Action::Push], None), "dinh_secret", 1), Ok(Reach::Open));
        let within = UnitId("273.1".to_owned());
        let subtree = Reach::Subtree { within, feeds: BTreeSet::new() };
        assert_eq!(access(grant(&read, Some("273.1")), "dinh_secret", 1), Ok(subtree));
    }

    #[test]
    fn a_wrong_or_ended_token_reaches_nothing() {
        let read = || grant(&[Action::Read], None);
        assert_eq!(access(read(), "dinh_guess", 1), Err("token.invalid"));
        assert_eq!(access(read(), "dinh_secret", 100), Err("token.invalid"));
        let revoked = Grant { revoked_at: DateTime::from_timestamp(50, 0), ..read() };
        assert!(access(revoked.clone(), "dinh_secret", 49).is_ok());
        assert_eq!(access(revoked, "dinh_secret", 50), Err("token.invalid"));
    }
}
