//! `Validate`: what a push would find, with nothing kept.

use dinh_proto::v1 as proto;
use prost::Message as _;
use tonic::{Request, Status};
use tracing::{field, instrument};

use super::Inner;
use crate::access::Caller;
use crate::wire;

impl Inner {
    #[instrument(name = "validate", skip_all, fields(rows = field::Empty))]
    pub(super) async fn validate_one(
        &self,
        request: Request<proto::ValidateRequest>,
    ) -> Result<proto::ValidateResponse, Status> {
        let examined = async {
            let caller = Caller::of(&request, &self.lake)?;
            let room = self.admit(request.extensions(), request.get_ref().encoded_len())?;
            let examined =
                self.examine(&caller, request.into_inner().submission, wire::Id::Optional).await?;
            drop(room);
            Ok(examined)
        };
        let examined = examined.await.map_err(|error| self.refuse(&error))?;
        let catalogue_version = examined.catalogue_version;
        Ok(proto::ValidateResponse { report: Some(examined.report()), catalogue_version })
    }
}
