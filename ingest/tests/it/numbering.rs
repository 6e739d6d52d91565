//! Producers that number their submissions: what is refused, where they go on, and the order within a stream.

use std::collections::BTreeMap;

use dinh_ingest::Limits;
use dinh_proto::v1 as proto;
use proto::push_stream_response::Outcome;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};

use crate::house::{House, TOKEN, row, submission, told, with_token};

fn numbered(id: &str, producer: &str, epoch: u64, sequence: u64) -> proto::Submission {
    let producer = producer.into();
    proto::Submission { producer, epoch, sequence, ..submission(id, vec![row("273", "129")]) }
}

/// The code, the reason and one value of an error.
fn refused(pushed: Result<proto::Answer, Status>, value: &str) -> (Code, String, String) {
    let (code, reason, details) = told(&pushed.expect_err("it is refused"));
    assert!(details.localized_message().is_some_and(|text| text.locale == "vi-VN"));
    let metadata = details.error_info().map(|info| info.metadata.clone()).unwrap_or_default();
    (code, reason, metadata.get(value).cloned().unwrap_or_default())
}

async fn progress(house: &House, producer: &str) -> Option<(u64, u64)> {
    let cursor = proto::CursorRequest { feed: "dan-phuong".into(), producer: producer.into() };
    let response = house.client().await.cursor(with_token(cursor, TOKEN)).await.unwrap();
    response.into_inner().progress.map(|progress| (progress.epoch, progress.sequence))
}

#[tokio::test]
async fn what_does_not_come_next_is_refused_and_says_what_does() {
    let house = House::open(Limits::default()).await;
    let first = house.push(numbered("1", "", 1, 1)).await.unwrap();
    let gap = refused(house.push(numbered("3", "", 1, 3)).await, "expected");
    assert_eq!(gap, (Code::OutOfRange, "SEQUENCE_GAP".into(), "2".into()));
    let used = refused(house.push(numbered("x", "", 1, 1)).await, "expected");
    assert_eq!(used, (Code::FailedPrecondition, "SEQUENCE_USED".into(), "2".into()));
    assert_eq!(house.push(numbered("1", "", 1, 1)).await.unwrap(), first);
    assert_eq!(progress(&house, "").await, Some((1, 1)));

    house.push(numbered("3", "", 2, 1)).await.unwrap();
    let fenced = refused(house.push(numbered("2", "", 1, 2)).await, "epoch");
    assert_eq!(fenced, (Code::Aborted, "PRODUCER_FENCED".into(), "2".into()));
    house.push(numbered("agent", "agent", 0, 1)).await.unwrap();
    assert_eq!(progress(&house, "").await, Some((2, 1)));
    assert_eq!(progress(&house, "agent").await, Some((0, 1)));
    assert_eq!(progress(&house, "nobody").await, None);
}

#[tokio::test]
async fn a_numbering_that_is_none_is_refused_as_a_whole() {
    let house = House::open(Limits::default()).await;
    for wrong in [
        numbered("1", "a/b", 0, 1),
        numbered("1", &"x".repeat(129), 0, 1),
        numbered("1", "", 1 << 23, 1),
        numbered("1", "", 0, 1 << 40),
        numbered("1", "agent", 0, 0),
        numbered("1", "", 1, 0),
    ] {
        let refused = refused(house.push(wrong.clone()).await, "");
        assert_eq!(refused.1, "SUBMISSION_INVALID", "{wrong:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stream_is_taken_in_the_order_sent_though_it_is_judged_side_by_side() {
    // Whatever is not tiny is judged on one of several threads, so later ones would overtake earlier ones.
    let limits = Limits { inline_rows_max: 1, judged_aside_max: 4, ..Limits::default() };
    assert_eq!(limits.in_flight_per_stream_max, 32);
    let house = House::open(limits).await;
    let rows = |count: u64| (0..count).map(|n| row("273", &n.to_string())).collect();
    let message = |n: u64| {
        // Only the first of equal keys lands; that costs as much time to judge.
        let rows = if n.is_multiple_of(7) { rows(2_000) } else { rows(1 + n % 3) };
        let submission = submission(&n.to_string(), rows);
        let submission = proto::Submission { sequence: n, ..submission };
        proto::PushStreamRequest { correlation: n.to_string(), submission: Some(submission) }
    };
    let messages = tokio_stream::iter((1..=200).map(message).collect::<Vec<_>>());
    let responses = house.client().await.push_stream(with_token(messages, TOKEN)).await.unwrap();
    let mut positions = BTreeMap::new();
    let mut responses = responses.into_inner();
    while let Some(response) = responses.next().await {
        let response = response.unwrap();
        let Some(Outcome::Answer(answer)) = response.outcome else { panic!("{response:?}") };
        let stamp = answer.recorded_at.unwrap();
        let number: u64 = response.correlation.parse().unwrap();
        positions.insert(number, (stamp.seconds, stamp.nanos));
    }
    assert_eq!(positions.len(), 200);
    assert!(positions.values().is_sorted(), "{positions:?}");
    assert_eq!(progress(&house, "").await, Some((0, 200)));
}

#[tokio::test]
async fn a_refused_one_in_a_stream_holds_up_what_follows_it_and_nothing_else() {
    let house = House::open(Limits::default()).await;
    let mut broken = numbered("2", "", 0, 2);
    broken.payload = None;
    let of_other = numbered("other", "agent", 0, 1);
    let submissions = [numbered("1", "", 0, 1), broken, numbered("3", "", 0, 3), of_other];
    let messages = submissions.map(|submission| proto::PushStreamRequest {
        correlation: submission.id.clone(),
        submission: Some(submission),
    });
    let request = with_token(tokio_stream::iter(messages), TOKEN);
    let responses = house.client().await.push_stream(request).await.unwrap().into_inner();
    let responses: Vec<_> = responses.map(Result::unwrap).collect().await;
    let code = |response: &proto::PushStreamResponse| match &response.outcome {
        Some(Outcome::Error(status)) => Code::from(status.code),
        _ => Code::Ok,
    };
    let codes: BTreeMap<_, _> =
        responses.iter().map(|r| (r.correlation.as_str(), code(r))).collect();
    let wanted = [
        ("1", Code::Ok),
        ("2", Code::InvalidArgument),
        ("3", Code::OutOfRange),
        ("other", Code::Ok),
    ];
    assert_eq!(codes, BTreeMap::from(wanted));
}
