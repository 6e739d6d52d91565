//! Who calls: what a connection knows of its other end, what a call shows, and the grant that follows.
//!
//! Invariants:
//! - A token that is shown decides alone. A client certificate counts only where no token is shown, so nobody gets more by
//!   showing both, and a token that was mistyped is told, not passed over.
//! - The token itself is hashed where it comes in; nothing behind that can log it.
//! - What is refused says the same to its caller whether the credential is unknown, expired or revoked. The log and the
//!   metrics tell them apart.

use std::net::IpAddr;
use std::sync::Arc;

use crate::grant::{Credential, token_sha256};
use crate::observation::codes;

/// The other end of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// Its address; none within this process.
    pub address: Option<IpAddr>,
    /// The name in its client certificate, which a trusted authority signed.
    pub certificate: Option<Arc<str>>,
}

codes! {
    /// Where a call came in.
    Door {
        /// gRPC.
        Grpc = "grpc",
        /// HTTP.
        Http = "http",
    }
}

codes! {
    /// Why a call or a connection was refused.
    Refusal {
        /// It showed no credential.
        CredentialMissing = "credential_missing",
        /// Its `authorization` is no bearer token.
        CredentialMalformed = "credential_malformed",
        /// No grant has the credential.
        CredentialUnknown = "credential_unknown",
        /// The grant has expired.
        GrantExpired = "grant_expired",
        /// The grant was revoked.
        GrantRevoked = "grant_revoked",
        /// The grant holds and does not cover what was asked.
        NotGranted = "not_granted",
        /// What came is no TLS.
        NotTls = "not_tls",
        /// The door takes callers with a certificate only.
        CertificateMissing = "certificate_missing",
        /// The certificate is not, or no longer, within its days.
        CertificateExpired = "certificate_expired",
        /// No trusted authority signed the certificate, or it is not sound.
        CertificateUntrusted = "certificate_untrusted",
        /// The handshake did not end in time.
        HandshakeSlow = "handshake_slow",
        /// The handshake broke off for another reason.
        HandshakeBroken = "handshake_broken",
    }
}

impl Refusal {
    /// Whether somebody may be trying keys: such attempts draw on the budget of their address.
    #[must_use]
    pub fn is_guess(self) -> bool {
        // A connection that breaks off is what a probe of a load balancer looks like.
        !matches!(self, Self::CredentialMissing | Self::NotGranted | Self::HandshakeBroken)
    }
}

/// What a call shows: the token of its `authorization`, else the certificate of its connection.
///
/// # Errors
/// [`Refusal::CredentialMissing`] when it shows nothing, [`Refusal::CredentialMalformed`] when `authorization` does not read
/// `Bearer <token>`.
pub fn shown(authorization: Option<&[u8]>, peer: &Peer) -> Result<Credential, Refusal> {
    let Some(header) = authorization else {
        let name = peer.certificate.as_ref().ok_or(Refusal::CredentialMissing)?;
        return Ok(Credential::Certificate(name.as_ref().to_owned()));
    };
    let text = std::str::from_utf8(header).map_err(|_| Refusal::CredentialMalformed)?;
    let (scheme, token) = text.trim().split_once(' ').ok_or(Refusal::CredentialMalformed)?;
    let token = token.trim();
    if !scheme.eq_ignore_ascii_case("bearer") || token.is_empty() {
        return Err(Refusal::CredentialMalformed);
    }
    Ok(Credential::Token(token_sha256(token)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_decides_and_a_certificate_stands_in_where_there_is_none() {
        let known = Peer { certificate: Some("office".into()), ..Peer::default() };
        let token = || Ok(Credential::Token(token_sha256("dinh_x")));
        let certificate = || Ok(Credential::Certificate("office".to_owned()));
        for (header, peer, wanted) in [
            (Some("Bearer dinh_x"), &known, token()),
            (Some("bearer  dinh_x "), &Peer::default(), token()),
            (None, &known, certificate()),
            (None, &Peer::default(), Err(Refusal::CredentialMissing)),
            (Some(""), &known, Err(Refusal::CredentialMalformed)),
            (Some("Bearer"), &known, Err(Refusal::CredentialMalformed)),
            (Some("Bearer "), &known, Err(Refusal::CredentialMalformed)),
            (Some("Basic abc"), &known, Err(Refusal::CredentialMalformed)),
        ] {
            assert_eq!(shown(header.map(str::as_bytes), peer), wanted, "{header:?} {peer:?}");
        }
        assert_eq!(shown(Some(b"Bearer \xff"), &known), Err(Refusal::CredentialMalformed));
    }
}
