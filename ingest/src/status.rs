//! From an error to the gRPC status that the client gets.
#![deny(clippy::wildcard_enum_match_arm)]

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::error::{ErrorKind, IngestError};

/// The domain of our reasons.
const DOMAIN: &str = "dinh";

/// Longer texts are cut: details travel in a trailer, and clients take some 8 KiB of these in all.
const TEXT_CHARACTERS_MAX: usize = 300;
const VIOLATIONS_MAX: usize = 8;

/// The status of an error: message in English, details as the contract says.
#[must_use]
pub fn status(error: &IngestError, retry_after: Duration) -> Status {
    let (code, helped_by_waiting) = match error.kind {
        ErrorKind::TokenMissing | ErrorKind::TokenInvalid => (Code::Unauthenticated, false),
        ErrorKind::FeedNotGranted => (Code::PermissionDenied, false),
        ErrorKind::FeedUnknown => (Code::NotFound, false),
        ErrorKind::SubmissionInvalid | ErrorKind::PayloadBroken => (Code::InvalidArgument, false),
        ErrorKind::SubmissionIdReused => (Code::AlreadyExists, false),
        ErrorKind::SequenceGap => (Code::OutOfRange, false),
        ErrorKind::SequenceUsed => (Code::FailedPrecondition, false),
        ErrorKind::ProducerFenced | ErrorKind::AnswersUnread => (Code::Aborted, false),
        ErrorKind::CallIdle => (Code::DeadlineExceeded, false),
        ErrorKind::QueueFull | ErrorKind::PrincipalLimit | ErrorKind::TooManyAttempts => {
            (Code::ResourceExhausted, true)
        }
        ErrorKind::StoreUnavailable
        | ErrorKind::OutcomeUnknown
        | ErrorKind::LedgerStopped
        | ErrorKind::ShuttingDown => (Code::Unavailable, true),
        ErrorKind::Internal => (Code::Internal, false),
    };
    let metadata: HashMap<String, String> =
        error.metadata.iter().map(|(name, value)| ((*name).to_owned(), cut(value))).collect();
    let mut details = ErrorDetails::with_error_info(error.kind.reason(), DOMAIN, metadata);
    details.set_localized_message("vi-VN", cut(&error.vi));
    if !error.violations.is_empty() {
        let shown = error.violations.iter().take(VIOLATIONS_MAX);
        let violations: Vec<_> = shown.map(|v| FieldViolation::new(v.field, cut(&v.en))).collect();
        details.set_bad_request(violations);
    }
    if helped_by_waiting {
        details.set_retry_info(Some(error.retry_after.unwrap_or(retry_after)));
    }
    Status::with_error_details(code, cut(&error.en), details)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(TEXT_CHARACTERS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Violation;

    #[test]
    fn a_status_has_both_languages_and_says_what_helps() {
        let error = IngestError::queue_full().with("feed", "dan-phuong");
        let status = status(&error, Duration::from_millis(500));
        let details = status.get_error_details();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().starts_with("too much is waiting"));
        assert_eq!(details.error_info().unwrap().reason, "QUEUE_FULL");
        assert_eq!(details.error_info().unwrap().metadata["feed"], "dan-phuong");
        assert_eq!(details.localized_message().unwrap().locale, "vi-VN");
        assert!(details.retry_info().unwrap().retry_delay.is_some());
    }

    #[test]
    fn every_field_at_fault_is_named_and_the_trailer_stays_small() {
        let violation =
            |n: usize| Violation { field: "submission.id", en: "x".repeat(n), vi: "ệ".repeat(n) };
        let error = IngestError::invalid((0..40).map(|_| violation(2_000)).collect());
        let status = status(&error, Duration::ZERO);
        assert_eq!(
            status.get_error_details().bad_request().unwrap().field_violations.len(),
            VIOLATIONS_MAX
        );
        // It travels as base64.
        assert!(status.details().len() * 4 / 3 < 8 * 1024, "{}", status.details().len());
    }
}
