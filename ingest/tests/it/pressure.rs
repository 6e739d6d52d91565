//! Clients that are slow, silent or many, and an honest one beside them whose pushes all succeed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use dinh_ingest::Limits;
use dinh_proto::v1 as proto;
use http_body::Frame;
use tokio::task::JoinSet;
use tokio_stream::StreamExt as _;
use tonic::body::Body;
use tonic::codegen::{Service as _, http};
use tonic::{Code, Status};

use crate::house::{House, OTHER_TOKEN, TOKEN, row, submission, told, with_token};

const KIB: usize = 1024;
/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes, then silence.
struct Silent(Option<Bytes>);

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// A call that sends some bytes and nothing more, to its answer.
async fn silent_call(house: &House, method: &str, bytes: &[u8]) -> http::Response<Body> {
    let request = http::Request::post(format!("http://hub/dinh.v1.Ingest/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {OTHER_TOKEN}"))
        .body(Body::new(Silent(Some(Bytes::copy_from_slice(bytes)))))
        .unwrap();
    let mut channel = house.channel().await;
    std::future::poll_fn(|context| channel.poll_ready(context)).await.unwrap();
    channel.call(request).await.unwrap()
}

/// The beginning of a message of some length.
fn beginning(length: usize) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
    bytes.push(10);
    bytes
}

fn small(id: &str) -> proto::Submission {
    submission(id, vec![row("273", "129")])
}

/// About as many KiB as there are rows, all of them refused.
fn refused(id: &str, rows: usize) -> proto::Submission {
    let row = proto::Row { note: "x".repeat(KIB), ..row("99999", "1") };
    submission(id, vec![row; rows])
}

async fn honest_pushes_succeed(house: &House) {
    for n in 0..20 {
        let pushed = tokio::time::timeout(PATIENCE, house.push(small(&format!("honest {n}"))));
        pushed.await.expect("it is not held up").expect("it is taken");
    }
}

#[tokio::test]
async fn a_client_that_sends_one_byte_and_nothing_more_is_sent_away() {
    let stalled_max = Duration::from_millis(50);
    let house = House::open(Limits { stalled_max, ..Limits::default() }).await;
    for (method, bytes) in [("Push", &[0][..]), ("Push", &[]), ("PushStream", &[0])] {
        let answer = tokio::time::timeout(PATIENCE, silent_call(&house, method, bytes));
        let answer = answer.await.expect("it is sent away");
        let status = match Status::from_header_map(answer.headers()) {
            Some(status) => status,
            None => trailers(answer.into_body()).await,
        };
        assert_eq!(
            (told(&status).0, told(&status).1.as_str()),
            (Code::DeadlineExceeded, "CALL_IDLE"),
            "{method} {bytes:?}"
        );
    }
}

/// The status that an answer ends with.
async fn trailers(mut body: Body) -> Status {
    loop {
        let frame = std::future::poll_fn(|context| {
            http_body::Body::poll_frame(Pin::new(&mut body), context)
        });
        let frame = frame.await.expect("an answer has trailers").unwrap();
        if let Ok(trailers) = frame.into_trailers() {
            return Status::from_header_map(&trailers).expect("they say how it ended");
        }
    }
}

#[tokio::test]
async fn a_stream_that_rests_between_messages_is_not_sent_away() {
    let stalled_max = Duration::from_millis(50);
    let house = House::open(Limits { stalled_max, ..Limits::default() }).await;
    // The second message comes after several times what a message may stall.
    let message = |id: &str| proto::PushStreamRequest {
        submission: Some(small(id)),
        ..proto::PushStreamRequest::default()
    };
    let second = message("2");
    let rest = async move {
        tokio::time::sleep(4 * stalled_max).await;
        second
    };
    let messages = tokio_stream::once(message("1")).chain(futures::stream::once(rest));
    let answers = house.client().await.push_stream(with_token(messages, TOKEN)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().collect().await;
    assert_eq!(answers.into_iter().filter(Result::is_ok).count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_read_its_answers_is_given_up_and_holds_nobody_up() {
    let limits = Limits {
        waiting_bytes_max: 8192 * KIB,
        principal_bytes_max: 4096 * KIB,
        unread_max: Duration::from_millis(200),
        ..Limits::default()
    };
    let house = House::open(limits).await;
    let messages = (0..40).map(|n| proto::PushStreamRequest {
        submission: Some(refused(&n.to_string(), 200)),
        ..proto::PushStreamRequest::default()
    });
    let request = with_token(tokio_stream::iter(messages.collect::<Vec<_>>()), OTHER_TOKEN);
    let unread = house.client().await.push_stream(request).await.unwrap();
    honest_pushes_succeed(&house).await;

    // When the stream is given up its principal's share is free again, for a message that takes all of it.
    let whole = async {
        while house.push_as(OTHER_TOKEN, refused("whole", 3900)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, whole).await.expect("the share is free again");
    let answers: Vec<_> = unread.into_inner().collect().await;
    let (code, reason, _) = told(answers.last().unwrap().as_ref().unwrap_err());
    assert_eq!((code, reason.as_str()), (Code::Aborted, "ANSWERS_UNREAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_floods_fills_its_own_share_only() {
    let limits = Limits {
        waiting_bytes_max: 1024 * KIB,
        principal_bytes_max: 512 * KIB,
        calls_per_principal_max: 2,
        ..Limits::default()
    };
    let house = std::sync::Arc::new(House::open(limits).await);
    let mut flood = JoinSet::new();
    for client in 0..40 {
        let house = std::sync::Arc::clone(&house);
        flood.spawn(async move {
            let mut refusals = Vec::new();
            for n in 0..5 {
                let id = format!("{client} {n}");
                refusals.extend(house.push_as(OTHER_TOKEN, refused(&id, 100)).await.err());
            }
            refusals
        });
    }
    honest_pushes_succeed(&house).await;
    let refusals: Vec<Status> = flood.join_all().await.into_iter().flatten().collect();
    assert!(!refusals.is_empty());
    for refusal in refusals {
        let (code, reason, details) = told(&refusal);
        assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "PRINCIPAL_LIMIT"));
        assert!(details.retry_info().is_some_and(|info| info.retry_delay.is_some()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn large_messages_that_never_come_whole_take_their_own_room_only() {
    let limits = Limits {
        arriving_bytes_max: 4096 * KIB,
        principal_bytes_max: 2048 * KIB,
        ..Limits::default()
    };
    let house = std::sync::Arc::new(House::open(limits).await);
    let mut stalled = JoinSet::new();
    for _ in 0..8 {
        let house = std::sync::Arc::clone(&house);
        stalled.spawn(async move {
            silent_call(&house, "Push", &beginning(1536 * KIB)).await;
        });
    }
    honest_pushes_succeed(&house).await;
    let large = house.push(refused("large", 1500));
    tokio::time::timeout(PATIENCE, large).await.expect("it is not held up").unwrap();
    stalled.shutdown().await;
}

#[tokio::test]
async fn streams_of_one_principal_are_counted() {
    let house = House::open(Limits { streams_per_principal_max: 2, ..Limits::default() }).await;
    let open = async |token| {
        let never = futures::stream::pending::<proto::PushStreamRequest>();
        house.client().await.push_stream(with_token(never, token)).await
    };
    let first = [open(OTHER_TOKEN).await, open(OTHER_TOKEN).await];
    assert!(first.iter().all(Result::is_ok));
    let status = open(OTHER_TOKEN).await.unwrap_err();
    assert_eq!(told(&status).1, "PRINCIPAL_LIMIT");
    assert!(open(TOKEN).await.is_ok());
    assert!(house.push_as(OTHER_TOKEN, small("1")).await.is_ok());
}
