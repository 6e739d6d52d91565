//! A hub of nothing but the way in, on a socket of its own and a lake in a folder that goes away.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use dinh_ingest::{Committer, IngestMetrics, IngestService, Limits, server};
use dinh_lake::catalogue::Record;
use dinh_lake::catalogue::files::{SourceFile, read};
use dinh_lake::grant::{Action, Credential, Grant, token_sha256};
use dinh_lake::unit::UnitId;
use dinh_lake::{Clock, Lake, LakeOptions, LakeUrl};
use dinh_proto::v1 as proto;
use proto::ingest_client::IngestClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The token of the grant for feed `dan-phuong` within Huyện Đan Phượng.
pub(crate) const TOKEN: &str = "dinh_test";
/// The token of another principal for the same.
pub(crate) const OTHER_TOKEN: &str = "dinh_other";

pub(crate) struct House {
    pub(crate) lake: Arc<Lake>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
    _folder: TempDir,
}

impl House {
    pub(crate) async fn open(limits: Limits) -> Self {
        Self::with_service(limits).await.0
    }

    /// A hub and its service itself, for calls that need no socket.
    pub(crate) async fn with_service(limits: Limits) -> (Self, IngestService) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let lake = Lake::open(&LakeUrl::from(folder.path()), LakeOptions::default()).await;
        let lake = lake.expect("the lake opens");
        lake.apply(catalogue()).await.expect("the catalogue can be applied");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let metrics = IngestMetrics::default();
        let (committer, run) = Committer::start(Arc::clone(&lake), &limits, metrics.clone());
        let service =
            IngestService::new(Arc::clone(&lake), committer, limits, Clock::system(), metrics);
        let mut tasks = JoinSet::new();
        tasks.spawn(run);
        let served = service.clone();
        let kept = Arc::clone(&lake);
        tasks.spawn(async move { kept.keep_present().await.expect("the files can be read") });
        lake.present().reached(lake.ledger().snapshot().position).await;
        tasks.spawn(async move {
            let served = Server::builder().add_service(server(served));
            served.serve_with_incoming(TcpListenerStream::new(listener)).await.expect("it serves");
        });
        (Self { lake, address, _tasks: tasks, _folder: folder }, service)
    }

    pub(crate) async fn client(&self) -> IngestClient<Channel> {
        IngestClient::new(self.channel().await)
    }

    /// A connection of its own.
    pub(crate) async fn channel(&self) -> Channel {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address));
        endpoint.expect("it is a URL").connect().await.expect("the hub is there")
    }

    /// Pushes a submission with the right token.
    pub(crate) async fn push(
        &self,
        submission: proto::Submission,
    ) -> Result<proto::Answer, Status> {
        self.push_as(TOKEN, submission).await
    }

    pub(crate) async fn push_as(
        &self,
        token: &str,
        submission: proto::Submission,
    ) -> Result<proto::Answer, Status> {
        let request = with_token(proto::PushRequest { submission: Some(submission) }, token);
        let response = self.client().await.push(request).await?;
        Ok(response.into_inner().answer.expect("a response has an answer"))
    }

    /// The newest entry of the ledger.
    pub(crate) fn position(&self) -> u64 {
        self.lake.ledger().snapshot().position
    }
}

pub(crate) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    let header = format!("Bearer {token}").parse().expect("a token is plain text");
    request.metadata_mut().insert("authorization", header);
    request
}

pub(crate) fn row(unit: &str, value: &str) -> proto::Row {
    proto::Row {
        indicator: "community_digital_teams".into(),
        unit: unit.into(),
        period: "2023".into(),
        value: value.into(),
        ..proto::Row::default()
    }
}

pub(crate) fn submission(id: &str, rows: Vec<proto::Row>) -> proto::Submission {
    proto::Submission {
        feed: "dan-phuong".into(),
        id: id.into(),
        payload: Some(proto::submission::Payload::Rows(proto::Rows { rows })),
        ..proto::Submission::default()
    }
}

/// The code, the reason and the details of an error.
pub(crate) fn told(status: &Status) -> (Code, String, ErrorDetails) {
    let details = status.get_error_details();
    let reason = details.error_info().map(|info| info.reason.clone()).unwrap_or_default();
    (status.code(), reason, details)
}

fn catalogue() -> Vec<Record> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/catalogue");
    let file = |name: &str| SourceFile {
        name: name.into(),
        text: std::fs::read_to_string(folder.join(name)).expect("the file is there"),
    };
    let files = ["units.csv", "succession.csv", "indicators.csv", "feeds.csv"].map(file);
    let mut records = read(&files).unwrap_or_else(|faults| panic!("{faults:?}"));
    let tokens = [("g-test", "dan-phuong-office", TOKEN), ("g-other", "other-office", OTHER_TOKEN)];
    records.extend(tokens.map(|(grant, principal, token)| {
        Record::from(&Grant {
            grant: grant.into(),
            principal: principal.into(),
            credential: Credential::Token(token_sha256(token)),
            actions: BTreeSet::from([Action::Push]),
            feeds: BTreeSet::from(["dan-phuong".into()]),
            within: Some(UnitId("273.1".into())),
            issued_at: Clock::system().now(),
            expires_at: None,
            revoked_at: None,
        })
    }));
    records
}
