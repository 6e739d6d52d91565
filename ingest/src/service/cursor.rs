//! `Cursor`: a feed's last submission, and how far a producer has come.

use dinh_proto::v1 as proto;
use tonic::{Request, Status};

use super::{Inner, feed_unknown, ledger_error};
use crate::access::Caller;
use crate::wire;

impl Inner {
    pub(super) async fn cursor_of(
        &self,
        request: Request<proto::CursorRequest>,
    ) -> Result<proto::CursorResponse, Status> {
        let proto::CursorRequest { feed, producer } = request.get_ref();
        let catalogue = self.lake.catalogue();
        let allowed = Caller::of(&request, &self.lake).and_then(|caller| {
            let grant = caller.grant(&catalogue, self.clock.now())?;
            if !catalogue.feeds.contains_key(feed) {
                return Err(feed_unknown(feed));
            }
            caller.may_push(grant, feed)
        });
        allowed.map_err(|error| self.refuse(&error))?;
        // What was answered by another hub on the store counts too.
        let followed = self.lake.follow_ledger().await;
        followed.map_err(|error| self.refuse(&ledger_error(&error)))?;
        let last = self.lake.ledger().last(feed).await;
        let last = last.map_err(|error| self.refuse(&ledger_error(&error)))?;
        let reached = self.lake.ledger().reached(feed, producer).await;
        let progress = reached.map(|(epoch, sequence)| proto::ProducerProgress {
            producer: producer.clone(),
            epoch,
            sequence,
        });
        Ok(proto::CursorResponse { last: last.map(wire::last), progress })
    }
}
