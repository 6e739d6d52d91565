//! Measures this machine with this binary: how fast rows are acked, and what an ack costs beside what the disk takes.
//!
//! ```text
//! ingest   arrow:  fresh hub <── 8 connections, Arrow IPC     then count(*) must be what was acked
//!          typed:  fresh hub <── 8 connections, typed rows    the same
//! ack      push:   fresh hub <── 1 connection, 1 push at a time ┐ in turns, on the same disk
//!          bare:   the syncs that such a push cannot do without ┘
//!          crowd:  the same hub <── 64 clients, 1 push at a time each
//! history  one ledger in this process: acks and opening after 100 entries and after many
//! ```
//!
//! The hub is a process of its own, so that its processor time is told apart from the client's; both share the machine.
//!
//! An idle processor makes a sync look ten times slower than a busy one does: it sleeps when the disk is done. So pushes and
//! bare loops are interleaved, and all of it is measured twice: as it is, and with the processors kept awake.

mod awake;
mod bare;
mod crowd;
mod history;
mod hub_process;
mod latency;
mod machine;
mod payload;
mod plan;
mod process;
mod report;
mod spread;
mod throughput;
mod town;

use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};

use hub_process::HubProcess;
use machine::Machine;
use payload::Form;

pub use report::{Figure, Report};

/// What is measured, and where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder whose disk is measured.
    pub folder: PathBuf,
    /// What the hub logs, as tracing directives; without it what a hub logs by itself.
    pub log: Option<String>,
    /// What is measured.
    pub work: Work,
}

/// What is measured.
#[derive(Clone, Debug)]
pub enum Work {
    /// Durable ingest.
    Ingest(Ingest),
    /// What an ack costs.
    Ack(Ack),
    /// Whether history slows the ledger down.
    History(History),
}

/// Durable ingest.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Rows for each form of payload.
    pub rows: u64,
    /// Connections that send them.
    pub connections: u64,
    /// Rows of a batch.
    pub batch_rows: u64,
    /// Batches that a connection has in flight.
    pub in_flight: usize,
    /// Rows in a hundred that revise earlier ones.
    pub revised_percent: u64,
}

/// What an ack costs.
#[derive(Clone, Debug)]
pub struct Ack {
    /// Small pushes of one client; none leaves that out.
    pub pushes: u64,
    /// Rows of a small push.
    pub push_rows: u64,
    /// Clients that push at the same time; none leaves that out.
    pub clients: u64,
    /// Pushes of each of them, of one row each.
    pub client_pushes: u64,
}

/// Whether history slows the ledger down.
#[derive(Clone, Debug)]
pub struct History {
    /// Groups, each an entry of the ledger.
    pub groups: u64,
    /// Rows of a group.
    pub rows: u64,
}

/// A folder that is gone with all that is in it when this is dropped.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Scratch {
    fn new(folder: &Path) -> anyhow::Result<Self> {
        let scratch = folder.join(format!("dinh-bench-{}", std::process::id()));
        std::fs::create_dir(&scratch)
            .with_context(|| format!("the folder `{}`", scratch.display()))?;
        Ok(Self(scratch))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(folder = %self.0.display(), %error, "the benchmark's folder stays behind: remove it");
        }
    }
}

/// Measures.
///
/// # Errors
/// When the hub fails, refuses a row, or counts other rows than it acked.
pub async fn run(settings: &Settings) -> anyhow::Result<Report> {
    let scratch = Scratch::new(&settings.folder)?;
    let mut report = Report { run: about(settings), notes: notes(), ..Report::default() };
    let measured = Box::pin(measure(settings, &scratch.0, &mut report)).await;
    measured.with_context(|| format!("the hub's log ends with:\n{}", log_end(&scratch.0)))?;
    Ok(report)
}

async fn measure(settings: &Settings, scratch: &Path, report: &mut Report) -> anyhow::Result<()> {
    match &settings.work {
        Work::Ingest(work) => {
            for form in [Form::Arrow, Form::Typed] {
                Box::pin(ingest(settings, work, scratch, form, report)).await?;
            }
            Ok(())
        }
        Work::Ack(work) => {
            Box::pin(lone(settings, work, scratch, report)).await?;
            Box::pin(crowd(settings, work, scratch, report)).await
        }
        Work::History(work) => history(work, scratch, report).await,
    }
}

async fn ingest(
    settings: &Settings,
    work: &Ingest,
    scratch: &Path,
    form: Form,
    report: &mut Report,
) -> anyhow::Result<()> {
    let lake = scratch.join(form.name());
    let shares = plan::shares(work.rows, work.connections, work.batch_rows, work.revised_percent)?;
    let mut hub = hub(settings, scratch, &lake).await?;
    let progress = progress(form.name(), work.rows);
    let measured = throughput::measure(&mut hub, form, shares, work.in_flight, &progress).await?;
    progress.finish_and_clear();
    report.throughput(form, &measured);
    hub.stop().await?;
    // The next one has the disk to itself.
    Ok(std::fs::remove_dir_all(&lake)?)
}

async fn lone(
    settings: &Settings,
    work: &Ack,
    scratch: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    if work.pushes == 0 {
        return Ok(());
    }
    let (lake, bare) = (scratch.join("push"), scratch.join("bare"));
    let hub = hub(settings, scratch, &lake).await?;
    let progress = progress("push", work.pushes);
    let (pushes, rows) = (work.pushes, work.push_rows);
    // One client, so one thread: what it takes to wake another is no part of an ack.
    let measured = tokio::task::block_in_place(|| -> anyhow::Result<_> {
        let alone = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        alone.block_on(latency::measure(&hub, &lake, &bare, pushes, rows, &progress))
    })?;
    progress.finish_and_clear();
    report.latency(&measured);
    hub.stop().await
}

async fn crowd(
    settings: &Settings,
    work: &Ack,
    scratch: &Path,
    report: &mut Report,
) -> anyhow::Result<()> {
    if work.clients == 0 {
        return Ok(());
    }
    let hub = hub(settings, scratch, &scratch.join("crowd")).await?;
    let progress = progress("crowd", work.clients * work.client_pushes);
    let (clients, pushes) = (work.clients, work.client_pushes);
    let measured = crowd::measure(&hub, clients, pushes, CROWD_ROWS, &progress).await?;
    progress.finish_and_clear();
    report.crowd(&measured);
    hub.stop().await
}

async fn history(work: &History, scratch: &Path, report: &mut Report) -> anyhow::Result<()> {
    let progress = progress("ack", work.groups);
    let lake = scratch.join("history");
    let points = history::measure(&lake, work.groups, work.rows, &progress).await?;
    progress.finish_and_clear();
    report.history(&points);
    Ok(())
}

/// A hub on a fresh lake.
async fn hub(settings: &Settings, scratch: &Path, lake: &Path) -> anyhow::Result<HubProcess> {
    HubProcess::start(lake, &scratch.join(LOG), settings.log.as_deref()).await
}

/// Rows of a push of one of many clients: as PostgreSQL's single-row commits, beside which it is read.
const CROWD_ROWS: u64 = 1;
/// The hub's log within the scratch folder.
const LOG: &str = "hub.log";
/// Lines of the hub's log that an error shows.
const LOG_LINES: usize = 20;

fn log_end(scratch: &Path) -> String {
    let log = std::fs::read_to_string(scratch.join(LOG)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// A bar on standard error; none if that is no terminal.
fn progress(what: &'static str, rows: u64) -> ProgressBar {
    let style =
        ProgressStyle::with_template("{prefix:6} {bar:40} {human_pos}/{human_len} {per_sec} {eta}");
    let bar = ProgressBar::new(rows).with_prefix(what);
    style.map_or_else(|_| ProgressBar::hidden(), |style| bar.with_style(style))
}

fn about(settings: &Settings) -> Vec<(&'static str, String)> {
    let machine = Machine::of(&settings.folder);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let work = match &settings.work {
        Work::Ingest(Ingest { rows, connections, batch_rows, in_flight, revised_percent }) => {
            format!(
                "{rows} rows in each form, {connections} connections, batches of {batch_rows} rows, {in_flight} in flight each, \
             {revised_percent} % revisions"
            )
        }
        Work::Ack(Ack { pushes, push_rows, clients, client_pushes }) => format!(
            "{pushes} pushes of {push_rows} typed rows, one at a time, in turns with the bare loops; {clients} clients with \
             {client_pushes} pushes of {CROWD_ROWS} row each"
        ),
        Work::History(History { groups, rows }) => format!("{groups} groups of {rows} rows"),
    };
    let log = settings.log.clone().unwrap_or_else(|| "as a hub logs by itself".to_owned());
    vec![
        ("date", dinh_lake::Clock::system().now().format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("dinh", format!("{} ({profile} build)", env!("CARGO_PKG_VERSION"))),
        ("cores", format!("{}, {}", machine.cores, machine.processor)),
        ("kernel", machine.kernel),
        ("folder", format!("{} ({})", settings.folder.display(), machine.file_system)),
        ("command", std::env::args().collect::<Vec<_>>().join(" ")),
        ("work", work),
        ("hub's log", log),
    ]
}

fn notes() -> Vec<String> {
    let mut notes = Vec::new();
    if cfg!(debug_assertions) {
        notes.push(
            "a dev build: these are no figures of its speed; `cargo run --release -- bench …`"
                .to_owned(),
        );
    }
    notes.push(
        "the hub and the client share the machine. An idle processor makes a sync look ten times slower, so pushes and bare \
         loops take turns, once as it is and once with the processors kept awake"
            .to_owned(),
    );
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_is_gone_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new(folder.path()).unwrap();
        assert!(Scratch::new(folder.path()).is_err());
        std::fs::write(scratch.0.join(LOG), "one\ntwo\n").unwrap();
        assert_eq!(log_end(&scratch.0), "one\ntwo");
        drop(scratch);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
