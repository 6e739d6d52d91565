//! `Cursor`: a feed's last submission.

use dinh_proto::v1 as proto;
use tonic::{Request, Status};

use super::{Inner, feed_unknown};
use crate::access::{Caller, may_push};
use crate::wire;

impl Inner {
    pub(super) async fn cursor_of(
        &self,
        request: Request<proto::CursorRequest>,
    ) -> Result<proto::CursorResponse, Status> {
        let feed = &request.get_ref().feed;
        let catalogue = self.lake.catalogue();
        let allowed = Caller::from_metadata(request.metadata()).and_then(|caller| {
            let grant = caller.grant(&catalogue, self.clock.now())?;
            if !catalogue.feeds.contains_key(feed) {
                return Err(feed_unknown(feed));
            }
            may_push(grant, feed)
        });
        allowed.map_err(|error| self.refuse(&error))?;
        let last = self.lake.ledger().last(feed).await;
        Ok(proto::CursorResponse { last: last.map(wire::last) })
    }
}
