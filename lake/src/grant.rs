//! Grants: who may do what. Only the SHA-256 of a token is kept.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::observation::codes;
use crate::unit::UnitId;

codes! {
    /// What a grant allows.
    Action {
        /// To submit rows to its feeds within its subtree.
        Push = "push",
        /// To read, beyond the open indicators, and to run SQL.
        Read = "read",
        /// To change the catalogue and the grants.
        Admin = "admin",
    }
}

/// One grant, carried by one token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id, such as `g-3f9a2c`; safe to print.
    pub grant: String,
    /// Who holds it, such as `dan-phuong-office`.
    pub principal: String,
    /// SHA-256 of the token, lower-case hex.
    pub token_sha256: String,
    /// What it allows.
    pub actions: BTreeSet<Action>,
    /// The feeds that it may push to; empty means none.
    pub feeds: BTreeSet<String>,
    /// The unit whose subtree it covers; none means all.
    pub within: Option<UnitId>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// When it ends, if it does.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was revoked, if it was.
    pub revoked_at: Option<DateTime<Utc>>,
}
