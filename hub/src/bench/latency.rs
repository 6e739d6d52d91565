//! How long the ack of one small push takes on an idle hub, beside what the disk does by itself.
//!
//! Pushes and bare loops take turns in blocks, so that both meet the same disk. Before each block the hub's care of the lake
//! is waited for. Everything is measured twice, in turns too: on processors that fall asleep as they like, and on
//! processors that are kept awake, for an idle processor makes a sync look ten times slower.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use indicatif::ProgressBar;

use super::awake::Awake;
use super::bare::Bare;
use super::crowd::Session;
use super::hub_process::HubProcess;
use super::payload::{Form, Writer};
use super::plan::shares;
use super::process::{self, spent};

/// Measurements of one kind before the next kind has its turn.
const BLOCK: u64 = 20;
/// Blocks that do not count.
const WARM_UP: u64 = 1;

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Latency {
    /// On processors that fall asleep as they like.
    pub(super) as_it_is: Turns,
    /// On processors that are kept awake.
    pub(super) awake: Turns,
    /// Bytes of the hub's data file of one push; the bare loops write as many.
    pub(super) data_bytes: usize,
    /// Bytes of the hub's log entry of one push; the bare loops write as many.
    pub(super) entry_bytes: usize,
    /// Processor time of the hub while it was pushed to.
    pub(super) hub_cpu: Duration,
    /// Processor time of the client while it pushed.
    pub(super) client_cpu: Duration,
}

/// What took turns.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns {
    /// From the call to the ack of each push.
    pub(super) pushes: Vec<Duration>,
    /// New file, fsync, link, fsync of the directory, twice.
    pub(super) create_twice: Vec<Duration>,
    /// Write and fdatasync of one open file.
    pub(super) overwrite: Vec<Duration>,
}

/// Measures so many pushes of so many rows, and as many bare loops, in a folder on the lake's disk.
///
/// # Errors
/// When a push is refused or the disk fails.
pub(super) async fn measure(
    hub: &HubProcess,
    lake: &Path,
    folder: &Path,
    pushes: u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Latency> {
    let rounds = pushes.div_ceil(BLOCK);
    let share = shares((2 * rounds + WARM_UP) * BLOCK * rows, 1, rows, 0)?.remove(0);
    let (writer, mut session) = (Writer::new(Form::Typed, share), Session::open(hub).await?);
    let mut batches = 0..writer.share().batches();
    // What comes first does not count: it warms up both sides and shows how large the hub's files are.
    let warm_up = push_block(&mut session, &writer, &mut batches).await?;
    let (data_bytes, entry_bytes) = sizes(lake, warm_up.position)?;
    let mut bare = Bare::new(folder, data_bytes, entry_bytes)?;
    bare_block(&mut bare, &mut Turns::default())?;
    let (mut as_it_is, mut awake) = (Turns::default(), Turns::default());
    let (mut hub_cpu, mut client_cpu) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        for (turns, is_awake) in [(&mut as_it_is, false), (&mut awake, true)] {
            let kept = is_awake.then(Awake::start).transpose()?;
            hub.idle().await;
            let cpu = || (hub.cpu(), process::cpu(std::process::id()));
            let before = cpu();
            turns.pushes.extend(push_block(&mut session, &writer, &mut batches).await?.times);
            let after = cpu();
            hub_cpu += spent(before.0, after.0).unwrap_or_default();
            client_cpu += spent(before.1, after.1).unwrap_or_default();
            hub.idle().await;
            // Blocking, but on this thread nothing else is going on.
            bare_block(&mut bare, turns)?;
            drop(kept);
        }
        progress.inc(BLOCK);
    }
    Ok(Latency { as_it_is, awake, data_bytes, entry_bytes, hub_cpu, client_cpu })
}

/// What a block of pushes gave.
struct Pushed {
    times: Vec<Duration>,
    /// Of the last one.
    position: u64,
}

async fn push_block(
    session: &mut Session,
    writer: &Writer,
    batches: &mut Range<u64>,
) -> anyhow::Result<Pushed> {
    let mut pushed = Pushed { times: Vec::new(), position: 0 };
    for index in batches.take(usize::try_from(BLOCK)?) {
        let (took, position) = session.push(writer, index).await?;
        pushed.times.push(took);
        pushed.position = position;
    }
    Ok(pushed)
}

fn bare_block(bare: &mut Bare, turns: &mut Turns) -> std::io::Result<()> {
    for _ in 0..BLOCK {
        turns.create_twice.push(bare.create_twice()?);
    }
    for _ in 0..BLOCK {
        turns.overwrite.push(bare.overwrite()?);
    }
    Ok(())
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
