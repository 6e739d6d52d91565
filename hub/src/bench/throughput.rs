//! Rows a second that are acked, and the proof that they are there.
//!
//! Each connection keeps a few batches in flight on one stream. The clock runs from the first batch to the last ack, and on
//! until `current` is counted; the hub must count exactly what was acked, at its first answer, for an ack promises that.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use dinh_proto::v1::push_stream_response::Outcome;
use dinh_proto::v1::{Answer, PushStreamRequest, PushStreamResponse, SqlRequest};
use indicatif::ProgressBar;
use prost::Message;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;

use super::hub_process::{HubProcess, Pusher};
use super::payload::{Form, Writer};
use super::plan::Share;
use super::process::{self, spent};
use super::spread::Spread;
use super::town::FEED;
use crate::operator::Admin;

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Throughput {
    /// Rows that were acked, all of them accepted.
    pub(super) rows: u64,
    /// Different keys among them.
    pub(super) keys: u64,
    /// Bytes of a full batch.
    pub(super) batch_bytes: usize,
    /// From the first batch to the last ack.
    pub(super) took: Duration,
    /// From the sending of each batch to its ack.
    pub(super) acks: Spread,
    /// Entries of the ledger at the last ack, those of merges among them.
    pub(super) entries: u64,
    /// Processor time of the hub meanwhile.
    pub(super) hub_cpu: Option<Duration>,
    /// Processor time of the client meanwhile.
    pub(super) client_cpu: Option<Duration>,
    /// How long `count(*)` of `current` took right after; what went wrong if it could not be counted.
    pub(super) current_counted: Result<Duration, String>,
    /// How long `count(*)` of `observations` took after that.
    pub(super) observations_counted: Duration,
    /// How long care of the lake, which is merging, went on after the last ack; none if it did not come to an end.
    pub(super) merged_after: Option<Duration>,
    /// Processor time of the hub from the last ack until care was done, the counting included.
    pub(super) hub_cpu_after: Option<Duration>,
    /// The most memory that the hub held, in bytes.
    pub(super) memory_peak_bytes: Option<u64>,
}

/// What one connection saw.
#[derive(Debug, Default)]
struct Acked {
    rows: u64,
    position: u64,
    times: Vec<Duration>,
}

/// Sends every share over a connection of its own and counts.
///
/// # Errors
/// When a row is not accepted, or the hub does not count what it acked.
pub(super) async fn measure(
    hub: &mut HubProcess,
    form: Form,
    shares: Vec<Share>,
    in_flight: usize,
    progress: &ProgressBar,
) -> anyhow::Result<Throughput> {
    let (rows, keys) = shares
        .iter()
        .fold((0, 0), |(rows, keys), share| (rows + share.rows(), keys + share.keys()));
    let mut connections = Vec::with_capacity(shares.len());
    for share in shares.into_iter().filter(|share| share.rows() > 0) {
        connections.push((hub.pusher().await?, Writer::new(form, share)));
    }
    let (_, writer) = connections.first().context("there are no rows to send")?;
    let batch_bytes = writer.submission(0)?.0.encoded_len();
    let cpu = || (hub.cpu(), process::cpu(std::process::id()));
    let (before, began) = (cpu(), Instant::now());
    let mut sending = JoinSet::new();
    for (pusher, writer) in connections {
        sending.spawn(send(pusher, writer, in_flight, progress.clone()));
    }
    let mut all = Acked::default();
    while let Some(acked) = sending.join_next().await {
        let acked = acked??;
        all.rows += acked.rows;
        all.position = all.position.max(acked.position);
        all.times.extend(acked.times);
    }
    let (took, after) = (began.elapsed(), cpu());
    ensure!(all.rows == rows, "{rows} rows were sent, and {} acked", all.rows);
    let current_counted = match count(&mut hub.operator.admin, "current").await {
        Ok((counted, took)) => {
            ensure!(
                counted == keys,
                "{keys} keys were acked, and `current` has {counted}: an ack was not true"
            );
            Ok(took)
        }
        Err(error) => Err(format!("{error:#}")),
    };
    let (counted, observations_counted) = count(&mut hub.operator.admin, "observations").await?;
    ensure!(
        counted == rows,
        "{rows} rows were acked, and the hub counts {counted}: an ack was not true"
    );
    let counting = began.elapsed() - took;
    let merged_after = hub.settled().await.map(|moved| counting + moved);
    Ok(Throughput {
        rows,
        keys,
        batch_bytes,
        took,
        acks: Spread::of(all.times),
        entries: all.position,
        hub_cpu: spent(before.0, after.0),
        client_cpu: spent(before.1, after.1),
        current_counted,
        observations_counted,
        merged_after,
        hub_cpu_after: spent(after.0, hub.cpu()),
        memory_peak_bytes: hub.memory_peak_bytes(),
    })
}

/// Sends one share, a few batches in flight.
async fn send(
    mut pusher: Pusher,
    writer: Writer,
    in_flight: usize,
    progress: ProgressBar,
) -> anyhow::Result<Acked> {
    let (requests, receiver) = mpsc::channel(in_flight);
    let mut answers = pusher.push_stream(ReceiverStream::new(receiver)).await?.into_inner();
    let mut waiting = HashMap::with_capacity(in_flight);
    let mut acked = Acked::default();
    let mut indices = 0..writer.share().batches();
    loop {
        while waiting.len() < in_flight
            && let Some(index) = indices.next()
        {
            let (submission, rows) = writer.submission(index)?;
            let request =
                PushStreamRequest { correlation: index.to_string(), submission: Some(submission) };
            waiting.insert(request.correlation.clone(), (Instant::now(), rows));
            // A stream that broke says why when its answers are read.
            let _ = requests.send(request).await;
        }
        if waiting.is_empty() {
            return Ok(acked);
        }
        let answer =
            answers.message().await?.context("the hub ended a stream before its last answer")?;
        let (sent, rows) =
            waiting.remove(&answer.correlation).context("the hub answered what was not sent")?;
        acked.times.push(sent.elapsed());
        acked.position = acked.position.max(accepted(answer, rows)?.position);
        acked.rows += rows;
        progress.inc(rows);
    }
}

/// The answer, if all rows of the batch landed.
///
/// # Errors
/// When one did not.
pub(super) fn accepted(response: PushStreamResponse, rows: u64) -> anyhow::Result<Answer> {
    match response.outcome {
        Some(Outcome::Answer(answer)) => {
            all_accepted(&answer, rows)?;
            Ok(answer)
        }
        Some(Outcome::Error(status)) => {
            bail!("the batch `{}` was refused: {}", response.submission, status.message)
        }
        None => bail!("the batch `{}` got an empty answer", response.submission),
    }
}

/// Makes sure that every row of a submission landed.
fn all_accepted(answer: &Answer, rows: u64) -> anyhow::Result<()> {
    let report = answer.report.as_ref().context("an answer has no report")?;
    let first =
        report.verdicts.first().map(|verdict| verdict.message_en.as_str()).unwrap_or_default();
    ensure!(
        report.accepted == rows && report.warned == 0,
        "of the {rows} rows of `{}` {} were accepted and {} warned of: {first}",
        answer.submission,
        report.accepted,
        report.warned
    );
    Ok(())
}

/// How many rows a view has, and how long that answer took.
async fn count(admin: &mut Admin, view: &str) -> anyhow::Result<(u64, Duration)> {
    let began = Instant::now();
    // A synthetic feed is answered only when it is named.
    let sql = format!("select count(*) from {view} where feed = '{FEED}'");
    let mut parts = admin.sql(SqlRequest { sql }).await?.into_inner();
    let mut stream = Vec::new();
    while let Some(part) = parts.message().await? {
        stream.extend_from_slice(&part.arrow_ipc);
    }
    let took = began.elapsed();
    let mut rows = StreamReader::try_new(stream.as_slice(), None)?;
    let row = rows.next().context("a count has one row")??;
    let count =
        row.column(0).as_primitive_opt::<Int64Type>().context("a count is a whole number")?;
    Ok((u64::try_from(count.value(0))?, took))
}
