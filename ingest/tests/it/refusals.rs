//! Requests that are refused as a whole, each with a reason and a text in both languages.

use dinh_ingest::Limits;
use dinh_lake::catalogue::Record;
use dinh_lake::grant::Grant;
use dinh_proto::v1 as proto;
use proto::submission::Payload;
use tonic::Code;

use crate::house::{House, TOKEN, row, submission, told, with_token};

async fn refused(house: &House, submission: proto::Submission, token: &str) -> (Code, String) {
    let request = with_token(proto::PushRequest { submission: Some(submission) }, token);
    let status = house.client().await.push(request).await.expect_err("it is refused");
    let (code, reason, details) = told(&status);
    assert!(details.localized_message().is_some_and(|text| text.locale == "vi-VN"), "{status}");
    (code, reason)
}

#[tokio::test]
async fn who_may_not_push_is_told_why() {
    let house = House::open(Limits::default()).await;
    let one = || submission("1", vec![row("273", "129")]);
    let of_feed = |feed: &str| proto::Submission { feed: feed.into(), ..one() };
    let missing = house.client().await.push(proto::PushRequest::default()).await.unwrap_err();
    assert_eq!(told(&missing).1, "TOKEN_MISSING");
    for (submission, token, code, reason) in [
        (one(), "dinh_wrong", Code::Unauthenticated, "TOKEN_INVALID"),
        (of_feed("ha-noi"), TOKEN, Code::PermissionDenied, "FEED_NOT_GRANTED"),
        (of_feed("nobody"), TOKEN, Code::NotFound, "FEED_UNKNOWN"),
    ] {
        assert_eq!(refused(&house, submission, token).await, (code, reason.to_owned()));
    }
}

#[tokio::test]
async fn a_revoked_token_ends_at_once() {
    let house = House::open(Limits::default()).await;
    house.push(submission("1", vec![row("273", "129")])).await.unwrap();
    let grant = house.lake.catalogue().grants["g-test"].clone();
    let revoked = Grant { revoked_at: Some(grant.issued_at), ..grant };
    house.lake.apply(vec![Record::from(&revoked)]).await.unwrap();
    let again = submission("2", vec![row("273", "129")]);
    assert_eq!(refused(&house, again, TOKEN).await.1, "TOKEN_INVALID");
}

#[tokio::test]
async fn what_is_no_submission_is_refused() {
    let house = House::open(Limits { rows_max: 3, ..Limits::default() }).await;
    let broken = proto::Submission {
        payload: Some(Payload::ArrowIpc(b"ARROW1 is a file, not a stream".as_slice().into())),
        ..submission("1", Vec::new())
    };
    for (submission, reason) in [
        (submission("", vec![row("273", "129")]), "SUBMISSION_INVALID"),
        (submission("1", Vec::new()), "SUBMISSION_INVALID"),
        (submission("1", vec![row("273", "129"); 4]), "SUBMISSION_INVALID"),
        (broken, "PAYLOAD_BROKEN"),
    ] {
        let refused = refused(&house, submission, TOKEN).await;
        assert_eq!(refused, (Code::InvalidArgument, reason.to_owned()));
    }
    assert_eq!(house.lake.ledger().last("dan-phuong").await.unwrap(), None);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_and_the_next_one_taken() {
    let house = House::open(Limits { message_bytes_max: 10_000, ..Limits::default() }).await;
    let large = submission("1", vec![row("273", "129"); 1_000]);
    assert_eq!(house.push(large).await.unwrap_err().code(), Code::OutOfRange);
    assert!(house.push(submission("1", vec![row("273", "129")])).await.is_ok());
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_says_when_to_come_again() {
    // Room for one: whoever comes while it is taken is refused.
    let house = House::open(Limits { waiting_bytes_max: 1, ..Limits::default() }).await;
    let pushes = (0..50).map(|n| house.push(submission(&n.to_string(), vec![row("273", "129")])));
    let answers = futures::future::join_all(pushes).await;
    assert!(answers.iter().any(Result::is_ok));
    let status = answers.into_iter().find_map(Result::err).expect("fifty at once do not fit");
    let (code, reason, details) = told(&status);
    assert_eq!((code, reason.as_str()), (Code::ResourceExhausted, "QUEUE_FULL"));
    assert!(details.retry_info().is_some_and(|info| info.retry_delay.is_some()));
}
