//! The name of whoever a client certificate was made for.
//!
//! # Decisions
//! - The URI name `dinh:principal/<name>` counts first: it can mean nothing else. Authorities that cannot write one give
//!   the common name, which counts where there is no such URI. Either way an operator has to grant the name something, so
//!   a name that an authority writes for another purpose opens nothing.
//! - A subject with several common names has none: which one the authority checked cannot be told.

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const URI_PREFIX: &str = "dinh:principal/";
/// A longer name is nobody's.
const NAME_BYTES_MAX: usize = 256;

// Tags of DER, and the OID 2.5.4.3 of the common name.
const OBJECT: u8 = 0x06;
const UTF8_TEXT: u8 = 0x0c;
const PRINTABLE_TEXT: u8 = 0x13;
const ASCII_TEXT: u8 = 0x16;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The name in a certificate, if it has one.
pub(crate) fn name(certificate: &CertificateDer<'_>) -> Option<String> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let uri = certificate.valid_uri_names().find_map(|uri| uri.strip_prefix(URI_PREFIX));
    let name = uri.or_else(|| common_name(certificate.subject()))?;
    let sound = !name.trim().is_empty()
        && name.len() <= NAME_BYTES_MAX
        && !name.chars().any(char::is_control);
    sound.then(|| name.trim().to_owned())
}

/// The one common name of a subject: the content of an X.501 `RDNSequence`.
pub(crate) fn common_name(subject: &[u8]) -> Option<&str> {
    let mut found = None;
    for set in Values(subject) {
        let (SET, attributes) = set? else { return None };
        for attribute in Values(attributes) {
            let (SEQUENCE, attribute) = attribute? else { return None };
            let mut parts = Values(attribute);
            let (OBJECT, object) = parts.next()?? else { return None };
            if object != COMMON_NAME {
                continue;
            }
            let (UTF8_TEXT | PRINTABLE_TEXT | ASCII_TEXT, text) = parts.next()?? else {
                return None;
            };
            if found.replace(std::str::from_utf8(text).ok()?).is_some() {
                return None;
            }
        }
    }
    found
}

/// The values that stand in a row in DER: a tag and a content each; none where the bytes are no DER.
struct Values<'a>(&'a [u8]);

impl<'a> Iterator for Values<'a> {
    type Item = Option<(u8, &'a [u8])>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let value = split(self.0);
        self.0 = value.map_or(&[], |(_, _, rest)| rest);
        Some(value.map(|(tag, content, _)| (tag, content)))
    }
}

/// The first value and what follows it; lengths of up to 65,535 bytes.
fn split(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length, rest) = match *bytes {
        [tag, length @ 0..=0x7f, ref rest @ ..] => (tag, usize::from(length), rest),
        [tag, 0x81, length, ref rest @ ..] => (tag, usize::from(length), rest),
        [tag, 0x82, high, low, ref rest @ ..] => {
            (tag, usize::from(u16::from_be_bytes([high, low])), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

    use super::*;

    fn certificate(common_name: Option<&str>, uris: &[&str]) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "Thành phố Hà Nội");
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        params.subject_alt_names =
            uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn the_uri_counts_before_the_common_name() {
        for (common_name, uris, wanted) in [
            (Some("Huyện Đan Phượng"), &["dinh:principal/dan-phuong"][..], Some("dan-phuong")),
            (Some("Huyện Đan Phượng"), &[], Some("Huyện Đan Phượng")),
            (Some("office"), &["spiffe://ha-noi/office"], Some("office")),
            (None, &["https://a", "dinh:principal/b"], Some("b")),
            (None, &["dinh:principal/"], None),
            (None, &[], None),
            (Some(" "), &[], None),
            (Some(&"x".repeat(300)), &[], None),
        ] {
            let found = name(&certificate(common_name, uris));
            assert_eq!(found.as_deref(), wanted, "{common_name:?} {uris:?}");
        }
        assert_eq!(name(&CertificateDer::from(vec![0x30, 0x82])), None);
    }

    #[test]
    fn a_subject_that_is_cut_or_has_two_common_names_has_none() {
        let name = |text: &[u8]| {
            [&[0x31, 0x0c, 0x30, 0x0a, 0x06, 3], COMMON_NAME, &[0x0c, 3], text].concat()
        };
        let one = name(b"abc");
        assert_eq!(common_name(&one), Some("abc"));
        for end in 0..one.len() {
            assert_eq!(common_name(&one[..end]), None, "{end}");
        }
        assert_eq!(common_name(&[one.clone(), name(b"abd")].concat()), None);
        assert_eq!(common_name(&name(b"\xff\xfe\xfd")), None);
    }
}
