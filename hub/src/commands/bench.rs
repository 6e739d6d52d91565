//! `dinh bench`: measures this machine.

use std::path::PathBuf;

use anyhow::bail;

use crate::bench::{self, Ack, History, Ingest, Settings, Work};
use crate::config::Global;

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Measure durable ingest: rows acked a second until `current` counts right, memory, and the merging that is left.
    Ingest(IngestArgs),
    /// Measure what an ack costs: of one client beside what the disk takes by itself, and of many clients at a time.
    Ack(AckArgs),
    /// Measure whether history slows the ledger down: acks and opening after 100 entries and after many.
    History(HistoryArgs),
}

/// Where it is measured.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// The folder whose disk is measured, in a temporary folder that is removed; without it the system's temporary folder.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// How ingest is measured.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Figures of speed need a release build: cargo run --release -- bench ingest\n\
The long run: dinh bench ingest --rows 20000000 --dir /srv/dinh"
)]
pub struct IngestArgs {
    #[command(flatten)]
    place: Place,
    /// Rows that are pushed in each form, Arrow IPC and typed.
    #[arg(long, default_value_t = 400_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// Connections that push them.
    #[arg(long, default_value_t = 8)]
    connections: u64,
    /// Rows of a batch, which is one submission.
    #[arg(long, default_value_t = 1_000)]
    batch_rows: u64,
    /// Batches that each connection has in flight.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    in_flight: u16,
    /// Rows in a hundred that revise an earlier one.
    #[arg(long, default_value_t = 5)]
    revisions: u64,
}

/// How acks are measured.
#[derive(Debug, clap::Args)]
#[command(after_help = "Figures of speed need a release build: cargo run --release -- bench ack")]
pub struct AckArgs {
    #[command(flatten)]
    place: Place,
    /// Small pushes of one client, one at a time; 0 leaves this out.
    #[arg(long, default_value_t = 400)]
    pushes: u64,
    /// Rows of a small push.
    #[arg(long, default_value_t = 100)]
    push_rows: u64,
    /// Clients that push at the same time; 0 leaves this out.
    #[arg(long, default_value_t = 64)]
    clients: u64,
    /// Pushes of each of these clients, of one row each.
    #[arg(long, default_value_t = 100)]
    client_pushes: u64,
}

/// How history is measured.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "The long run: cargo run --release -- bench history --commits 100000 --dir /srv/dinh"
)]
pub struct HistoryArgs {
    #[command(flatten)]
    place: Place,
    /// Entries of the ledger at the end.
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u64).range(500..))]
    commits: u64,
    /// Rows of each.
    #[arg(long, default_value_t = 10)]
    rows: u64,
}

/// Measures and writes the figures.
///
/// # Errors
/// When the hub fails, refuses a row, or counts other rows than it acked.
pub async fn run(global: &Global, action: Action) -> anyhow::Result<()> {
    let (place, work) = match action {
        Action::Ingest(args) => {
            let IngestArgs { place, rows, connections, batch_rows, in_flight, revisions } = args;
            let (in_flight, revised_percent) = (in_flight.into(), revisions);
            (
                place,
                Work::Ingest(Ingest { rows, connections, batch_rows, in_flight, revised_percent }),
            )
        }
        Action::Ack(AckArgs { place, pushes, push_rows, clients, client_pushes }) => {
            (place, Work::Ack(Ack { pushes, push_rows, clients, client_pushes }))
        }
        Action::History(HistoryArgs { place, commits, rows }) => {
            (place, Work::History(History { groups: commits, rows }))
        }
    };
    let folder = place.dir.unwrap_or_else(std::env::temp_dir);
    let settings = Settings { folder, log: global.log.clone(), work };
    let report = tokio::select! {
        report = Box::pin(bench::run(&settings)) => report?,
        // Dropping the run kills the hub and removes the folder.
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
    };
    report.write(&mut std::io::stdout().lock(), global.output)
}
