//! What the tests stand on: the binary `dinh`, started and stopped, and asked over its doors.
//!
//! Nothing waits for a time: a hub is ready when it says its addresses, and every wait has an end.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use dinh_proto::v1 as proto;
use proto::ingest_client::IngestClient;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_stream::Stream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use crate::document::Document;

/// The catalogue of Hà Nội.
pub(crate) const HANOI: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/hanoi");
/// Longer than any start or stop takes, even on a machine that is busy with something else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// Lines of a hub's log that are kept.
const LINES_MAX: usize = 10_000;
/// Bytes of an answer: 64 MiB of verdicts and what goes with them.
const ANSWER_BYTES_MAX: usize = 72 << 20;

const DINH: &str = env!("CARGO_BIN_EXE_dinh");

/// The binary, run by another program if one is given, without the settings of whoever runs the tests.
fn dinh(under: &[&str]) -> Command {
    let mut command = match under {
        [] => Command::new(DINH),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(DINH);
            command
        }
    };
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("DINH_"))
    {
        command.env_remove(name);
    }
    command.current_dir(env!("CARGO_TARGET_TMPDIR")).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    /// What it said, if it ended well.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }
}

/// Runs a command of the binary to its end.
pub(crate) async fn run(arguments: &[&str]) -> Said {
    ended(dinh(&[]).args(arguments)).await
}

async fn ended(command: &mut Command) -> Said {
    let arguments = format!("{:?}", command.as_std());
    let ended = tokio::time::timeout(PATIENCE, command.output());
    let output = ended.await.unwrap_or_else(|_| panic!("{arguments} does not end")).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said {
        code: output.status.code().unwrap_or(-1),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// The first of four ports in a row that nobody has, below those that the system gives to callers.
pub(crate) fn port_base() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 1_000).unwrap() * 10;
    loop {
        let base = 20_000 + (start + NEXT.fetch_add(10, Ordering::Relaxed)) % 12_000;
        let free = |offset| std::net::TcpListener::bind(("127.0.0.1", base + offset)).is_ok();
        if (1..=4).all(free) {
            return base;
        }
    }
}

/// Where a lake is, and the settings without which nobody reaches it.
#[derive(Clone, Debug)]
pub(crate) struct Lake {
    at: String,
    settings: Vec<(&'static str, String)>,
}

impl Lake {
    pub(crate) fn new(at: impl Into<String>, settings: Vec<(&'static str, String)>) -> Self {
        Self { at: at.into(), settings }
    }

    pub(crate) fn of(folder: &Path) -> Self {
        Self::new(folder.to_str().unwrap(), Vec::new())
    }

    /// The folder, of a lake that is one.
    pub(crate) fn folder(&self) -> &Path {
        Path::new(&self.at)
    }

    /// Runs a command on it: through the hub that holds it, if there is one.
    pub(crate) async fn dinh(&self, arguments: &[&str]) -> Said {
        let mut command = dinh(&[]);
        command.args(arguments).args(["--lake", &self.at]).envs(self.settings.iter().cloned());
        ended(&mut command).await
    }

    /// The rows of a statement as CSV lines.
    pub(crate) async fn sql(&self, statement: &str) -> Vec<String> {
        let rows = self.dinh(&["sql", statement, "--output", "csv"]).await.well();
        rows.lines().skip(1).map(str::to_owned).collect()
    }
}

/// A hub that was started and has not said yet where it listens.
pub(crate) struct Opening {
    lake: Lake,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Opening {
    pub(crate) fn of(lake: Lake, more: &[&str]) -> Self {
        Self::under(&[], lake, more)
    }

    /// A hub whose gRPC door is at an address of the caller's choice.
    pub(crate) fn at(grpc: &str, lake: Lake, more: &[&str]) -> Self {
        Self::start(&[], grpc, lake, more)
    }

    /// A hub that another program runs, such as one that puts faults into its system calls.
    pub(crate) fn under(program: &[&str], lake: Lake, more: &[&str]) -> Self {
        Self::start(program, "127.0.0.1:0", lake, more)
    }

    fn start(program: &[&str], grpc: &str, lake: Lake, more: &[&str]) -> Self {
        let mut command = dinh(program);
        command
            .args(["serve", "--grpc", grpc, "--http", "127.0.0.1:0", "--lake", &lake.at])
            .args(more)
            .envs(lake.settings.iter().cloned());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { lake, child, lines }
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Waits until it serves.
    pub(crate) async fn ready(self) -> Hub {
        tokio::time::timeout(PATIENCE, self.addresses()).await.expect("a hub says where it listens")
    }

    async fn addresses(mut self) -> Hub {
        let mut said = Vec::new();
        loop {
            let line = self.lines.next_line().await.unwrap();
            let line = line.unwrap_or_else(|| panic!("the hub ended: {said:#?}"));
            let http = after(&line, "HTTP http://").or_else(|| after(&line, "HTTP https://"));
            if let (Some(grpc), Some(http)) = (after(&line, "gRPC "), http) {
                let Self { lake, child, mut lines } = self;
                let (log, said) = watch::channel(VecDeque::from(said));
                let mut reading = JoinSet::new();
                // Nobody may have to wait because nobody reads.
                reading.spawn(async move {
                    while let Ok(Some(line)) = lines.next_line().await {
                        log.send_modify(|said| {
                            said.push_back(line);
                            let over = said.len().saturating_sub(LINES_MAX);
                            said.drain(..over);
                        });
                    }
                });
                return Hub { lake, grpc, http, child, said, _reading: reading };
            }
            said.push(line);
        }
    }
}

fn after(line: &str, word: &str) -> Option<SocketAddr> {
    line.split_once(word)?.1.split_whitespace().next()?.parse().ok()
}

/// A hub that serves; killed when it is dropped.
pub(crate) struct Hub {
    pub(crate) lake: Lake,
    pub(crate) grpc: SocketAddr,
    pub(crate) http: SocketAddr,
    child: Child,
    said: watch::Receiver<VecDeque<String>>,
    _reading: JoinSet<()>,
}

impl Hub {
    pub(crate) async fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[]).await
    }

    pub(crate) async fn start_with(folder: &Path, more: &[&str]) -> Self {
        Opening::of(Lake::of(folder), more).ready().await
    }

    /// A hub with the catalogue of Hà Nội.
    pub(crate) async fn with_catalogue(folder: &Path) -> Self {
        Self::taught(Opening::of(Lake::of(folder), &[])).await
    }

    /// The same, on any lake.
    pub(crate) async fn taught(opening: Opening) -> Self {
        let hub = opening.ready().await;
        hub.dinh(&["catalog", "apply", HANOI]).await.well();
        hub
    }

    /// kill -9.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Asks it to stop, as a service manager does, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        let terminate = format!("kill -TERM {}", self.process());
        assert!(Command::new("sh").args(["-c", &terminate]).status().await.unwrap().success());
        let ended = tokio::time::timeout(PATIENCE, self.child.wait());
        ended.await.expect("a hub stops when it is asked to").unwrap()
    }

    /// Waits until its log has a line with a text, and gives its log.
    pub(crate) async fn says(&self, text: &str) -> String {
        let mut said = self.said.clone();
        let there =
            said.wait_for(|lines: &VecDeque<String>| lines.iter().any(|line| line.contains(text)));
        let ended = tokio::time::timeout(PATIENCE, there).await;
        let lines = ended.unwrap_or_else(|_| panic!("it does not say `{text}`")).unwrap();
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// Its process id.
    pub(crate) fn process(&self) -> u32 {
        self.child.id().expect("it has not ended")
    }

    /// Runs a command beside it, on the same lake.
    pub(crate) async fn dinh(&self, arguments: &[&str]) -> Said {
        self.lake.dinh(arguments).await
    }

    /// The rows of a statement as CSV lines.
    pub(crate) async fn sql(&self, statement: &str) -> Vec<String> {
        self.lake.sql(statement).await
    }

    /// A token to push to a feed; within a unit, if one is given.
    pub(crate) async fn token(&self, feed: &str, within: Option<&str>) -> String {
        let mut arguments = vec!["token", "issue", "--feed", feed];
        arguments.extend(within.iter().flat_map(|unit| ["--within", unit]));
        self.dinh(&arguments).await.well().trim().to_owned()
    }

    pub(crate) fn door(&self) -> String {
        format!("http://{}", self.grpc)
    }

    pub(crate) async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.door()).unwrap().connect().await.unwrap()
    }

    /// Whoever pushes with a token, over a connection of its own.
    pub(crate) async fn publisher(&self, token: &str) -> Publisher {
        Publisher::over(self.channel().await, token)
    }

    /// Sends a request to the HTTP door.
    pub(crate) async fn http(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        // A proxy of the machine has no business between this test and its hub.
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        let url = format!("http://{}{path}", self.http);
        let request = client.request(method.parse().unwrap(), url).body(body.to_owned());
        let request =
            headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
        Reply { status, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.http("GET", path, &[], "").await
    }

    /// The answer to a question such as `rankings/par_index_pct?level=district`.
    pub(crate) async fn ask(&self, question: &str) -> Document {
        let reply = self.get(&format!("/v1/{question}")).await;
        assert_eq!(reply.status, 200, "{question}: {reply:?}");
        reply.json()
    }
}

/// What the HTTP door said.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Document {
        Document::new(&self.body)
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A client of the way in.
#[derive(Clone)]
pub(crate) struct Publisher {
    client: IngestClient<Channel>,
    token: String,
}

impl Publisher {
    /// Whoever pushes over a channel, with a token if it is not empty.
    pub(crate) fn over(channel: Channel, token: &str) -> Self {
        let client = IngestClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX);
        Self { client, token: token.to_owned() }
    }

    pub(crate) async fn push(
        &self,
        submission: proto::Submission,
    ) -> Result<proto::Answer, Status> {
        let request = self.request(proto::PushRequest { submission: Some(submission) });
        let response = self.client.clone().push(request).await?;
        Ok(response.into_inner().answer.expect("a response has an answer"))
    }

    pub(crate) async fn push_stream(
        &self,
        requests: impl Stream<Item = proto::PushStreamRequest> + Send + 'static,
    ) -> Result<Streaming<proto::PushStreamResponse>, Status> {
        let response = self.client.clone().push_stream(self.request(requests)).await?;
        Ok(response.into_inner())
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if !self.token.is_empty() {
            let header = format!("Bearer {}", self.token).parse().unwrap();
            request.metadata_mut().insert("authorization", header);
        }
        request
    }
}

pub(crate) fn row(indicator: &str, unit: &str, period: &str, value: &str) -> proto::Row {
    proto::Row {
        indicator: indicator.into(),
        unit: unit.into(),
        period: period.into(),
        value: value.into(),
        ..proto::Row::default()
    }
}

pub(crate) fn submission(feed: &str, id: &str, rows: Vec<proto::Row>) -> proto::Submission {
    proto::Submission {
        feed: feed.into(),
        id: id.into(),
        payload: Some(proto::submission::Payload::Rows(proto::Rows { rows })),
        ..proto::Submission::default()
    }
}
