//! Measures this machine with this binary: how fast rows are acked, and what an ack costs beside what the disk takes.
//!
//! ```text
//! arrow:  fresh hub <── 8 connections, Arrow IPC     then count(*) must be what was acked
//! typed:  fresh hub <── 8 connections, typed rows    the same
//! push:   fresh hub <── 1 connection, 1 push at a time ┐ in turns, on the same disk
//! bare:   the syncs that such a push cannot do without ┘
//! ```
//!
//! The hub is a process of its own, so that its processor time is told apart from the client's; both share the machine.
//!
//! An idle processor makes a sync look ten times slower than a busy one does: it sleeps when the disk is done. So pushes and
//! bare loops are interleaved, and all of it is measured twice: as it is, and with the processors kept awake.

mod awake;
mod bare;
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
    /// Rows for each form of payload; none leaves durable ingest out.
    pub rows: u64,
    /// Connections that send them.
    pub connections: u64,
    /// Rows of a batch.
    pub batch_rows: u64,
    /// Batches that a connection has in flight.
    pub in_flight: usize,
    /// Small pushes; none leaves the latency of an ack out.
    pub pushes: u64,
    /// Rows of a small push.
    pub push_rows: u64,
    /// What the hub logs, as tracing directives; without it what a hub logs by itself.
    pub log: Option<String>,
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

/// Measures everything.
///
/// # Errors
/// When the hub fails, refuses a row, or counts other rows than it acked.
pub async fn ingest(settings: &Settings) -> anyhow::Result<Report> {
    let scratch = Scratch::new(&settings.folder)?;
    let mut report = Report { run: run(settings), notes: notes(), ..Report::default() };
    let measured = measure(settings, &scratch.0, &mut report).await;
    measured.with_context(|| format!("the hub's log ends with:\n{}", log_end(&scratch.0)))?;
    Ok(report)
}

async fn measure(settings: &Settings, scratch: &Path, report: &mut Report) -> anyhow::Result<()> {
    if settings.rows > 0 {
        for form in [Form::Arrow, Form::Typed] {
            Box::pin(throughput(settings, scratch, form, report)).await?;
        }
    }
    if settings.pushes > 0 {
        Box::pin(latency(settings, scratch, report)).await?;
    }
    Ok(())
}

async fn throughput(
    settings: &Settings,
    scratch: &Path,
    form: Form,
    report: &mut Report,
) -> anyhow::Result<()> {
    let lake = scratch.join(form.name());
    let shares = plan::shares(settings.rows, settings.connections, settings.batch_rows)?;
    let mut hub = HubProcess::start(&lake, &scratch.join(LOG), settings.log.as_deref()).await?;
    let progress = progress(form.name(), settings.rows);
    let measured =
        throughput::measure(&mut hub, form, shares, settings.in_flight, &progress).await?;
    progress.finish_and_clear();
    report.throughput(form, &measured);
    hub.stop().await?;
    // The next one has the disk to itself.
    Ok(std::fs::remove_dir_all(&lake)?)
}

async fn latency(settings: &Settings, scratch: &Path, report: &mut Report) -> anyhow::Result<()> {
    let lake = scratch.join("push");
    let hub = HubProcess::start(&lake, &scratch.join(LOG), settings.log.as_deref()).await?;
    let progress = progress("push", settings.pushes);
    let (pushes, rows, bare) = (settings.pushes, settings.push_rows, scratch.join("bare"));
    let measured = latency::measure(&hub, &lake, &bare, pushes, rows, &progress).await?;
    progress.finish_and_clear();
    report.latency(&measured);
    hub.stop().await
}

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

fn run(settings: &Settings) -> Vec<(&'static str, String)> {
    let machine = Machine::of(&settings.folder);
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let Settings { rows, connections, batch_rows, in_flight, pushes, push_rows, log, .. } =
        settings;
    vec![
        ("date", dinh_lake::Clock::system().now().format("%Y-%m-%dT%H:%M:%SZ").to_string()),
        ("dinh", format!("{} ({profile} build)", env!("CARGO_PKG_VERSION"))),
        ("cores", format!("{}, {}", machine.cores, machine.processor)),
        ("kernel", machine.kernel),
        ("folder", format!("{} ({})", settings.folder.display(), machine.file_system)),
        ("command", std::env::args().collect::<Vec<_>>().join(" ")),
        (
            "ingest",
            format!(
                "{rows} rows in each form, {connections} connections, batches of {batch_rows} rows, {in_flight} in flight each"
            ),
        ),
        (
            "push",
            format!(
                "{pushes} pushes of {push_rows} typed rows, one at a time, in turns with the bare loops"
            ),
        ),
        ("hub's log", log.clone().unwrap_or_else(|| "as a hub logs by itself".to_owned())),
    ]
}

fn notes() -> Vec<String> {
    let mut notes = Vec::new();
    if cfg!(debug_assertions) {
        notes.push(
            "a dev build: these are no figures of its speed; `cargo run --release -- bench ingest`"
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
