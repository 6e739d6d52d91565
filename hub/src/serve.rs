//! A hub with its doors open: every port is bound first, then the lake is opened, then all is served until told to stop.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::serve::ListenerExt;
use dinh_lake::caller::{Door, Peer};
use dinh_lake::lock::Holder;
use dinh_lake::{Lake, LakeMetrics, LakeOptions, LakeUrl, in_place};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Server;
use tracing::{info, warn};

use crate::admin::AdminService;
use crate::config::{Serve, store_settings};
use crate::door::certificates::{self, Certificates, Keeper};
use crate::door::{Bounds, Entrance, bind};
use crate::hub::Hub;
use crate::standing;

/// How long open calls may take to end when the hub stops.
const DRAIN: Duration = Duration::from_secs(10);
/// How often a connection on which nothing happens is asked whether it lives, and how long it may take to say so.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(20);
/// Calls of one connection at a time; a client with more of them waits.
const STREAMS_PER_CONNECTION_MAX: u32 = 256;
/// Bytes of a call's headers: a token and a few names.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// Calls that a client may begin and take back before the connection is closed.
const RESETS_PENDING_MAX: usize = 64;
/// Faults of one connection's calls before it is closed.
const RESETS_FAULTY_MAX: usize = 256;
/// What a client may send of one call before the hub reads it.
const STREAM_WINDOW_BYTES: u32 = 1 << 20;
/// The same of all calls of a connection: several that are not read must not hold up the others.
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;
/// How often other hubs on the same store are looked for: well within the 5 s after which a token revoked there must
/// have ended here.
const FOLLOW_EVERY: Duration = Duration::from_secs(2);
/// How often care looks for what only time makes due: old entries and files that are to be deleted.
const CARE_EVERY: Duration = Duration::from_secs(60);
/// How soon care looks again whether a merge that waits for room has it.
const CARE_HELD: Duration = Duration::from_millis(250);
/// How long care of the lake waits after a failure, and twice as long after each one more.
const CARE_RETRY: Duration = Duration::from_secs(1);
const CARE_RETRY_MAX: Duration = Duration::from_secs(60);

type Tasks = JoinSet<anyhow::Result<()>>;

/// The doors of a hub, bound.
#[derive(Debug)]
pub struct Doors {
    grpc: TcpListener,
    http: TcpListener,
    /// For the commands of this machine's operator: where the gRPC door speaks TLS they need one that does not.
    operator: Option<TcpListener>,
    tls: Option<(Certificates, Keeper)>,
    bounds: Bounds,
}

impl Doors {
    /// Binds every door, so that what is in the way is known before the lake is touched.
    ///
    /// # Errors
    /// When an address is taken, or is not on loopback and there is no TLS, or the certificates cannot be used.
    pub async fn bind(settings: &Serve) -> anyhow::Result<Self> {
        let tls = certificates::read(settings).await?;
        let secure = tls.is_some();
        let mut operator = None;
        if secure {
            let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            operator = Some(bind(Door::Grpc, here, secure).await?);
        }
        Ok(Self {
            grpc: bind(Door::Grpc, settings.grpc, secure).await?,
            http: bind(Door::Http, settings.http, secure).await?,
            operator,
            tls,
            bounds: Bounds::of(settings),
        })
    }

    /// Where the gRPC door listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn grpc(&self) -> std::io::Result<SocketAddr> {
        self.grpc.local_addr()
    }

    /// Where the HTTP door listens.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn http(&self) -> std::io::Result<SocketAddr> {
        self.http.local_addr()
    }

    /// Serves a hub at all of them, each as a task of its own.
    fn serve(self, lake: &Arc<Lake>, hub: Hub, stop: &watch::Receiver<bool>, tasks: &mut Tasks) {
        let (certificates, keeper) = self.tls.unzip();
        let bounds = self.bounds;
        let entrance = |door, tcp, tls| Entrance::new(door, tcp, tls, Arc::clone(lake), bounds);
        let http = entrance(Door::Http, self.http, certificates.clone());
        tasks.spawn(serve_http(http, hub.http_router(), stop.clone()));
        if let Some(tcp) = self.operator {
            let operator = entrance(Door::Grpc, tcp, None);
            tasks.spawn(serve_operator(operator, hub.clone(), stop.clone()));
        }
        let grpc = entrance(Door::Grpc, self.grpc, certificates);
        tasks.spawn(serve_grpc(grpc, hub, stop.clone()));
        if let Some(keeper) = keeper {
            let stopped = stopped(stop.clone());
            tasks.spawn(async move {
                tokio::select! {
                    kept = keeper.keep() => kept,
                    () = stopped => Ok(()),
                }
            });
        }
    }
}

/// A hub that serves until it is told to stop.
#[derive(Debug)]
pub struct Serving {
    /// Where the gRPC door listens.
    pub grpc: SocketAddr,
    /// Where the HTTP door listens.
    pub http: SocketAddr,
    /// Whether the doors speak TLS.
    pub secure: bool,
    /// The token of this machine's operator.
    pub operator_token: String,
    stop: watch::Sender<bool>,
    tasks: Tasks,
}

impl Serving {
    /// Opens the lake behind doors that are bound, and serves.
    ///
    /// # Errors
    /// When the lake cannot be opened.
    pub async fn start(doors: Doors, lake: &LakeUrl, settings: &Serve) -> anyhow::Result<Self> {
        let (grpc, http, secure) = (doors.grpc()?, doors.http()?, doors.tls.is_some());
        let for_operator = doors.operator.as_ref().map_or(Ok(grpc), TcpListener::local_addr)?;
        let mut registry = Registry::default();
        let metrics = LakeMetrics::register(&mut registry);
        let options = LakeOptions {
            hot_bytes_max: settings.hot_bytes_max,
            retention: settings.retention_seconds.map(Duration::from_secs),
            metrics,
            store: store_settings(),
            ..LakeOptions::default()
        };
        let lake = Lake::open(lake, options).await?;
        let (hub, committing) = Hub::new(Arc::clone(&lake), settings, registry)?;
        let operator_token = hub.operator_token().to_owned();
        let holder = Holder {
            process: std::process::id(),
            grpc: Some(for_operator.to_string()),
            token: Some(operator_token.clone()),
        };
        lake.announce(&holder).context("the lock file")?;
        info!(%grpc, %http, secure, lake = %lake.url(), position = lake.ledger().snapshot().position, "serving");
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            in_place::waiting(committing).await;
            Ok(())
        });
        tasks.spawn(care(Arc::clone(&lake), stopped.clone()));
        tasks.spawn(keep_present(Arc::clone(&lake), stopped.clone()));
        tasks.spawn(follow(Arc::clone(&lake), stopped.clone()));
        doors.serve(&lake, hub, &stopped, &mut tasks);
        Ok(Self { grpc, http, secure, operator_token, stop, tasks })
    }

    /// Serves until Ctrl-C or a termination signal, then stops.
    ///
    /// # Errors
    /// When a door failed.
    pub async fn until_interrupted(mut self) -> anyhow::Result<()> {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminate.recv() => {}
            Some(ended) = self.tasks.join_next() => ended??,
        }
        info!("stopping: open calls are finished first");
        self.stop().await
    }

    /// Lets open calls end, writes what waits, and stops.
    ///
    /// # Errors
    /// When a door failed.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        self.stop.send_replace(true);
        let drained = tokio::time::timeout(DRAIN, async {
            while let Some(ended) = self.tasks.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        });
        match drained.await {
            Ok(ended) => ended,
            Err(_) => {
                warn!(
                    "some calls did not end in time and were broken off; whatever was acked is safe"
                );
                Ok(())
            }
        }
    }
}

async fn stopped(mut stop: watch::Receiver<bool>) {
    // A sender that is gone means the same.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn serve_grpc(
    entrance: Entrance,
    hub: Hub,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("dinh.v1.Admin", tonic_health::ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(dinh_proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let telling =
        standing::tell(Arc::clone(hub.lake()), reporter, hub.readiness(), stopped(stop.clone()));
    let serving = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_ANSWER))
        .max_concurrent_streams(STREAMS_PER_CONNECTION_MAX)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .http2_max_pending_accept_reset_streams(Some(RESETS_PENDING_MAX))
        .http2_max_local_error_reset_streams(Some(RESETS_FAULTY_MAX))
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .add_service(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(hub.ingest())
        .add_service(AdminService::server(hub))
        .serve_with_incoming_shutdown(entrance.incoming(), stopped(stop));
    let (served, ()) = tokio::join!(serving, telling);
    served.context("the gRPC door")
}

/// The door of this machine's operator: only the admin service.
async fn serve_operator(
    entrance: Entrance,
    hub: Hub,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    Server::builder()
        .add_service(AdminService::server(hub))
        .serve_with_incoming_shutdown(entrance.incoming(), stopped(stop))
        .await
        .context("the operator's door")
}

async fn serve_http(
    entrance: Entrance,
    router: axum::Router,
    stop: watch::Receiver<bool>,
) -> anyhow::Result<()> {
    // Only a tapped listener hands its connections' peers on.
    let entrance = entrance.tap_io(|_| {});
    axum::serve(entrance, router.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(stopped(stop))
        .await
        .context("the HTTP door")
}

/// Cares for the lake whenever the ledger has grown, and now and then. Never in the way of an ack.
async fn care(lake: Arc<Lake>, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let mut grown = lake.ledger().subscribe();
    let stopping = stopped(stop);
    tokio::pin!(stopping);
    let mut pause = CARE_RETRY;
    let mut ticks = tokio::time::interval(CARE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut more, mut held) = (false, false);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            changed = grown.changed(), if !more => if changed.is_err() { return Ok(()) },
            _ = ticks.tick(), if !more => {}
            () = tokio::time::sleep(CARE_HELD), if held && !more => {}
            () = std::future::ready(()), if more => {}
        }
        match lake.maintain().await {
            Ok(done) => (more, held, pause) = (done.more, done.held, CARE_RETRY),
            Err(error) => {
                warn!(%error, ?pause, "care of the lake failed; it will be tried again");
                tokio::select! {
                    () = &mut stopping => return Ok(()),
                    () = tokio::time::sleep(pause) => {}
                }
                // What failed is tried again even if nothing is written meanwhile.
                (more, pause) = (true, (pause * 2).min(CARE_RETRY_MAX));
            }
        }
    }
}

/// Keeps what new figures are held against. Until it is there the rules that need it are silent.
async fn keep_present(lake: Arc<Lake>, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let stopping = stopped(stop);
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            kept = lake.keep_present() => match kept {
                Ok(()) => return Ok(()),
                Err(error) => warn!(%error, "the present state cannot be read; it will be tried again"),
            }
        }
        tokio::select! {
            () = &mut stopping => return Ok(()),
            () = tokio::time::sleep(CARE_RETRY) => {}
        }
    }
}

/// Takes in what other hubs on the same store write: a token that was revoked there ends here soon after.
async fn follow(lake: Arc<Lake>, stop: watch::Receiver<bool>) -> anyhow::Result<()> {
    let stopping = stopped(stop);
    tokio::pin!(stopping);
    let mut ticks = tokio::time::interval(FOLLOW_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = &mut stopping => return Ok(()),
            _ = ticks.tick() => {}
        }
        if let Err(error) = lake.follow().await {
            warn!(%error, "other hubs on the store cannot be followed; it will be tried again");
        }
    }
}

/// Binds, opens and serves a lake until interrupted.
///
/// # Errors
/// When a door cannot be bound or the lake cannot be opened.
pub async fn run(lake: &str, settings: &Serve) -> anyhow::Result<()> {
    let doors = Doors::bind(settings).await?;
    let serving = Serving::start(doors, &LakeUrl::parse(lake)?, settings).await?;
    let (grpc, http) = (serving.grpc, serving.http);
    let scheme = if serving.secure { "https" } else { "http" };
    eprintln!("gRPC {grpc} · HTTP {scheme}://{http} · lake {lake}");
    serving.until_interrupted().await
}
