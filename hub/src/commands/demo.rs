//! `dinh demo`: the whole way of a row on an embedded lake.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use anyhow::Context;

use crate::config::{Global, Serve};
use crate::demo;

/// Where and how long.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// End after the answers instead of serving until Ctrl-C.
    #[arg(long)]
    once: bool,
    /// The folder of the lake; made if it is not there, and used again if it is.
    #[arg(long, default_value = "./dinh-demo")]
    dir: PathBuf,
    /// Listen on this port + 1 (gRPC) and + 3 (HTTP) instead of the usual ones.
    #[arg(long)]
    port_base: Option<u16>,
}

/// Runs the demonstration.
///
/// # Errors
/// When a port is taken or the folder cannot be used.
pub async fn run(global: &Global, args: Args) -> anyhow::Result<()> {
    // It stays on loopback, whatever the environment says of other hubs.
    let (tls_cert, tls_key, tls_client_ca) = (None, None, None);
    let mut settings = Serve { tls_cert, tls_key, tls_client_ca, ..Serve::default() };
    if let Some(base) = args.port_base {
        let door = |offset| {
            let port = base
                .checked_add(offset)
                .context("--port-base leaves no room for the ports after it")?;
            anyhow::Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        };
        (settings.grpc, settings.http) = (door(1)?, door(3)?);
    }
    demo::run(&args.dir, &settings, global.lang, args.once).await
}
