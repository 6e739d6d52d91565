//! The gRPC service `dinh.v1.Admin`: what the command line does inside the hub that holds the lake.
//!
//! A call comes with the operator's token, which is in the lake's lock file for its owner to read, or with a grant's.

mod authority;
mod care;
mod catalogue;
mod tokens;

use std::collections::HashMap;
use std::pin::Pin;

use arrow::ipc::writer::StreamWriter;
use dinh_lake::LakeError;
use dinh_proto::v1 as proto;
use dinh_query::answer::question::Question;
use dinh_query::sql::Rows;
use dinh_query::{ErrorKind, Language, QueryError};
use futures::Stream;
use proto::admin_server::{Admin, AdminServer};
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use self::authority::Caller;
use crate::hub::Hub;

/// Bytes of catalogue files in one message.
const MESSAGE_BYTES_MAX: usize = 64 << 20;

/// The service.
#[derive(Clone, Debug)]
pub struct AdminService {
    hub: Hub,
}

impl AdminService {
    /// The service as a tonic server.
    #[must_use]
    pub fn server(hub: Hub) -> AdminServer<Self> {
        AdminServer::new(Self { hub }).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

type SqlStream = Pin<Box<dyn Stream<Item = Result<proto::SqlResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Admin for AdminService {
    async fn ask(
        &self,
        request: Request<proto::AskRequest>,
    ) -> Result<Response<proto::AskResponse>, Status> {
        let caller = Caller::of(&self.hub, &request)?;
        let asked = request.into_inner();
        let mut parameters = asked.parameters;
        let (question, subject) = asked.question.split_once('/').unwrap_or((&asked.question, ""));
        if !subject.is_empty() {
            let named = Question::from_name(question).and_then(Question::subject);
            parameters.insert(named.unwrap_or("indicator").to_owned(), subject.to_owned());
        }
        let json = self.hub.answers().ask(question, &parameters, &caller.access).await;
        let json = json.map_err(|error| match error.kind {
            ErrorKind::Forbidden => caller.refused(error.message.in_language(Language::English)),
            _ => status(&error),
        })?;
        Ok(Response::new(proto::AskResponse { json }))
    }

    type SqlStream = SqlStream;

    async fn sql(
        &self,
        request: Request<proto::SqlRequest>,
    ) -> Result<Response<SqlStream>, Status> {
        let caller = Caller::of(&self.hub, &request)?;
        caller.may_run_sql()?;
        let sql = request.into_inner().sql;
        let engine = self.hub.answers().engine();
        let rows = engine.run(&sql, &caller.access).await.map_err(|error| status(&error))?;
        Ok(Response::new(Box::pin(ipc(rows))))
    }

    async fn plan_catalogue(
        &self,
        request: Request<proto::PlanCatalogueRequest>,
    ) -> Result<Response<proto::PlanCatalogueResponse>, Status> {
        Caller::of(&self.hub, &request)?.whole()?;
        catalogue::plan(self.hub.lake(), request.into_inner()).map(Response::new)
    }

    async fn apply_catalogue(
        &self,
        request: Request<proto::ApplyCatalogueRequest>,
    ) -> Result<Response<proto::ApplyCatalogueResponse>, Status> {
        Caller::of(&self.hub, &request)?.whole()?;
        catalogue::apply(self.hub.lake(), request.into_inner()).await.map(Response::new)
    }

    async fn issue_token(
        &self,
        request: Request<proto::IssueTokenRequest>,
    ) -> Result<Response<proto::IssueTokenResponse>, Status> {
        let authority = Caller::of(&self.hub, &request)?.authority()?;
        tokens::issue(self.hub.lake(), &authority, request.into_inner()).await.map(Response::new)
    }

    async fn list_tokens(
        &self,
        request: Request<proto::ListTokensRequest>,
    ) -> Result<Response<proto::ListTokensResponse>, Status> {
        let authority = Caller::of(&self.hub, &request)?.authority()?;
        Ok(Response::new(tokens::list(self.hub.lake(), &authority)))
    }

    async fn revoke_token(
        &self,
        request: Request<proto::RevokeTokenRequest>,
    ) -> Result<Response<proto::RevokeTokenResponse>, Status> {
        let authority = Caller::of(&self.hub, &request)?.authority()?;
        let grant = request.into_inner().grant;
        tokens::revoke(self.hub.lake(), &authority, &grant).await.map(Response::new)
    }

    async fn rotate_token(
        &self,
        request: Request<proto::RotateTokenRequest>,
    ) -> Result<Response<proto::RotateTokenResponse>, Status> {
        let authority = Caller::of(&self.hub, &request)?.authority()?;
        tokens::rotate(self.hub.lake(), &authority, request.into_inner()).await.map(Response::new)
    }

    async fn maintain(
        &self,
        request: Request<proto::MaintainRequest>,
    ) -> Result<Response<proto::MaintainResponse>, Status> {
        Caller::of(&self.hub, &request)?.whole()?;
        care::maintain(self.hub.lake()).await.map(Response::new)
    }

    async fn check(
        &self,
        request: Request<proto::CheckRequest>,
    ) -> Result<Response<proto::CheckResponse>, Status> {
        Caller::of(&self.hub, &request)?.whole()?;
        care::check(self.hub.lake()).await.map(Response::new)
    }
}

/// The rows of a result as parts of one Arrow IPC stream.
fn ipc(rows: Rows) -> impl Stream<Item = Result<proto::SqlResponse, Status>> + Send {
    let begun = StreamWriter::try_new(Vec::new(), &rows.schema).map_err(internal);
    futures::stream::try_unfold((begun, Some(rows)), |(writer, rows)| async move {
        let (mut writer, Some(mut rows)) = (writer?, rows) else { return Ok(None) };
        let rows = match rows.next().await.map_err(|error| status(&error))? {
            Some(batch) => {
                writer.write(&batch).map_err(internal)?;
                Some(rows)
            }
            None => {
                writer.finish().map_err(internal)?;
                None
            }
        };
        let arrow_ipc = std::mem::take(writer.get_mut()).into();
        Ok(Some((proto::SqlResponse { arrow_ipc }, (Ok(writer), rows))))
    })
}

/// The lake's failure as a status: its store may come back, so the call may be tried again.
fn failed(error: &LakeError) -> Status {
    tracing::error!(%error, "the lake failed");
    Status::unavailable(error.to_string())
}

fn internal(error: impl std::fmt::Display) -> Status {
    tracing::error!(%error, "an answer could not be written");
    Status::internal("the answer could not be written; the log has more")
}

/// An error of the way out as a status, in both languages.
fn status(error: &QueryError) -> Status {
    let code = match error.kind {
        ErrorKind::Invalid | ErrorKind::Ambiguous => Code::InvalidArgument,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::Forbidden => Code::PermissionDenied,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::TooLarge | ErrorKind::TooManyAttempts => Code::ResourceExhausted,
        ErrorKind::Busy => Code::Unavailable,
        ErrorKind::NotImplemented => Code::Unimplemented,
        ErrorKind::Internal => Code::Internal,
    };
    let mut details = ErrorDetails::new();
    details.set_localized_message("vi-VN", error.message.in_language(Language::Vietnamese));
    details.set_error_info(error.code.to_uppercase().replace('.', "_"), "dinh", HashMap::new());
    for fault in &error.faults {
        let field = fault.parameter.as_deref().unwrap_or("question");
        details.add_bad_request_violation(field, fault.message.in_language(Language::English));
    }
    Status::with_error_details(code, error.message.in_language(Language::English), details)
}
