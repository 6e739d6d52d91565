//! Where connections come in: bound first, then taken up, over TLS where the hub has a certificate.
//!
//! ```text
//! bind ──> accept ──> (handshake) ──> Connection, with its Peer ──> tonic or axum
//!            │             │              │ until its first request or the preface of HTTP/2
//!            └─────────────┴──────────────┴── counts among the connections of its door, and has so long for each step
//! ```
//!
//! Handshakes run side by side, so one that stalls holds up nobody; tonic and axum see only connections that are through.
//! Each knows its [`Peer`]: the address, and the name in its client certificate.
//!
//! Limits: [`Bounds`] of a door, and [`HANDSHAKES_MAX`] under way. Who does not shake hands or does not say in time what it
//! wants is closed. An address that failed too often waits [`SLOWED_BY`] before its handshake; it is not shut out, for others
//! may share it.

pub mod certificates;
mod opening;
pub(crate) mod principal;
mod stream;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::serve::Listener;
use dinh_lake::Lake;
use dinh_lake::caller::{Door, Peer, Refusal};
use rustls::{CertificateError, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use self::certificates::Certificates;
pub use self::stream::Connection;
use self::stream::Stream;
use crate::config::Serve;

/// Handshakes under way at a door: each holds some 20 KiB and, for a moment, a processor.
const HANDSHAKES_MAX: usize = 256;
/// Handshakes that wait because their address failed too often; beyond it such a connection is dropped.
const SLOWED_MAX: usize = 32;
const SLOWED_BY: Duration = Duration::from_secs(1);
/// How long to wait when the system has no room for another connection.
const ACCEPT_RETRY: Duration = Duration::from_secs(1);

/// What a door takes of connections.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Connections at a time.
    pub connections_max: usize,
    /// How long a handshake may take, and after it a client until it has said what it wants.
    pub handshake_time: Duration,
}

impl Bounds {
    /// What a hub's settings say of each of its doors.
    #[must_use]
    pub fn of(settings: &Serve) -> Self {
        let handshake_time = Duration::from_secs(settings.handshake_seconds_max);
        Self { connections_max: settings.connections_max, handshake_time }
    }
}

/// Binds a door.
///
/// # Errors
/// When the address is taken, or can be reached by others while the door has no TLS: figures and tokens do not travel bare.
pub async fn bind(door: Door, address: SocketAddr, secure: bool) -> anyhow::Result<TcpListener> {
    if !address.ip().is_loopback() && !secure {
        bail!(
            "the {door} door at {address} is not on loopback, and a door that others can reach needs TLS: \
             give `--tls-cert` and `--tls-key`, or listen on 127.0.0.1"
        );
    }
    TcpListener::bind(address)
        .await
        .with_context(|| format!("the {door} door cannot listen at {address}"))
}

/// A door that takes up connections.
#[derive(Debug)]
pub struct Entrance {
    door: Door,
    tcp: TcpListener,
    tls: Option<Certificates>,
    lake: Arc<Lake>,
    bounds: Bounds,
    room: Arc<Semaphore>,
    slowed: Arc<Semaphore>,
    handshakes: JoinSet<Option<Connection>>,
}

impl Entrance {
    /// Takes up connections of a bound door; over TLS if there are certificates.
    #[must_use]
    pub fn new(
        door: Door,
        tcp: TcpListener,
        tls: Option<Certificates>,
        lake: Arc<Lake>,
        bounds: Bounds,
    ) -> Self {
        Self {
            door,
            tcp,
            tls,
            lake,
            bounds,
            room: Arc::new(Semaphore::new(bounds.connections_max)),
            slowed: Arc::new(Semaphore::new(SLOWED_MAX)),
            handshakes: JoinSet::new(),
        }
    }

    /// The connections, for tonic.
    pub fn incoming(self) -> impl futures::Stream<Item = io::Result<Connection>> {
        futures::stream::unfold(self, |mut entrance| async move {
            let connection = entrance.next().await;
            Some((Ok(connection), entrance))
        })
    }

    /// The next connection whose handshake is done. Nothing is lost when the future is dropped.
    async fn next(&mut self) -> Connection {
        loop {
            tokio::select! {
                Some(done) = self.handshakes.join_next() => {
                    // A handshake that panicked was one connection's trouble.
                    if let Ok(Some(connection)) = done {
                        return connection;
                    }
                }
                (tcp, address, room) = accept(&self.tcp, &self.room, self.door),
                    if self.handshakes.len() < HANDSHAKES_MAX =>
                {
                    let peer = Peer { address: Some(address), certificate: None };
                    let Some(tls) = &self.tls else {
                        let time = self.bounds.handshake_time;
                        return Connection::new(Stream::Plain(tcp), peer, time, room);
                    };
                    let handshake = Handshake {
                        door: self.door,
                        config: tls.of(self.door),
                        lake: Arc::clone(&self.lake),
                        slowed: Arc::clone(&self.slowed),
                        time: self.bounds.handshake_time,
                        room,
                    };
                    self.handshakes.spawn(handshake.run(tcp, address, peer));
                }
            }
        }
    }
}

impl Listener for Entrance {
    type Io = Connection;
    type Addr = Peer;

    async fn accept(&mut self) -> (Connection, Peer) {
        let connection = self.next().await;
        let peer = connection.peer().clone();
        (connection, peer)
    }

    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer { address: Some(self.tcp.local_addr()?.ip()), certificate: None })
    }
}

/// The next TCP connection, when there is room for it.
async fn accept(
    tcp: &TcpListener,
    room: &Arc<Semaphore>,
    door: Door,
) -> (TcpStream, IpAddr, OwnedSemaphorePermit) {
    loop {
        let room = Arc::clone(room).acquire_owned().await.expect("nobody closes the semaphore");
        match tcp.accept().await {
            Ok((stream, address)) => {
                // An answer is one small packet: without this the system may hold it back for 40 ms. A connection that
                // refuses is closing; reading from it will tell.
                let _ = stream.set_nodelay(true);
                return (stream, address.ip(), room);
            }
            Err(error) if is_of_one_connection(&error) => {
                debug!(%door, %error, "a connection ended early")
            }
            Err(error) => {
                warn!(%door, %error, "connections cannot be taken up; it will be tried again");
                tokio::time::sleep(ACCEPT_RETRY).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What one handshake needs.
struct Handshake {
    door: Door,
    config: Arc<ServerConfig>,
    lake: Arc<Lake>,
    slowed: Arc<Semaphore>,
    time: Duration,
    room: OwnedSemaphorePermit,
}

impl Handshake {
    /// The connection, if its other end is who it must be.
    async fn run(self, tcp: TcpStream, address: IpAddr, peer: Peer) -> Option<Connection> {
        if self.lake.attempts().is_spent(address) {
            let _turn = self.slowed.try_acquire().ok()?;
            tokio::time::sleep(SLOWED_BY).await;
        }
        let handshake = TlsAcceptor::from(self.config).accept(tcp);
        let refusal = match tokio::time::timeout(self.time, handshake).await {
            Ok(Ok(tls)) => {
                let shown = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
                let certificate = shown.and_then(principal::name).map(Arc::from);
                let peer = Peer { certificate, ..peer };
                let stream = Stream::Secure(Box::new(tls));
                return Some(Connection::new(stream, peer, self.time, self.room));
            }
            Ok(Err(error)) => {
                debug!(door = %self.door, %address, %error, "a handshake failed");
                refusal_of(&error)
            }
            Err(_) => Refusal::HandshakeSlow,
        };
        self.lake.attempts().refused(self.door, refusal, &peer, None);
        None
    }
}

/// Why a handshake failed, in the words of the metrics.
fn refusal_of(error: &io::Error) -> Refusal {
    use CertificateError::{Expired, ExpiredContext, NotValidYet, NotValidYetContext};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    match cause {
        Some(rustls::Error::NoCertificatesPresented) => Refusal::CertificateMissing,
        Some(rustls::Error::InvalidCertificate(
            Expired | ExpiredContext { .. } | NotValidYet | NotValidYetContext { .. },
        )) => Refusal::CertificateExpired,
        Some(rustls::Error::InvalidCertificate(_)) => Refusal::CertificateUntrusted,
        Some(rustls::Error::InvalidMessage(_)) => Refusal::NotTls,
        _ => Refusal::HandshakeBroken,
    }
}
