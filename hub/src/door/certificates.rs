//! The hub's certificate, its key, and the authorities of client certificates: read from files, and again when they change.
//!
//! Invariants:
//! - What is served is always one whole, working set: files that do not fit together, as while they are being replaced, are
//!   told in the log once, and the old set stays until they do.
//! - Open connections keep what they began with; whoever shall lose access at once loses the grant.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use dinh_lake::caller::Door;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::{error, info};

use crate::config::{ClientCertificates, Serve};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// The certificates of the doors as they are now; cloning shares them.
#[derive(Clone, Debug)]
pub struct Certificates(watch::Receiver<Configs>);

/// How each door shakes hands.
#[derive(Clone, Debug)]
struct Configs {
    grpc: Arc<ServerConfig>,
    http: Arc<ServerConfig>,
}

impl Certificates {
    /// How a door shakes hands now.
    #[must_use]
    pub fn of(&self, door: Door) -> Arc<ServerConfig> {
        let configs = self.0.borrow();
        Arc::clone(match door {
            Door::Grpc => &configs.grpc,
            Door::Http => &configs.http,
        })
    }
}

/// Reads the files again when they change.
#[derive(Debug)]
pub struct Keeper {
    files: Files,
    served: [u8; 32],
    complaint: Option<String>,
    configs: watch::Sender<Configs>,
}

#[derive(Clone, Debug)]
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    client_authorities: Option<PathBuf>,
    client_certificates: ClientCertificates,
}

/// The contents of the files.
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authorities: Option<Vec<u8>>,
}

/// Reads the certificates that the settings name; none if they name none.
///
/// # Errors
/// When a file is missing, cannot be read, or does not fit the others.
pub async fn read(settings: &Serve) -> anyhow::Result<Option<(Certificates, Keeper)>> {
    let Some(files) = Files::of(settings)? else { return Ok(None) };
    let contents = Contents::read(&files).await?;
    let (configs, current) = watch::channel(contents.configs(&files)?);
    let served = contents.digest();
    Ok(Some((Certificates(current), Keeper { files, served, complaint: None, configs })))
}

impl Files {
    fn of(settings: &Serve) -> anyhow::Result<Option<Self>> {
        let Serve { tls_client_ca, tls_client_certificates: asked, .. } = settings;
        let (certificate, key) = match (&settings.tls_cert, &settings.tls_key) {
            (Some(certificate), Some(key)) => (certificate.clone(), key.clone()),
            (None, None) => {
                ensure!(
                    tls_client_ca.is_none(),
                    "`--tls-client-ca` needs `--tls-cert` and `--tls-key`"
                );
                return Ok(None);
            }
            _ => anyhow::bail!("`--tls-cert` and `--tls-key` go together: give both"),
        };
        ensure!(
            *asked == ClientCertificates::Optional || tls_client_ca.is_some(),
            "`--tls-client-certificates` needs `--tls-client-ca`: who signs the certificates of clients"
        );
        Ok(Some(Self {
            certificate,
            key,
            client_authorities: tls_client_ca.clone(),
            client_certificates: *asked,
        }))
    }
}

impl Contents {
    async fn read(files: &Files) -> anyhow::Result<Self> {
        let read = async |path: &Path| {
            tokio::fs::read(path).await.with_context(|| format!("reading `{}`", path.display()))
        };
        let client_authorities = match &files.client_authorities {
            None => None,
            Some(path) => Some(read(path).await?),
        };
        Ok(Self {
            certificate: read(&files.certificate).await?,
            key: read(&files.key).await?,
            client_authorities,
        })
    }

    /// Tells contents apart without keeping the key.
    fn digest(&self) -> [u8; 32] {
        let parts = [Some(&self.certificate), Some(&self.key), self.client_authorities.as_ref()];
        let mut digest = Sha256::new();
        for part in parts {
            digest.update(part.map(Sha256::digest).unwrap_or_default());
        }
        digest.finalize().into()
    }

    fn configs(&self, files: &Files) -> anyhow::Result<Configs> {
        let config = |door: Door, protocol: &[u8]| {
            let required = match files.client_certificates {
                ClientCertificates::Optional => false,
                ClientCertificates::Grpc => door == Door::Grpc,
                ClientCertificates::All => true,
            };
            let mut config = self.config(files, required)?;
            config.alpn_protocols = vec![protocol.to_vec()];
            anyhow::Ok(Arc::new(config))
        };
        Ok(Configs { grpc: config(Door::Grpc, b"h2")?, http: config(Door::Http, b"http/1.1")? })
    }

    fn config(&self, files: &Files, required: bool) -> anyhow::Result<ServerConfig> {
        let (certificate, key) = (files.certificate.display(), files.key.display());
        let chain = chain(&self.certificate).with_context(|| format!("`{certificate}`"))?;
        let private = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| anyhow::anyhow!("`{key}` holds no private key in PEM: {error}"))?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("the versions of TLS")?;
        let builder = match (&self.client_authorities, &files.client_authorities) {
            (Some(authorities), Some(path)) => {
                let roots = roots(authorities).with_context(|| format!("`{}`", path.display()))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
                let verifier = if required { verifier } else { verifier.allow_unauthenticated() };
                let verifier = verifier.build().context("the authorities of clients")?;
                builder.with_client_cert_verifier(verifier)
            }
            _ => builder.with_no_client_auth(),
        };
        builder
            .with_single_cert(chain, private)
            .with_context(|| format!("`{certificate}` and `{key}` do not go together"))
    }
}

/// The one provider of cryptography that is built in.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a PEM text, at least one.
pub(crate) fn chain(pem: &[u8]) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| anyhow::anyhow!("is no PEM: {error}"))?;
    ensure!(!chain.is_empty(), "holds no certificate in PEM");
    Ok(chain)
}

/// Authorities that are trusted.
pub(crate) fn roots(pem: &[u8]) -> anyhow::Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in chain(pem)? {
        roots.add(certificate).context("holds a certificate that is no authority's")?;
    }
    Ok(Arc::new(roots))
}

impl Keeper {
    /// Looks at the files every now and then, and on SIGHUP, until it is dropped.
    ///
    /// # Errors
    /// When the system does not deliver signals.
    pub async fn keep(mut self) -> anyhow::Result<()> {
        let mut asked = signal(SignalKind::hangup()).context("SIGHUP")?;
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                _ = asked.recv() => {}
            }
            self.look().await;
        }
    }

    async fn look(&mut self) {
        match self.changed().await {
            Ok(None) => self.complaint = None,
            Ok(Some((configs, digest))) => {
                self.configs.send_replace(configs);
                self.served = digest;
                self.complaint = None;
                info!(certificate = %self.files.certificate.display(), "certificates reloaded");
            }
            Err(error) => {
                let complaint = format!("{error:#}");
                if self.complaint.as_ref() != Some(&complaint) {
                    error!(
                        error = complaint,
                        "the new certificates cannot be used; the old ones stay"
                    );
                    self.complaint = Some(complaint);
                }
            }
        }
    }

    async fn changed(&self) -> anyhow::Result<Option<(Configs, [u8; 32])>> {
        let contents = Contents::read(&self.files).await?;
        let digest = contents.digest();
        if digest == self.served {
            return Ok(None);
        }
        Ok(Some((contents.configs(&self.files)?, digest)))
    }
}
