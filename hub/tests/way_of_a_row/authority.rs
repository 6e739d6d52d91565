//! Real certificates: an authority made for the test, and what it signs, in files.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, SanType,
    date_time_ymd,
};

/// An authority that signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its own certificate.
    pub(crate) file: PathBuf,
}

/// A certificate and its key.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

impl Identity {
    /// Takes the place of another, as whoever renews a certificate does.
    pub(crate) fn replace(&self, other: &Self) {
        std::fs::copy(&self.certificate, &other.certificate).unwrap();
        std::fs::copy(&self.key, &other.key).unwrap();
    }
}

impl Authority {
    pub(crate) fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let file = folder.join(format!("{name}.pem"));
        std::fs::write(&file, params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// The certificate of a hub on this machine.
    pub(crate) fn hub(&self, folder: &Path, file: &str) -> Identity {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        self.sign(folder, file, &CertificateParams::new(names).unwrap())
    }

    /// The certificate of a client, with its name as a URI.
    pub(crate) fn client(&self, folder: &Path, name: &str) -> Identity {
        self.sign(folder, name, &client(name))
    }

    /// One that has expired.
    pub(crate) fn expired_client(&self, folder: &Path, name: &str) -> Identity {
        let mut params = client(name);
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        self.sign(folder, &format!("expired-{name}"), &params)
    }

    fn sign(&self, folder: &Path, file: &str, params: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| folder.join(format!("{file}.{end}"));
        let identity = Identity { certificate: path("crt"), key: path("key") };
        std::fs::write(&identity.certificate, signed.pem()).unwrap();
        std::fs::write(&identity.key, key.serialize_pem()).unwrap();
        identity
    }
}

fn client(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("a client");
    let uri = format!("dinh:principal/{name}");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
