//! Grants: who may do what. Only the SHA-256 of a token is kept.
//!
//! A principal may have several grants, with other credentials: a new token works beside the old one until that ends, which
//! is how tokens are changed without a gap.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

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

/// What a caller shows, and what a grant is carried by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Credential {
    /// A token; SHA-256 of it, lower-case hex.
    #[serde(rename = "token_sha256")]
    Token(String),
    /// The name in a client certificate.
    #[serde(rename = "certificate")]
    Certificate(String),
}

/// One grant, carried by one credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Its id, such as `g-3f9a2c`; safe to print.
    pub grant: String,
    /// Who holds it, such as `dan-phuong-office`.
    pub principal: String,
    /// What carries it.
    #[serde(flatten)]
    pub credential: Credential,
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

/// What every token begins with, so that scanners for leaked secrets find it.
const TOKEN_PREFIX: &str = "dinh_";
/// Characters of a token after its prefix: 43 times 6 random bits are 258.
const TOKEN_CHARACTERS: usize = 43;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Makes a token that nobody has had before.
#[must_use]
pub fn new_token() -> String {
    let mut bytes = [0; TOKEN_CHARACTERS];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    let characters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 64)]));
    TOKEN_PREFIX.chars().chain(characters).collect()
}

/// What is kept of a token: its SHA-256, lower-case hex.
#[must_use]
pub fn token_sha256(token: &str) -> String {
    Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Grant {
    /// Whether it holds at a moment.
    #[must_use]
    pub fn holds_at(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none_or(|revoked| now < revoked)
            && self.expires_at.is_none_or(|expires| now < expires)
    }
}
