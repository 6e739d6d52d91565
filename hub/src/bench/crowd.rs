//! How long acks take when many clients push small submissions at the same time, each waiting for its own.
//!
//! This is where group commit shows: the disk syncs no faster for 64 clients than for one.

use std::time::{Duration, Instant};

use anyhow::Context;
use dinh_proto::v1::{PushStreamRequest, PushStreamResponse};
use indicatif::ProgressBar;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use super::hub_process::HubProcess;
use super::payload::{Form, Writer};
use super::plan::shares;
use super::process::{self, spent};
use super::spread::Spread;
use super::throughput::accepted;

/// Pushes of each client that come first and do not count.
const WARM_UP: u64 = 3;

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    /// Clients at a time.
    pub(super) clients: u64,
    /// Rows of each push.
    pub(super) rows: u64,
    /// From the call to the ack of each push.
    pub(super) acks: Spread,
    /// From the first push that counts to the last ack.
    pub(super) took: Duration,
    /// Ledger entries meanwhile.
    pub(super) entries: u64,
    /// Processor time of the hub meanwhile.
    pub(super) hub_cpu: Option<Duration>,
    /// Processor time of the clients meanwhile.
    pub(super) client_cpu: Option<Duration>,
}

/// Lets so many clients push so often each, rows by rows.
///
/// # Errors
/// When a push is refused.
pub(super) async fn measure(
    hub: &HubProcess,
    clients: u64,
    pushes: u64,
    rows: u64,
    progress: &ProgressBar,
) -> anyhow::Result<Crowd> {
    let shares = shares(clients * (WARM_UP + pushes) * rows, clients, rows, 0)?;
    let mut warm = JoinSet::new();
    for share in shares {
        let (mut session, writer) = (Session::open(hub).await?, Writer::new(Form::Typed, share));
        warm.spawn(async move {
            let mut position = 0;
            for index in 0..WARM_UP {
                position = session.push(&writer, index).await?.1;
            }
            anyhow::Ok((session, writer, position))
        });
    }
    let mut ready = Vec::new();
    while let Some(client) = warm.join_next().await {
        ready.push(client??);
    }
    let first = ready.iter().map(|(_, _, position)| *position).max().unwrap_or_default();
    hub.idle().await;
    let cpu = || (hub.cpu(), process::cpu(std::process::id()));
    let (before, began) = (cpu(), Instant::now());
    let mut pushing = JoinSet::new();
    for (session, writer, _) in ready {
        pushing.spawn(push_all(session, writer, pushes, progress.clone()));
    }
    let (mut times, mut last) = (Vec::new(), first);
    while let Some(pushed) = pushing.join_next().await {
        let (of_one, position) = pushed??;
        times.extend(of_one);
        last = last.max(position);
    }
    let (took, after) = (began.elapsed(), cpu());
    Ok(Crowd {
        clients,
        rows,
        acks: Spread::of(times),
        took,
        entries: last - first,
        hub_cpu: spent(before.0, after.0),
        client_cpu: spent(before.1, after.1),
    })
}

async fn push_all(
    mut session: Session,
    writer: Writer,
    pushes: u64,
    progress: ProgressBar,
) -> anyhow::Result<(Vec<Duration>, u64)> {
    let (mut times, mut position) = (Vec::new(), 0);
    for index in WARM_UP..WARM_UP + pushes {
        let (took, at) = session.push(&writer, index).await?;
        times.push(took);
        position = at;
        progress.inc(1);
    }
    Ok((times, position))
}

/// A client's stream, on which it sends one push and waits for its ack before it sends the next.
#[derive(Debug)]
pub(super) struct Session {
    requests: mpsc::Sender<PushStreamRequest>,
    answers: Streaming<PushStreamResponse>,
}

impl Session {
    /// Opens a connection and a stream on it.
    ///
    /// # Errors
    /// When the hub does not take it.
    pub(super) async fn open(hub: &HubProcess) -> anyhow::Result<Self> {
        let (requests, receiver) = mpsc::channel(1);
        let answers = hub.pusher().await?.push_stream(ReceiverStream::new(receiver)).await?;
        Ok(Self { requests, answers: answers.into_inner() })
    }

    /// Pushes one batch; gives the time to its ack and its position.
    ///
    /// # Errors
    /// When it is refused.
    pub(super) async fn push(
        &mut self,
        writer: &Writer,
        index: u64,
    ) -> anyhow::Result<(Duration, u64)> {
        let (submission, rows) = writer.submission(index)?;
        let request = PushStreamRequest { submission: Some(submission), ..Default::default() };
        let began = Instant::now();
        // A stream that broke says why when its answers are read.
        let _ = self.requests.send(request).await;
        let answer = self.answers.message().await?;
        let took = began.elapsed();
        let answer = answer.context("the hub ended a stream before its last answer")?;
        Ok((took, accepted(answer, rows)?.position))
    }
}
