//! What a client must send before its connection counts as one that is used: the head of a request, or the preface of
//! HTTP/2. Both end in an empty line.
//!
//! Later silence is another matter: HTTP/2 asks for signs of life itself, and a dashboard may keep its HTTP/1 connection.

use std::future::Future;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::Sleep;

/// A connection whose client has not said what it wants yet.
#[derive(Debug)]
pub(super) struct Opening {
    by: Pin<Box<Sleep>>,
    /// Whether nothing has been sent of the present line; the first one never counts as empty.
    at_line_start: bool,
}

impl Opening {
    /// The client has so long from now on.
    pub(super) fn within(time: Duration) -> Self {
        Self { by: Box::pin(tokio::time::sleep(time)), at_line_start: false }
    }

    /// Looks at what came next: whether that was all of it.
    pub(super) fn is_done_by(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match byte {
                b'\n' if self.at_line_start => return true,
                b'\n' => self.at_line_start = true,
                // Lines may end with or without it.
                b'\r' => {}
                _ => self.at_line_start = false,
            }
        }
        false
    }

    /// Whether its time is over.
    pub(super) fn is_late(&mut self, context: &mut Context<'_>) -> bool {
        self.by.as_mut().poll(context).is_ready()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_opening_ends_with_an_empty_line_however_it_comes_in() {
        for (sent, done) in [
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", true),
            ("GET / HTTP/1.1\r\nhost: a\r\n\r\n", true),
            ("GET / HTTP/1.1\nhost: a\n\n", true),
            ("GET / HTTP/1.1\r\nhost: a\r\n", false),
            ("\r\nGET / HTTP/1.1\r\n", false),
            ("", false),
        ] {
            for size in 1..=sent.len().max(1) {
                let mut opening = Opening::within(Duration::from_secs(1));
                let parts: Vec<_> = sent.as_bytes().chunks(size).collect();
                let seen = parts.iter().any(|part| opening.is_done_by(part));
                assert_eq!(seen, done, "{sent:?} by {size}");
            }
        }
    }
}
