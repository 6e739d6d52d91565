//! The body of a call, read only as fast as there is room, and not for ever.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body::Frame;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::framing::Framing;
use super::{FREE_BYTES, count, permits_of};
use crate::error::IngestError;
use crate::service::IngestService;

type Room = [OwnedSemaphorePermit; 2];
type RoomComing = Pin<Box<dyn Future<Output = Option<Room>> + Send>>;

/// A body that is watched.
pub(super) struct Watched {
    body: Body,
    calls: IngestService,
    /// The room of the principal and of the hub, taken in this order, so that nobody holds the hub's while they wait for
    /// their own.
    arriving: [Arc<Semaphore>; 2],
    streams: bool,
    framing: Framing,
    /// The room of the message that is on its way.
    room: Option<Room>,
    /// What was read and waits for room before it is handed on.
    held_back: Option<(Frame<Bytes>, RoomComing)>,
    /// Runs while nothing comes.
    silence: Option<Pin<Box<Sleep>>>,
    silent: bool,
}

impl Watched {
    pub(super) fn new(
        body: Body,
        calls: IngestService,
        arriving: [Arc<Semaphore>; 2],
        streams: bool,
    ) -> Self {
        Self {
            body,
            calls,
            arriving,
            streams,
            framing: Framing::default(),
            room: None,
            held_back: None,
            silence: None,
            silent: false,
        }
    }

    /// How long the client may be silent here.
    fn patience(&self) -> Duration {
        let limits = self.calls.limits();
        let between_messages = self.streams && self.framing.is_between();
        if between_messages { limits.idle_max } else { limits.stalled_max }
    }

    /// Counts the time in which nothing comes.
    fn poll_silence(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let patience = self.patience();
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(patience)));
        if !self.silent {
            self.silent = true;
            silence.as_mut().reset(Instant::now() + patience);
        }
        ready!(silence.as_mut().poll(context));
        Poll::Ready(self.calls.refuse(&IngestError::call_idle(patience)))
    }

    /// Goes over a piece; gives the room to wait for if a large message begins in it.
    fn announced(&mut self, piece: &Bytes) -> Option<RoomComing> {
        let announced = self.framing.advance(piece);
        let limits = self.calls.limits();
        // One that is too long is refused by whoever decodes it.
        let large = FREE_BYTES + 1..=limits.message_bytes_max;
        let length = announced.filter(|length| large.contains(length))?;
        let [own, all] = self.arriving.clone();
        let own_permits = count(length, permits_of(limits.principal_bytes_max));
        let all_permits = count(length, permits_of(limits.arriving_bytes_max));
        Some(Box::pin(async move {
            let own = own.acquire_many_owned(own_permits).await.ok()?;
            Some([own, all.acquire_many_owned(all_permits).await.ok()?])
        }))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some((_, coming)) = &mut self.held_back {
            let room = ready!(coming.as_mut().poll(context));
            self.room = room;
            let frame = self.held_back.take().map(|(frame, _)| Ok(frame));
            return Poll::Ready(frame);
        }
        if self.framing.is_between() {
            // Whoever asks for more has taken in what came before.
            self.room = None;
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
            return self.poll_silence(context).map(|status| Some(Err(status)));
        };
        self.silent = false;
        let Some(Ok(frame)) = frame else { return Poll::Ready(frame) };
        let coming = frame.data_ref().cloned().and_then(|piece| self.announced(&piece));
        match coming {
            None => Poll::Ready(Some(Ok(frame))),
            Some(coming) => {
                self.room = None;
                self.held_back = Some((frame, coming));
                self.poll_frame(context)
            }
        }
    }
}
