//! The whole command against a hub of a few lines: exit codes, retries, and the file of refused rows.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::Parser;
use dinh_proto::v1::ingest_server::{Ingest, IngestServer};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::*;

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    push: Args,
}

/// Refuses rows of unit `99999`; the feed's name says how else it behaves.
#[derive(Clone, Default)]
struct FakeHub {
    calls: Arc<AtomicU32>,
    pushed: Arc<Mutex<Vec<v1::Submission>>>,
}

fn report(submission: &v1::Submission) -> v1::Report {
    let Some(v1::submission::Payload::Rows(rows)) = &submission.payload else {
        panic!("typed rows")
    };
    let refused = |(index, row): (usize, &v1::Row)| {
        let value_reads = row.value.parse::<dinh_lake::decimal::Decimal>().is_ok();
        let (field, rule) = match (row.unit.as_str(), value_reads) {
            ("99999", _) => ("unit", "unit.unknown"),
            (_, false) => ("value", "value.not_a_number"),
            _ => return None,
        };
        Some(v1::Verdict {
            row: index as u64 + 1,
            severity: v1::Severity::Refused.into(),
            field: field.into(),
            rule: rule.into(),
            message_vi: "sai".into(),
            message_en: "wrong".into(),
            ..v1::Verdict::default()
        })
    };
    let verdicts: Vec<_> = rows.rows.iter().enumerate().filter_map(refused).collect();
    let (rows, refused) = (rows.rows.len() as u64, verdicts.len() as u64);
    let accepted = rows - refused;
    v1::Report {
        rows,
        accepted,
        refused,
        verdicts_total: refused,
        verdicts,
        ..v1::Report::default()
    }
}

#[tonic::async_trait]
impl Ingest for FakeHub {
    async fn push(
        &self,
        request: Request<v1::PushRequest>,
    ) -> Result<Response<v1::PushResponse>, Status> {
        let authorized =
            request.metadata().get("authorization").is_some_and(|a| a == "Bearer dinh_test");
        let submission = request.into_inner().submission.unwrap();
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let again = ErrorDetails::with_retry_info(Some(Duration::ZERO));
        match submission.feed.as_str() {
            _ if !authorized => return Err(Status::unauthenticated("token")),
            "busy" if call < 2 => {
                return Err(Status::with_error_details(Code::ResourceExhausted, "full", again));
            }
            "down" => return Err(Status::with_error_details(Code::Unavailable, "down", again)),
            "reused" => return Err(Status::already_exists("reused")),
            "unknown" => return Err(Status::not_found("feed")),
            _ => {}
        }
        let dry_run = submission.mode() == v1::Mode::DryRun;
        let answer = v1::Answer {
            feed: submission.feed.clone(),
            submission: submission.id.clone(),
            position: if dry_run { 0 } else { 7 },
            recorded_at: None,
            report: Some(report(&submission)),
            dry_run,
        };
        self.pushed.lock().unwrap().push(submission);
        Ok(Response::new(v1::PushResponse { answer: Some(answer) }))
    }

    type PushStreamStream = tokio_stream::Empty<Result<v1::PushStreamResponse, Status>>;

    async fn push_stream(
        &self,
        _: Request<Streaming<v1::PushStreamRequest>>,
    ) -> Result<Response<Self::PushStreamStream>, Status> {
        Ok(Response::new(tokio_stream::empty()))
    }

    async fn validate(
        &self,
        _: Request<v1::ValidateRequest>,
    ) -> Result<Response<v1::ValidateResponse>, Status> {
        Err(Status::unimplemented("a dry run is a push"))
    }

    async fn cursor(
        &self,
        _: Request<v1::CursorRequest>,
    ) -> Result<Response<v1::CursorResponse>, Status> {
        Ok(Response::new(v1::CursorResponse::default()))
    }
}

struct Trial {
    hub: FakeHub,
    folder: TempDir,
    address: String,
    _serving: JoinSet<()>,
}

impl Trial {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let hub = FakeHub::default();
        let server = Server::builder().add_service(IngestServer::new(hub.clone()));
        let mut serving = JoinSet::new();
        serving.spawn(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.unwrap();
        });
        Self { hub, folder: tempfile::tempdir().unwrap(), address, _serving: serving }
    }

    async fn push(&self, file: &str, flags: &str) -> Exit {
        let path = self.folder.path().join("figures.csv");
        fs::write(&path, file).unwrap();
        let path = path.to_str().unwrap();
        let line = format!(
            "dinh {path} --to {} --token dinh_test --output json --lang en {flags}",
            self.address
        );
        let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
        run(&cli.global, cli.push).await.unwrap()
    }
}

const GOOD: &str = "indicator;unit;period;value\na;273;2023;16\n";
const MIXED: &str =
    "indicator;unit;period;value\na;273;2023;16\n\na;99999;2023;5\na;273;2024;NaN\na;1;2023;\n";

#[tokio::test]
async fn exit_codes_are_the_documented_ones() {
    let trial = Trial::start().await;
    for (file, flags, wanted) in [
        (GOOD, "--feed f", Exit::Ok),
        (GOOD, "--feed f --dry-run", Exit::Ok),
        (MIXED, "--feed f", Exit::RowsRefused),
        (MIXED, "--feed f --dry-run", Exit::RowsRefused),
        (MIXED, "--feed f --dry-run --mode atomic", Exit::NothingLanded),
        (GOOD, "--feed f --dry-run --mode atomic", Exit::Ok),
        ("indicator;unit;period;value\na;99999;2023;16\n", "--feed f", Exit::NothingLanded),
        ("indicator;unit;period;value\na;273;2023;\n", "--feed f", Exit::NothingLanded),
        ("indicator;unit;period\na;273;2023\n", "--feed f", Exit::NothingLanded),
        ("indicator;unit;period;value\na;273;2023;1.015\n", "--feed f", Exit::Usage),
        ("indicator;unit;period;value\na;273;2023;1.015\n", "--feed f --locale vi", Exit::Ok),
        (GOOD, "--feed unknown", Exit::NothingLanded),
        (GOOD, "--feed reused", Exit::Conflict),
        (GOOD, "--feed down", Exit::Unavailable),
    ] {
        assert_eq!(trial.push(file, flags).await, wanted, "{flags} {file}");
    }
    let line = format!(
        "dinh {} --feed f --to {}",
        trial.folder.path().join("figures.csv").display(),
        trial.address
    );
    let cli = Cli::try_parse_from(line.split_whitespace()).unwrap();
    assert_eq!(run(&cli.global, cli.push).await.unwrap(), Exit::Denied);
}

#[tokio::test]
async fn a_busy_hub_is_asked_again_with_the_same_id() {
    let trial = Trial::start().await;
    assert_eq!(trial.push(GOOD, "--feed busy").await, Exit::Ok);
    assert_eq!(trial.hub.calls.load(Ordering::Relaxed), 3);
    assert_eq!(trial.push(GOOD, "--feed busy").await, Exit::Ok);
    let pushed = trial.hub.pushed.lock().unwrap();
    assert!(pushed[0].id.starts_with("sha-"));
    assert_eq!(pushed[0], pushed[1]);
}

#[tokio::test]
async fn refused_rows_come_back_with_their_reasons() {
    let trial = Trial::start().await;
    let rejects = trial.folder.path().join("rejects.csv");
    let flags = format!("--feed f --rejects {}", rejects.display());
    assert_eq!(trial.push(MIXED, &flags).await, Exit::RowsRefused);
    let text = fs::read_to_string(rejects).unwrap();
    assert_eq!(
        text,
        "\u{FEFF}indicator;unit;period;value;rule;message\r\n\
         a;99999;2023;5;unit.unknown;wrong\r\n\
         a;273;2024;NaN;value.not_a_number (number.syntax);`NaN` is not a number: write it as `1015` or `93.86`\r\n"
    );
    // The row that did not read went out as it was written.
    assert_eq!(report(&trial.hub.pushed.lock().unwrap()[0]).rows, 3);
}
