//! The order of numbered submissions of one stream: they are judged side by side and handed in one after another.
//!
//! Each numbered submission has a turn, which begins when the turn of the one before it ended. A turn ends when its
//! submission is in the committer's queue, or is given up, whatever for.

use std::future::Future;
use std::pin::pin;

use futures::poll;
use std::task::Poll;
use tokio::sync::oneshot;

/// The turn of one submission; the default one need not wait for anybody.
#[derive(Debug, Default)]
pub(super) struct Turn {
    before: Option<oneshot::Receiver<()>>,
    /// Held for its drop, which ends the turn.
    ends: Option<oneshot::Sender<()>>,
}

/// The turns of one stream.
#[derive(Debug, Default)]
pub(super) struct Turns {
    last: Option<oneshot::Receiver<()>>,
}

impl Turns {
    /// The turn of the submission that was read after all others.
    pub(super) fn next(&mut self) -> Turn {
        let (ends, ended) = oneshot::channel();
        Turn { before: self.last.replace(ended), ends: Some(ends) }
    }
}

impl Turn {
    /// Hands a submission in when its turn has come. The future that hands in must do so when it is first polled.
    pub(super) async fn take<T>(self, hand_in: impl Future<Output = T>) -> T {
        if let Some(before) = self.before {
            // Nothing is ever sent: that the sender is gone is the sign.
            let _ = before.await;
        }
        let mut handing_in = pin!(hand_in);
        let polled = poll!(&mut handing_in);
        drop(self.ends);
        match polled {
            Poll::Ready(outcome) => outcome,
            Poll::Pending => handing_in.await,
        }
    }
}
