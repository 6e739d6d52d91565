//! `PushStream`: several submissions in flight, errors in band, clients that vanish.

use std::collections::BTreeMap;
use std::time::Duration;

use dinh_ingest::Limits;
use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::house::{House, TOKEN, row, submission, told, with_token};

fn message(correlation: &str, submission: proto::Submission) -> proto::PushStreamRequest {
    proto::PushStreamRequest { correlation: correlation.into(), submission: Some(submission) }
}

fn one(id: &str) -> proto::Submission {
    submission(id, vec![row("273", "129")])
}

#[tokio::test]
async fn a_bad_submission_is_answered_in_band_and_the_stream_lives_on() {
    let house = House::open(Limits::default()).await;
    let of_other_feed = proto::Submission { feed: "ha-noi".into(), ..one("3") };
    let messages = vec![
        message("a", one("1")),
        message("b", one("")),
        message("c", of_other_feed),
        message("d", submission("4", vec![row("273", "NaN")])),
        message("e", one("5")),
    ];
    let request = with_token(tokio_stream::iter(messages), TOKEN);
    let responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    let responses: Vec<_> = responses.map(Result::unwrap).collect().await;
    let outcomes: BTreeMap<_, _> =
        responses.into_iter().map(|r| (r.correlation, r.outcome.unwrap())).collect();
    let code = |correlation: &str| match &outcomes[correlation] {
        Outcome::Answer(_) => Code::Ok,
        Outcome::Error(status) => Code::from(status.code),
    };
    let codes = ["a", "b", "c", "d", "e"].map(code);
    assert_eq!(
        codes,
        [Code::Ok, Code::InvalidArgument, Code::PermissionDenied, Code::Ok, Code::Ok]
    );
    let Outcome::Error(status) = &outcomes["b"] else { panic!("{outcomes:?}") };
    assert_eq!(status.details.len(), 3, "reason, Vietnamese text, fields: {status:?}");
}

#[tokio::test]
async fn each_submission_is_answered_without_waiting_for_the_next() {
    let house = House::open(Limits::default()).await;
    let (requests, stream) = mpsc::channel(1);
    let request = with_token(ReceiverStream::new(stream), TOKEN);
    requests.send(message("0", one("0"))).await.unwrap();
    let mut responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    for n in 1..5 {
        let response = responses.next().await.unwrap().unwrap();
        assert_eq!(response.correlation, (n - 1).to_string());
        requests.send(message(&n.to_string(), one(&n.to_string()))).await.unwrap();
    }
}

#[tokio::test]
async fn many_submissions_in_flight_are_all_answered() {
    let house = House::open(Limits {
        in_flight_per_stream_max: 4,
        waiting_bytes_max: 4096,
        ..Limits::default()
    })
    .await;
    let messages: Vec<_> = (0..300).map(|n| message(&n.to_string(), one(&n.to_string()))).collect();
    let request = with_token(tokio_stream::iter(messages), TOKEN);
    let responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    let answered =
        responses.filter(|r| matches!(r.as_ref().unwrap().outcome, Some(Outcome::Answer(_))));
    assert_eq!(answered.collect::<Vec<_>>().await.len(), 300);
}

#[tokio::test]
async fn a_message_over_the_limit_ends_the_stream_after_the_answers_before_it() {
    let house = House::open(Limits { message_bytes_max: 10_000, ..Limits::default() }).await;
    let large = submission("2", vec![row("273", "129"); 1_000]);
    let request =
        with_token(tokio_stream::iter(vec![message("a", one("1")), message("b", large)]), TOKEN);
    let mut responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    assert_eq!(responses.next().await.unwrap().unwrap().correlation, "a");
    assert_eq!(responses.next().await.unwrap().unwrap_err().code(), Code::OutOfRange);
}

#[tokio::test]
async fn a_client_that_vanishes_keeps_what_was_answered_and_harms_nobody() {
    let house = House::open(Limits::default()).await;
    let (requests, stream) = mpsc::channel(64);
    let request = with_token(ReceiverStream::new(stream), TOKEN);
    requests.send(message("0", one("0"))).await.unwrap();
    let mut responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    let first = responses.next().await.unwrap().unwrap();
    for n in 1..50 {
        requests.send(message("", one(&n.to_string()))).await.unwrap();
    }
    drop((responses, requests));

    // Whoever sends all of it again gets one answer each, and the first one is the one that was given.
    for n in 0..50 {
        let answer = tokio::time::timeout(Duration::from_secs(10), house.push(one(&n.to_string())));
        let answer = answer.await.expect("the hub lives").unwrap();
        if n == 0 {
            assert_eq!(first.outcome, Some(Outcome::Answer(answer)));
        }
    }
}

#[tokio::test]
async fn a_stream_without_a_token_does_not_begin() {
    let house = House::open(Limits::default()).await;
    let request = with_token(tokio_stream::iter(vec![message("a", one("1"))]), "dinh_wrong");
    let status = house.client().await.push_stream(request).await.unwrap_err();
    assert_eq!(told(&status).1, "TOKEN_INVALID");
}
