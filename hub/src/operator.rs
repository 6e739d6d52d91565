//! How a command reaches the lake: through the hub that holds it, or by opening it in this very process.
//!
//! Either way it speaks `dinh.v1.Admin`, so there is one code path for both.

use std::sync::Arc;

use anyhow::{Context, bail};
use dinh_lake::lock::{Holder, LockError};
use dinh_lake::{Lake, LakeError, LakeOptions, LakeUrl};
use dinh_proto::v1::admin_client::AdminClient;
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Status};

use crate::admin::AdminService;
use crate::config::{Global, Serve, store_settings};
use crate::dial::Dial;
use crate::hub::Hub;

/// The admin service with the caller's token.
pub type Admin = AdminClient<InterceptedService<Channel, Bearer>>;

/// Bytes of one answer of the admin service.
const ANSWER_BYTES_MAX: usize = 256 << 20;
/// Bytes on the way within this process.
const PIPE_BYTES: usize = 1 << 20;

/// Puts a token into each call.
#[derive(Clone, Debug)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    /// The token of a caller, if there is one.
    ///
    /// # Errors
    /// When the token has characters that no token has.
    pub fn new(token: Option<&str>) -> anyhow::Result<Self> {
        let value = token.map(|token| format!("Bearer {token}").parse()).transpose();
        let mut value: Option<MetadataValue<Ascii>> =
            value.context("the token has characters that cannot be sent: is the file right?")?;
        // Whoever prints headers on the way, our own libraries among them, prints none of this.
        value.iter_mut().for_each(|value| value.set_sensitive(true));
        Ok(Self(value))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// A way to the lake; what serves it in this process ends when it is dropped.
#[derive(Debug)]
pub struct Operator {
    /// The admin service.
    pub admin: Admin,
    _serving: JoinSet<()>,
}

impl Operator {
    /// Goes through `--to`, or through the hub that holds the lake, or opens the lake.
    ///
    /// # Errors
    /// When the lake can be neither reached nor opened.
    pub async fn connect(global: &Global) -> anyhow::Result<Self> {
        if let Some(to) = &global.to {
            return Self::remote(&Dial::of(global)?, to, global.token()?.as_deref()).await;
        }
        let url = LakeUrl::parse(&global.lake)?;
        let options = LakeOptions { store: store_settings(), ..LakeOptions::default() };
        match Lake::open(&url, options).await {
            Ok(lake) => Self::here(lake).await,
            Err(LakeError::Lock(LockError::Held { holder, folder })) => match holder {
                Holder { grpc: Some(grpc), token, .. } => {
                    Self::remote(&Dial::default(), &format!("http://{grpc}"), token.as_deref())
                        .await
                }
                Holder { process, .. } => bail!(
                    "the lake `{}` is held by process {process}, which has no door: wait until it ends, or stop it",
                    folder.display()
                ),
            },
            Err(error) => Err(error.into()),
        }
    }

    /// Goes through a hub's gRPC door.
    ///
    /// # Errors
    /// When no hub answers there.
    pub async fn remote(dial: &Dial, to: &str, token: Option<&str>) -> anyhow::Result<Self> {
        let channel = dial.connect(&dial.endpoint(to)?).await;
        let channel = channel.with_context(|| format!("no hub answers at `{to}`"))?;
        Ok(Self { admin: client(channel, Bearer::new(token)?), _serving: JoinSet::new() })
    }

    /// Serves the admin service within this process, over a pipe.
    async fn here(lake: Arc<Lake>) -> anyhow::Result<Self> {
        let (hub, committing) = Hub::new(lake, &Serve::default(), Registry::default())?;
        let bearer = Bearer::new(Some(hub.operator_token()))?;
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let mut serving = JoinSet::new();
        serving.spawn(committing);
        serving.spawn(async move {
            let pipe = futures::stream::iter([Ok::<_, std::io::Error>(far)]);
            let server = Server::builder().add_service(AdminService::server(hub));
            if let Err(error) = server.serve_with_incoming(pipe).await {
                tracing::error!(%error, "the admin service ended");
            }
        });
        let mut near = Some(near);
        let connector = tower::service_fn(move |_| {
            let pipe = near.take().map(TokioIo::new);
            async move { pipe.ok_or_else(|| std::io::Error::other("the pipe was used up")) }
        });
        let channel =
            Endpoint::from_static("http://lake").connect_with_connector(connector).await?;
        Ok(Self { admin: client(channel, bearer), _serving: serving })
    }
}

fn client(channel: Channel, bearer: Bearer) -> Admin {
    AdminClient::with_interceptor(channel, bearer).max_decoding_message_size(ANSWER_BYTES_MAX)
}
