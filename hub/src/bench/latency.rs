//! How long the ack of one small push takes on an idle hub, beside what the disk does by itself.
//!
//! Pushes and bare loops take turns in blocks, so that both meet the same disk, the same clock of the processor and the
//! same sleep of an idle one. Before each block of bare loops the hub's care of the lake is waited for.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use dinh_proto::v1::PushRequest;
use indicatif::ProgressBar;

use super::bare::Bare;
use super::hub_process::{HubProcess, Pusher};
use super::payload::{Form, Writer};
use super::plan::shares;
use super::spread::Spread;
use super::throughput::all_accepted;

/// Measurements of one kind before the next kind has its turn.
const BLOCK: u64 = 20;

/// What was measured.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    /// From the call to the ack of a push.
    pub push: Spread,
    /// New file, fsync, link, fsync of the directory, twice.
    pub create_twice: Spread,
    /// Write and fdatasync of one open file.
    pub overwrite: Spread,
    /// Bytes of the hub's data file of one push; the bare loops write as many.
    pub data_bytes: usize,
    /// Bytes of the hub's log entry of one push; the bare loops write as many.
    pub entry_bytes: usize,
}

/// Measures so many pushes of so many rows, and as many bare loops, in a folder on the lake's disk.
///
/// # Errors
/// When a push is refused or the disk fails.
pub(crate) async fn measure(
    hub: &HubProcess,
    lake: &Path,
    folder: &Path,
    pushes: u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Latency> {
    ensure!(pushes > 0, "there are no pushes to measure");
    let rounds = pushes.div_ceil(BLOCK);
    // One block more, whose times do not count: it warms up both sides and shows how large the hub's files are.
    let share = shares((rounds + 1) * BLOCK * rows, 1, rows)?.remove(0);
    let (writer, mut pusher) = (Writer::new(Form::Typed, share), hub.pusher().await?);
    let (_, position) = push(&mut pusher, &writer, 0).await?;
    let (data_bytes, entry_bytes) = sizes(lake, position)?;
    let mut bare = Bare::new(folder, data_bytes, entry_bytes)?;
    let (mut acks, mut created, mut overwritten) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        hub.idle().await;
        if round == 1 {
            acks.clear();
            created.clear();
            overwritten.clear();
        }
        let batches = (round * BLOCK..(round + 1) * BLOCK).skip(usize::from(round == 0));
        (acks, pusher) = push_block(pusher, &writer, batches, acks).await?;
        hub.idle().await;
        // Off the async threads, as the hub does it.
        let block = tokio::task::spawn_blocking(move || bare_block(bare, created, overwritten));
        (bare, created, overwritten) = block.await??;
        progress.inc(BLOCK);
    }
    let (push, create_twice, overwrite) =
        (Spread::of(acks), Spread::of(created), Spread::of(overwritten));
    Ok(Latency { push, create_twice, overwrite, data_bytes, entry_bytes })
}

async fn push_block(
    mut pusher: Pusher,
    writer: &Writer,
    batches: impl Iterator<Item = u64>,
    mut times: Vec<Duration>,
) -> anyhow::Result<(Vec<Duration>, Pusher)> {
    for index in batches {
        times.push(push(&mut pusher, writer, index).await?.0);
    }
    Ok((times, pusher))
}

fn bare_block(
    mut bare: Bare,
    mut created: Vec<Duration>,
    mut overwritten: Vec<Duration>,
) -> std::io::Result<(Bare, Vec<Duration>, Vec<Duration>)> {
    for _ in 0..BLOCK {
        created.push(bare.create_twice()?);
    }
    for _ in 0..BLOCK {
        overwritten.push(bare.overwrite()?);
    }
    Ok((bare, created, overwritten))
}

/// Pushes one batch; gives the time to its ack and its position.
async fn push(pusher: &mut Pusher, writer: &Writer, index: u64) -> anyhow::Result<(Duration, u64)> {
    let (submission, rows) = writer.submission(index)?;
    let request = PushRequest { submission: Some(submission) };
    let began = Instant::now();
    let answer = pusher.push(request).await?.into_inner().answer;
    let took = began.elapsed();
    let answer = answer.context("the hub gave no answer")?;
    all_accepted(&answer, rows)?;
    Ok((took, answer.position))
}

/// Bytes of the data file and of the log entry that the hub wrote for a position.
fn sizes(lake: &Path, position: u64) -> anyhow::Result<(usize, usize)> {
    let ledger = lake.join("ledger");
    let prefix = format!("{position:020}-");
    let mut files = fs::read_dir(&ledger).context("the ledger's folder")?.filter_map(Result::ok);
    let data = files.find(|file| file.file_name().to_string_lossy().starts_with(&prefix));
    let data = data
        .with_context(|| format!("the ledger has no data file of position {position}"))?
        .metadata()?;
    let entry = fs::metadata(ledger.join("_delta_log").join(format!("{position:020}.json")))
        .context("the log entry")?;
    Ok((usize::try_from(data.len())?, usize::try_from(entry.len())?))
}
