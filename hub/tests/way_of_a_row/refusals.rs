//! What is refused as a whole, each with a clear error: nothing is lost by it, and the hub lives on.

use std::path::Path;

use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use proto::submission::Payload;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::bad_input::{good, office};
use crate::bulk::{floats, two_rows};
use crate::house::{HANOI, Hub, PATIENCE, run, submission};

fn one(id: &str) -> proto::Submission {
    submission("dan-phuong", id, vec![good("09829")])
}

#[tokio::test]
async fn a_request_that_is_no_submission_is_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, publisher) = office(folder.path()).await;
    publisher.push(one("1")).await.unwrap();
    let other_content = submission("dan-phuong", "1", vec![good("09784")]);
    let of_feed = |feed: &str| submission(feed, "2", vec![good("09829")]);
    let arrow = |bytes: Vec<u8>| proto::Submission {
        payload: Some(Payload::ArrowIpc(bytes.into())),
        ..one("2")
    };
    let whole = two_rows();
    let tampered = proto::Submission { sha256: vec![7; 32].into(), ..arrow(whole.clone()) };
    let invalid = (Code::InvalidArgument, "SUBMISSION_INVALID");
    let broken = (Code::InvalidArgument, "PAYLOAD_BROKEN");
    for (what, submission, told) in [
        ("0 rows", submission("dan-phuong", "2", Vec::new()), invalid),
        ("no payload", proto::Submission { payload: None, ..one("2") }, invalid),
        ("no id", one(""), invalid),
        ("an unknown mode", proto::Submission { mode: 9, ..one("2") }, invalid),
        ("another digest", tampered, invalid),
        ("no stream", arrow(b"ARROW1 is a file".to_vec()), broken),
        ("an empty stream", arrow(Vec::new()), broken),
        ("half a stream", arrow(whole[..whole.len() / 2].to_vec()), broken),
        ("no end mark", arrow(whole[..whole.len() - 8].to_vec()), broken),
        ("floats", arrow(floats()), broken),
        ("an id for other content", other_content, (Code::AlreadyExists, "SUBMISSION_ID_REUSED")),
        ("a feed of others", of_feed("ha-noi"), (Code::PermissionDenied, "FEED_NOT_GRANTED")),
        ("no such feed", of_feed("dan-phuongg"), (Code::NotFound, "FEED_UNKNOWN")),
    ] {
        let status = publisher.push(submission).await.expect_err(what);
        assert_eq!((status.code(), reason_of(&status).as_str()), told, "{what}: {status:?}");
    }
    for (token, reason) in [("", "TOKEN_MISSING"), ("dinh_wrong", "TOKEN_INVALID")] {
        let status = hub.publisher(token).await.push(one("2")).await.unwrap_err();
        assert_eq!((status.code(), reason_of(&status).as_str()), (Code::Unauthenticated, reason));
    }
    let sound =
        proto::Submission { sha256: Sha256::digest(&whole).to_vec().into(), ..arrow(whole) };
    assert_eq!(
        publisher.push(sound).await.unwrap().report.unwrap().accepted,
        2,
        "the hub lives on"
    );
    assert_eq!(hub.sql("SELECT submission FROM submissions ORDER BY 1").await, ["1", "2"]);
}

/// The reason of an error, which comes with a text in Vietnamese too.
fn reason_of(status: &Status) -> String {
    let details = status.get_error_details();
    assert!(details.localized_message().is_some_and(|text| text.locale == "vi-VN"), "{status:?}");
    details.error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_next_one_taken() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start_with(folder.path(), &["--message-bytes-max", "10000"]).await;
    hub.dinh(&["catalog", "apply", HANOI]).await.well();
    let token = hub.token("dan-phuong", Some("273")).await;
    let publisher = hub.publisher(&token).await;
    let large = submission("dan-phuong", "1", vec![good("09829"); 1_000]);
    let status = publisher.push(large).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    assert!(publisher.push(one("1")).await.is_ok());
}

#[tokio::test]
async fn a_client_that_vanishes_keeps_what_was_acked_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (hub, publisher) = office(folder.path()).await;
    let message = |n: usize| proto::PushStreamRequest {
        correlation: n.to_string(),
        submission: Some(one(&n.to_string())),
    };
    let token = hub.token("dan-phuong", Some("273")).await;
    let (requests, stream) = mpsc::channel(64);
    requests.send(message(0)).await.unwrap();
    let mut answers = publisher.push_stream(ReceiverStream::new(stream)).await.unwrap();
    let first = answers.message().await.unwrap().unwrap();
    for n in 1..40 {
        requests.send(message(n)).await.unwrap();
    }
    drop((answers, requests, publisher));

    // It comes back, not knowing what became of the rest, and sends all of it again.
    let publisher = hub.publisher(&token).await;
    for n in 0..40 {
        let again = publisher.push(one(&n.to_string()));
        let answer = tokio::time::timeout(PATIENCE, again).await.expect("the hub lives").unwrap();
        if n == 0 {
            assert_eq!(first.outcome, Some(Outcome::Answer(answer)));
        }
    }
    let rows = "SELECT count(*), count(DISTINCT submission) FROM observations";
    assert_eq!(hub.sql(rows).await, ["40,40"]);
    assert_eq!(hub.sql("SELECT count(*) FROM submissions").await, ["40"]);
    hub.dinh(&["check"]).await.well();
}

#[tokio::test]
async fn a_door_on_a_public_address_without_tls_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let lake = lake.to_str().unwrap();
    for (grpc, http) in
        [("0.0.0.0:0", "127.0.0.1:0"), ("127.0.0.1:0", "0.0.0.0:0"), ("[::]:0", "127.0.0.1:0")]
    {
        let said = run(&["serve", "--lake", lake, "--grpc", grpc, "--http", http]).await;
        assert_ne!(said.code, 0, "{said:?}");
        assert!(said.stderr.contains("TLS") && said.stderr.contains("loopback"), "{said:?}");
    }
    assert!(!Path::new(lake).exists(), "the lake is not touched");
}

#[tokio::test]
async fn a_second_process_is_told_who_holds_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::start(folder.path()).await;
    let second = hub.dinh(&["serve", "--grpc", "127.0.0.1:0", "--http", "127.0.0.1:0"]).await;
    assert_ne!(second.code, 0);
    for part in [format!("process {}", hub.process()), hub.grpc.to_string()] {
        assert!(second.stderr.contains(&part), "`{part}` is not in {second:?}");
    }
    hub.dinh(&["check"]).await.well();
}
