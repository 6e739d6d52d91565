//! `dinh bench`: measures this machine.

use std::path::PathBuf;

use anyhow::bail;

use crate::bench::{self, Settings};
use crate::config::Global;

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Measure durable ingest and the latency of an ack, beside what the disk takes by itself.
    Ingest(IngestArgs),
}

/// How ingest is measured.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Figures of speed need a release build: cargo run --release -- bench ingest\n\
The long run: dinh bench ingest --rows 20000000 --dir /srv/dinh"
)]
pub struct IngestArgs {
    /// The folder whose disk is measured, in a temporary folder that is removed; without it the system's temporary folder.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Rows that are pushed in each form, Arrow IPC and typed; 0 leaves this out.
    #[arg(long, default_value_t = 400_000)]
    rows: u64,
    /// Connections that push them.
    #[arg(long, default_value_t = 8)]
    connections: u64,
    /// Rows of a batch, which is one submission.
    #[arg(long, default_value_t = 1_000)]
    batch_rows: u64,
    /// Batches that each connection has in flight.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    in_flight: u16,
    /// Small pushes, one at a time; 0 leaves this out.
    #[arg(long, default_value_t = 400)]
    pushes: u64,
    /// Rows of a small push.
    #[arg(long, default_value_t = 100)]
    push_rows: u64,
}

/// Measures and writes the figures.
///
/// # Errors
/// When the hub fails, refuses a row, or counts other rows than it acked.
pub async fn run(global: &Global, action: Action) -> anyhow::Result<()> {
    let Action::Ingest(args) = action;
    let settings = Settings {
        folder: args.dir.unwrap_or_else(std::env::temp_dir),
        rows: args.rows,
        connections: args.connections,
        batch_rows: args.batch_rows,
        in_flight: args.in_flight.into(),
        pushes: args.pushes,
        push_rows: args.push_rows,
        log: global.log.clone(),
    };
    let report = tokio::select! {
        report = Box::pin(bench::ingest(&settings)) => report?,
        // Dropping the run kills the hub and removes the folder.
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    report.write(&mut std::io::stdout().lock(), global.output)
}
