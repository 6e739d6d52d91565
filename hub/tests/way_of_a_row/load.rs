//! A load from all sides, each answer booked: small pushes one by one, streams with several in flight, typed rows and
//! Arrow, ids that two connections race for, a producer that numbers what it sends, and every now and then an id that was answered long ago.

use std::sync::Arc;

use dinh_proto::v1 as proto;
use prost::Message as _;
use proto::push_stream_response::Outcome;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::book::Book;
use crate::content::{Form, made_up, number_of, numbered, numbering};
use crate::house::{Hub, PATIENCE, Publisher};

/// Submissions of a stream that wait for their answers.
const IN_FLIGHT: usize = 6;
/// One in so many is an earlier one again.
const AGAIN: u64 = 9;

#[derive(Clone, Copy)]
enum Way {
    OneByOne,
    Stream,
    /// A stream whose submissions have numbers.
    Numbered,
}

/// Who pushes: a name that begins its ids, a way and a form. The two of a name race for the same ids.
const SENDERS: [(&str, Way, Form); 7] = [
    ("one", Way::OneByOne, Form::Typed),
    ("bulk", Way::OneByOne, Form::Arrow),
    ("flow", Way::Stream, Form::Typed),
    ("pour", Way::Stream, Form::Arrow),
    ("race", Way::OneByOne, Form::Typed),
    ("race", Way::Stream, Form::Arrow),
    ("", Way::Numbered, Form::Typed),
];

/// Senders that push over connections of their own until something is in their way, and then say what it was. What is
/// given is pushed first, then ids that begin with `name`.
pub(crate) async fn push_from_all_sides(
    hub: &Hub,
    token: &str,
    book: &Arc<Book>,
    name: &str,
    mut first: Vec<String>,
) -> JoinSet<Status> {
    let mut senders = JoinSet::new();
    // Its producer sends what has a number itself.
    first.retain(|id| numbering(id).is_none());
    for (index, (sender, way, form)) in SENDERS.into_iter().enumerate() {
        let publisher = hub.publisher(token).await;
        let share = first.split_off(first.len() - first.len() / (SENDERS.len() - index));
        let name = format!("{name}-{sender}");
        let new: Box<dyn Iterator<Item = String> + Send> = match way {
            Way::Numbered => {
                let (epoch, next) = book.next_number();
                Box::new((next..).map(move |sequence| numbered(epoch, sequence)))
            }
            Way::OneByOne | Way::Stream => Box::new((0..).map(move |n| format!("{name}-{n}"))),
        };
        let (book, ids) = (Arc::clone(book), share.into_iter().chain(new));
        senders.spawn(async move {
            let pushed = match way {
                Way::OneByOne => push_one_by_one(&publisher, &book, form, ids).await,
                Way::Stream | Way::Numbered => push_a_stream(&publisher, &book, form, ids).await,
            };
            pushed.expect_err("there is always another one to push")
        });
    }
    senders
}

/// Waits until so many answers are booked, as they must be while nothing is in the senders' way.
pub(crate) async fn until_acked(book: &Book, enough: usize, senders: &mut JoinSet<Status>) {
    while book.count() < enough {
        let before = book.count();
        tokio::select! {
            more = tokio::time::timeout(PATIENCE, book.counts_to(before + 1)) => more.expect("the hub answers"),
            ended = senders.join_next() => panic!("a sender ended before its hub: {ended:?}"),
        }
    }
}

async fn push_one_by_one(
    publisher: &Publisher,
    book: &Book,
    form: Form,
    ids: impl Iterator<Item = String>,
) -> Result<(), Status> {
    for id in with_earlier_ones(book, ids) {
        book.sent(&id);
        book.answered(&id, publisher.push(made_up(&id, form)).await?);
    }
    Ok(())
}

async fn push_a_stream(
    publisher: &Publisher,
    book: &Book,
    form: Form,
    ids: impl Iterator<Item = String>,
) -> Result<(), Status> {
    let (requests, stream) = mpsc::channel(IN_FLIGHT);
    let mut ids = with_earlier_ones(book, ids);
    let mut message = || {
        let id = ids.next().expect("there is always another one");
        book.sent(&id);
        proto::PushStreamRequest { submission: Some(made_up(&id, form)), correlation: id }
    };
    for _ in 0..IN_FLIGHT {
        requests.try_send(message()).expect("there is room");
    }
    let mut answers = publisher.push_stream(ReceiverStream::new(stream)).await?;
    while let Some(response) = answers.message().await? {
        match response.outcome {
            Some(Outcome::Answer(answer)) => book.answered(&response.correlation, answer),
            // It was sent behind a number that is refused, which is told too.
            Some(Outcome::Error(error)) if error.code == Code::OutOfRange as i32 => {}
            Some(Outcome::Error(error)) => {
                let details = error.encode_to_vec();
                return Err(Status::with_details(error.code.into(), error.message, details.into()));
            }
            None => panic!("no outcome of {}", response.correlation),
        }
        if requests.send(message()).await.is_err() {
            break;
        }
    }
    Err(Status::unavailable("the stream has ended"))
}

fn with_earlier_ones<'a>(
    book: &'a Book,
    ids: impl Iterator<Item = String> + 'a,
) -> impl Iterator<Item = String> + 'a {
    ids.flat_map(|id| {
        let number = number_of(&id);
        let again = number.is_multiple_of(AGAIN).then(|| book.earlier(number)).flatten();
        again.into_iter().chain([id])
    })
}
