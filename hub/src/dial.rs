//! The way to a hub's gRPC door: plain TCP to an `http://` address, TLS to an `https://` one.
//!
//! # Decisions
//! - An `https://` address needs `--ca`. A hub's certificate usually comes from the city's own authority, which no machine
//!   trusts by default; whoever has one from a public authority names the machine's own list.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::config::Global;
use crate::door::certificates::{chain, provider, roots};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How hubs are reached; without TLS by default.
#[derive(Clone, Debug, Default)]
pub struct Dial {
    tls: Option<Arc<ClientConfig>>,
}

impl Dial {
    /// By the settings of a command.
    ///
    /// # Errors
    /// When a file is missing or does not fit the others.
    pub fn of(global: &Global) -> anyhow::Result<Self> {
        let identity = match (&global.client_cert, &global.client_key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => anyhow::bail!("`--client-cert` and `--client-key` go together: give both"),
        };
        match &global.ca {
            Some(ca) => Self::secure(ca, identity),
            None => {
                ensure!(
                    identity.is_none(),
                    "`--client-cert` needs `--ca`: who signed the hub's certificate"
                );
                Ok(Self::default())
            }
        }
    }

    /// Over TLS to hubs whose certificate an authority signed, with a certificate of our own if there is one.
    ///
    /// # Errors
    /// When a file is missing or does not fit the others.
    pub fn secure(ca: &Path, identity: Option<(&Path, &Path)>) -> anyhow::Result<Self> {
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("reading `{}`", path.display()))
        };
        let named = |path: &Path| format!("`{}`", path.display());
        let roots = roots(&read(ca)?).with_context(|| named(ca))?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .context("the versions of TLS")?
            .with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = chain(&read(certificate)?).with_context(|| named(certificate))?;
                let private = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|error| {
                    anyhow::anyhow!("{} holds no private key in PEM: {error}", named(key))
                })?;
                let both =
                    || format!("{} and {} do not go together", named(certificate), named(key));
                builder.with_client_auth_cert(chain, private).with_context(both)?
            }
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self { tls: Some(Arc::new(config)) })
    }

    /// The end of a way; without a scheme it is `https` where there is TLS.
    ///
    /// # Errors
    /// When the address is none, or asks for TLS and no authority was named.
    pub fn endpoint(&self, address: &str) -> anyhow::Result<Endpoint> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let has_scheme = address.contains("://");
        let url = if has_scheme { address.to_owned() } else { format!("{scheme}://{address}") };
        let endpoint = Endpoint::from_shared(url).with_context(|| {
            format!("`{address}` is no address of a hub: write it as `http://127.0.0.1:7051`")
        })?;
        ensure!(
            endpoint.uri().scheme_str() != Some("https") || self.tls.is_some(),
            "`{address}` needs `--ca`, the certificate of the authority that signed the hub's; for a public one the machine's \
             own list, such as /etc/ssl/certs/ca-certificates.crt"
        );
        Ok(endpoint.connect_timeout(CONNECT_TIMEOUT))
    }

    /// A channel that connects when it is first used.
    #[must_use]
    pub fn lazy(&self, endpoint: &Endpoint) -> Channel {
        match self.tls_to(endpoint) {
            None => endpoint.connect_lazy(),
            Some(config) => endpoint.connect_with_connector_lazy(tower::service_fn(move |uri| {
                secured(uri, Arc::clone(&config))
            })),
        }
    }

    /// A channel that is connected.
    ///
    /// # Errors
    /// When nobody answers, or it is not a hub that the authority vouches for.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<Channel, tonic::transport::Error> {
        match self.tls_to(endpoint) {
            None => endpoint.connect().await,
            Some(config) => {
                let connector = tower::service_fn(move |uri| secured(uri, Arc::clone(&config)));
                endpoint.connect_with_connector(connector).await
            }
        }
    }

    fn tls_to(&self, endpoint: &Endpoint) -> Option<Arc<ClientConfig>> {
        self.tls.clone().filter(|_| endpoint.uri().scheme_str() == Some("https"))
    }
}

async fn secured(
    uri: Uri,
    config: Arc<ClientConfig>,
) -> std::io::Result<TokioIo<TlsStream<TcpStream>>> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    let tcp = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
    tcp.set_nodelay(true)?;
    Ok(TokioIo::new(TlsConnector::from(config).connect(name, tcp).await?))
}
