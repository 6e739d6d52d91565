//! A hub in a process of its own, so that its processor time is told apart from that of the client that measures it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use dinh_lake::lock::Holder;
use dinh_proto::v1::ingest_client::IngestClient;
use dinh_proto::v1::{Action, ApplyCatalogueRequest, IssueTokenRequest};
use tokio::process::{Child, Command};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

use super::process;
use super::town;
use crate::commands::catalog::refuse;
use crate::dial::Dial;
use crate::operator::{Bearer, Operator};

/// The ingest service with a token.
pub(super) type Pusher = IngestClient<InterceptedService<Channel, Bearer>>;

/// How long a hub may take to open an empty lake.
const START_MAX: Duration = Duration::from_secs(60);
/// How often its lock file is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long its processor time must stand still for it to count as idle: several ticks of its clock.
const IDLE_FOR: Duration = Duration::from_millis(60);
/// How long idleness is waited for between measurements.
const IDLE_WAIT_MAX: Duration = Duration::from_secs(5);
/// How long its processor time must stand still for its care of the lake to count as done.
const SETTLED_FOR: Duration = Duration::from_secs(1);
/// How long care of the lake is waited for: it has some twenty million rows to merge.
const SETTLED_WAIT_MAX: Duration = Duration::from_secs(1_800);

/// A hub that runs on a fresh lake with the benchmark's catalogue; killed when it is dropped.
#[derive(Debug)]
pub(super) struct HubProcess {
    child: Child,
    process: u32,
    door: String,
    token: String,
    /// The operator's way in.
    pub(super) operator: Operator,
}

impl HubProcess {
    /// Starts this very binary on a lake, with its log in a file, and applies the catalogue.
    ///
    /// # Errors
    /// When it does not come up.
    pub(super) async fn start(
        lake: &Path,
        log_file: &Path,
        log: Option<&str>,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this binary")?;
        let mut child = Command::new(program)
            .args(["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0", "--lake"])
            .arg(lake)
            .args(log.map(|log| ["--log", log]).into_iter().flatten())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(log_file).context("the hub's log")?)
            .kill_on_drop(true)
            .spawn()
            .context("the hub does not start")?;
        let process = child.id().context("the hub ended at once")?;
        let (grpc, token) = door(&mut child, lake).await?;
        let door = format!("http://{grpc}");
        let mut operator = Operator::remote(&Dial::default(), &door, Some(&token)).await?;
        let request = ApplyCatalogueRequest { files: town::files(), planned_version: None };
        let applied = operator.admin.apply_catalogue(request).await?.into_inner();
        refuse(&applied.faults)?;
        let request = IssueTokenRequest {
            principal: "bench".to_owned(),
            actions: vec![Action::Push.into()],
            feeds: vec![town::FEED.to_owned()],
            ..IssueTokenRequest::default()
        };
        let token = operator.admin.issue_token(request).await?.into_inner().token;
        Ok(Self { child, process, door, token, operator })
    }

    /// A connection of its own to the ingest service.
    ///
    /// # Errors
    /// When the hub is gone.
    pub(super) async fn pusher(&self) -> anyhow::Result<Pusher> {
        let channel = Endpoint::from_shared(self.door.clone())?.connect().await?;
        Ok(IngestClient::with_interceptor(channel, Bearer::new(Some(&self.token))?))
    }

    /// The processor time that it took so far.
    #[must_use]
    pub(super) fn cpu(&self) -> Option<Duration> {
        process::cpu(self.process)
    }

    /// The most memory that it held so far, in bytes.
    #[must_use]
    pub(super) fn memory_peak_bytes(&self) -> Option<u64> {
        process::memory_peak_bytes(self.process)
    }

    /// Waits until it does nothing any more; care of the lake goes on for a while after the last ack.
    pub(super) async fn idle(&self) {
        self.still(IDLE_FOR, IDLE_WAIT_MAX).await;
    }

    /// Waits until its care of the lake is done; gives the time that it still took, none where it goes on and on.
    pub(super) async fn settled(&self) -> Option<Duration> {
        self.still(SETTLED_FOR, SETTLED_WAIT_MAX).await
    }

    /// Waits until its processor time has stood still for a while; gives how long it moved before.
    async fn still(&self, still_for: Duration, wait_max: Duration) -> Option<Duration> {
        let began = Instant::now();
        let (mut before, mut moved) = (self.cpu(), Duration::ZERO);
        while began.elapsed() < wait_max {
            tokio::time::sleep(IDLE_FOR).await;
            let now = self.cpu();
            if now != before {
                (before, moved) = (now, began.elapsed());
            } else if began.elapsed() - moved >= still_for {
                return Some(moved);
            }
        }
        None
    }

    /// Kills it: its lake is thrown away.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("the hub cannot be stopped")
    }
}

/// Where the hub listens, and its operator's token: both stand in the lake's lock file once the doors are open.
async fn door(child: &mut Child, lake: &Path) -> anyhow::Result<(String, String)> {
    let began = Instant::now();
    loop {
        if let Some(Holder { grpc: Some(grpc), token: Some(token), .. }) = Holder::read(lake) {
            return Ok((grpc, token));
        }
        if let Some(status) = child.try_wait()? {
            bail!("the hub ended before its doors were open: {status}");
        }
        ensure!(
            began.elapsed() < START_MAX,
            "the hub did not open its doors within {} s",
            START_MAX.as_secs()
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
