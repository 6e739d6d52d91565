//! One submission to the hub and its answer back, tried again where that helps.
//!
//! A retry is safe because the submission's id stays the same: whatever became of the first try, it is counted once and
//! every try gets the first answer.
//!
//! Limits: [`TRIES_MAX`] tries; each waits at most [`CALL_TIMEOUT`], for a hub that accepts a million rows takes its time;
//! between tries as long as the hub asks for, twice as long each time, at most [`DELAY_MAX`], and in all at most
//! [`WAITING_MAX`]. Dropping the call gives it up at any point.

use std::collections::BTreeMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::Duration;

use dinh_proto::v1;
use dinh_proto::v1::admin_client::AdminClient;
use dinh_proto::v1::ingest_client::IngestClient;
use tonic::metadata::Ascii;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use crate::config::Lang;
use crate::dial::Dial;
use crate::exit::Exit;
use crate::wording::Wording;

/// Where a hub listens that was told nothing else.
const ADDRESS: &str = "127.0.0.1:7051";
const TRIES_MAX: u32 = 8;
const CALL_TIMEOUT: Duration = Duration::from_secs(600);
const DELAY_FIRST: Duration = Duration::from_millis(250);
const DELAY_MAX: Duration = Duration::from_secs(30);
/// A hub that sends everybody away for longer is better asked again by whoever looks after it.
const WAITING_MAX: Duration = Duration::from_secs(120);
/// An answer carries up to 64 MiB of verdicts.
const ANSWER_BYTES_MAX: usize = 72 << 20;

/// A hub at the other end of a channel, and who is calling.
#[derive(Clone)]
pub(crate) struct Hub {
    channel: Channel,
    address: String,
    authorization: Option<MetadataValue<Ascii>>,
}

/// A call that failed for good.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) wording: Wording,
}

impl Hub {
    /// The hub at an address such as `127.0.0.1:7051`; no connection is made yet.
    pub(crate) fn at(
        dial: &Dial,
        address: Option<&str>,
        token: Option<&str>,
    ) -> Result<Self, Failure> {
        let address = address.unwrap_or(ADDRESS);
        let usage =
            |vi: String, en: String| Failure { exit: Exit::Usage, wording: Wording::new(vi, en) };
        let endpoint = dial.endpoint(address).map_err(|error| {
            usage(
                format!("không dùng được địa chỉ `{address}`: {error:#}"),
                format!("the address `{address}` cannot be used: {error:#}"),
            )
        })?;
        let authorization = token
            .map(|token| MetadataValue::try_from(format!("Bearer {}", token.trim())))
            .transpose()
            .map_err(|_| {
                usage(
                    "mã truy cập có ký tự không hợp lệ: hãy sao chép lại".to_owned(),
                    "the token has characters that no token has: copy it again".to_owned(),
                )
            })?;
        let authorization = authorization.map(|mut value: MetadataValue<Ascii>| {
            value.set_sensitive(true);
            value
        });
        let channel = dial.lazy(&endpoint.timeout(CALL_TIMEOUT));
        Ok(Self { channel, address: address.to_owned(), authorization })
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }

    fn ingest(&self) -> IngestClient<Channel> {
        IngestClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX)
    }

    /// Sends a submission, in whatever mode.
    pub(crate) async fn push(&self, submission: v1::Submission) -> Result<v1::Answer, Failure> {
        let message = v1::PushRequest { submission: Some(submission) };
        let answer = self
            .with_retries(|| {
                let (mut client, request) = (self.ingest(), self.request(message.clone()));
                async move { client.push(request).await }
            })
            .await?;
        answer.into_inner().answer.ok_or_else(empty_answer)
    }

    /// The position of a feed's last submission, if it has one and the hub would say.
    pub(crate) async fn position(&self, feed: &str) -> Option<u64> {
        let cursor = v1::CursorRequest { feed: feed.to_owned(), ..v1::CursorRequest::default() };
        let request = self.request(cursor);
        let answer = self.ingest().cursor(request).await.ok()?;
        answer.into_inner().last.map(|last| last.position)
    }

    /// The JSON answer to a question of the HTTP interface.
    pub(crate) async fn ask(
        &self,
        question: String,
        parameters: BTreeMap<String, String>,
    ) -> Result<String, Failure> {
        let message = v1::AskRequest { question, parameters };
        let answer = self
            .with_retries(|| {
                let client = AdminClient::new(self.channel.clone());
                let mut client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
                let request = self.request(message.clone());
                async move { client.ask(request).await }
            })
            .await?;
        Ok(answer.into_inner().json)
    }

    async fn with_retries<T, C>(&self, call: impl Fn() -> C) -> Result<T, Failure>
    where
        C: Future<Output = Result<T, Status>>,
    {
        let (mut tries, mut waited) = (1, Duration::ZERO);
        loop {
            let status = match call().await {
                Ok(answer) => return Ok(answer),
                Err(status) => status,
            };
            match delay(&status, tries) {
                Some(delay) if tries < TRIES_MAX && waited + delay <= WAITING_MAX => {
                    waited += delay;
                    tokio::time::sleep(delay).await;
                }
                _ => return Err(self.failure(&status)),
            }
            tries += 1;
        }
    }

    fn failure(&self, status: &Status) -> Failure {
        let mut wording = Wording::new(text(status, Lang::Vi), text(status, Lang::En));
        if is_transport(status) {
            let cause = root_cause(status);
            wording = Wording::new(
                format!(
                    "không kết nối được tới `{}` ({cause}): hãy kiểm tra địa chỉ rồi đẩy lại, sẽ không bị tính hai lần",
                    self.address
                ),
                format!(
                    "cannot reach `{}` ({cause}): check the address and push again, nothing is counted twice",
                    self.address
                ),
            );
        }
        Failure { exit: exit(status), wording }
    }
}

fn empty_answer() -> Failure {
    let wording = Wording::new("hub trả lời trống", "the hub's answer is empty");
    Failure { exit: Exit::Other, wording }
}

/// How long to wait before the next try; none where it would not help.
fn delay(status: &Status, tries: u32) -> Option<Duration> {
    let asked = status.get_details_retry_info().and_then(|info| info.retry_delay);
    let first = match (status.code(), asked) {
        (_, Some(asked)) => asked,
        (Code::Unavailable, None) => DELAY_FIRST,
        _ if is_transport(status) => DELAY_FIRST,
        _ => return None,
    };
    let base = first.saturating_mul(2_u32.saturating_pow(tries - 1)).min(DELAY_MAX);
    // Everybody who was sent away at once must not come back at once: up to half as long again.
    // The standard hasher's keys are the one source of randomness that needs no crate.
    let random = RandomState::new().build_hasher().finish() % 512;
    let jitter = base.mul_f64(f64::from(u16::try_from(random).unwrap_or_default()) / 1024.0);
    Some((base + jitter).min(DELAY_MAX))
}

/// Whether the call broke below gRPC: no hub said this.
fn is_transport(status: &Status) -> bool {
    std::error::Error::source(status).is_some_and(|source| source.is::<tonic::transport::Error>())
}

fn root_cause(status: &Status) -> String {
    let mut cause: &dyn std::error::Error = status;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// How a command ends on a status.
pub(crate) fn exit(status: &Status) -> Exit {
    match status.code() {
        Code::Unauthenticated | Code::PermissionDenied => Exit::Denied,
        Code::AlreadyExists => Exit::Conflict,
        Code::InvalidArgument | Code::OutOfRange | Code::NotFound | Code::FailedPrecondition => {
            Exit::NothingLanded
        }
        Code::Unavailable | Code::Aborted | Code::DeadlineExceeded | Code::Cancelled => {
            Exit::Unavailable
        }
        Code::ResourceExhausted if status.get_details_retry_info().is_some() => Exit::Unavailable,
        Code::ResourceExhausted => Exit::NothingLanded,
        _ if is_transport(status) => Exit::Unavailable,
        Code::Ok | Code::Unknown | Code::Internal | Code::Unimplemented | Code::DataLoss => {
            Exit::Other
        }
    }
}

/// What a status says in one language, with its field violations.
pub(crate) fn text(status: &Status, lang: Lang) -> String {
    let localized = status
        .get_details_localized_message()
        .filter(|message| (lang == Lang::Vi) == message.locale.starts_with("vi"));
    let mut text = localized.map_or_else(|| status.message().to_owned(), |message| message.message);
    let violations = status.get_details_bad_request().map(|bad| bad.field_violations);
    for violation in violations.unwrap_or_default() {
        // A message of one violation repeats it word for word.
        if !text.contains(&violation.description) && lang == Lang::En {
            text = format!("{text}; `{}`: {}", violation.field, violation.description);
        }
    }
    if text.is_empty() { format!("{:?}", status.code()) } else { text }
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    #[test]
    fn a_status_is_told_in_the_language_of_the_reader() {
        let mut details = ErrorDetails::new();
        details.set_localized_message("vi-VN", "mã đã dùng cho nội dung khác");
        let status = Status::with_error_details(Code::AlreadyExists, "the id was used", details);
        assert_eq!(text(&status, Lang::Vi), "mã đã dùng cho nội dung khác");
        assert_eq!(text(&status, Lang::En), "the id was used");
        assert_eq!(exit(&status), Exit::Conflict);
        assert_eq!(delay(&status, 1), None);
    }

    #[test]
    fn a_retry_waits_as_long_as_the_hub_asks_within_bounds() {
        let asked = |seconds| {
            let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(seconds)));
            Status::with_error_details(Code::ResourceExhausted, "queue full", details)
        };
        let waited = delay(&asked(2), 1).unwrap();
        assert!((2.0..=3.0).contains(&waited.as_secs_f64()), "{waited:?}");
        let longer = delay(&asked(2), 3).unwrap();
        assert!((8.0..=12.0).contains(&longer.as_secs_f64()), "{longer:?}");
        assert_eq!(delay(&asked(3600), 1), Some(DELAY_MAX));
        assert_eq!(delay(&asked(2), u32::MAX), Some(DELAY_MAX));
        assert_eq!(exit(&asked(2)), Exit::Unavailable);

        let too_large = Status::resource_exhausted("message too large");
        assert_eq!(delay(&too_large, 1), None);
        assert_eq!(exit(&too_large), Exit::NothingLanded);
        let gone = Status::unavailable("");
        assert!(delay(&gone, 1).unwrap() < delay(&gone, 4).unwrap());
    }

    #[test]
    fn codes_end_as_documented() {
        for (code, wanted) in [
            (Code::Unauthenticated, Exit::Denied),
            (Code::PermissionDenied, Exit::Denied),
            (Code::InvalidArgument, Exit::NothingLanded),
            (Code::OutOfRange, Exit::NothingLanded),
            (Code::Unavailable, Exit::Unavailable),
            (Code::AlreadyExists, Exit::Conflict),
            (Code::Internal, Exit::Other),
        ] {
            assert_eq!(exit(&Status::new(code, "")), wanted, "{code:?}");
        }
    }

    #[tokio::test]
    async fn an_address_without_a_hub_is_unavailable() {
        // Port 1 of loopback: refused at once.
        let hub = Hub::at(&Dial::default(), Some("127.0.0.1:1"), None).unwrap();
        let status = hub.ingest().cursor(v1::CursorRequest::default()).await.unwrap_err();
        assert!(is_transport(&status), "{status:?}");
        let failure = hub.failure(&status);
        assert_eq!(failure.exit, Exit::Unavailable);
        assert!(
            failure.wording.en.starts_with("cannot reach `127.0.0.1:1`"),
            "{}",
            failure.wording.en
        );
    }
}
