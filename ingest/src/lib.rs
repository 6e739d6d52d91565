//! The way in: from a gRPC call to durable rows.
//!
//! ```text
//! threshold ──> service ──> access ──> wire ──> validate ──> committer ──> dinh_lake::ledger
//!   limits       calls      tokens    decode    judge       group commit
//! ```
//!
//! Reading order: [`threshold`], [`service`], `wire`, `validate`, [`committer`]. The contract is `proto/dinh/v1/ingest.proto`; only `wire`
//! and the calls name its messages. This crate knows nothing of queries.
//!
//! # Decisions
//! - The digest covers mode and rows, not reason and document: these do not change what is recorded, so a retry that words
//!   its reason anew is still the same submission.
//! - Typed rows have no SHA-256 of their own on the wire, since protobuf is not canonical; the digest in the answer, which
//!   any client can compute, does its work.
//! - How many verdicts an answer carries is the client's choice, with a default that fits the 4 MiB that gRPC clients take.
//!   All of them are kept.
//! - A row that is refused has no warnings beside it: a warning says that its row landed.
//! - Bounds on memory are taken at the door, by the size of the message, and held until the answer. A single call is
//!   refused when there is no room; a stream waits, which slows its client down.
//! - `PushStream` has one task, which belongs to the stream of its answers, so there is nothing to leak when a client
//!   vanishes. Were it driven by that stream alone, a client that does not read could not even be timed out.
//! - Validate and a push in `MODE_DRY_RUN` are one judgement with two shapes of answer.
//! - Arrow streams are measured before they are decoded, and must end with their end mark (`wire/ipc/scan.rs` says why).

pub mod committer;
pub mod error;
pub mod limits;
pub mod metrics;
pub mod service;
pub mod status;
pub mod threshold;

mod access;
mod columns;
mod validate;
mod wire;

pub use committer::{Committer, CommitterHandle};
pub use limits::Limits;
pub use metrics::IngestMetrics;
pub use service::IngestService;
pub use threshold::Threshold;

use dinh_proto::v1::ingest_server::IngestServer;
use tonic::codec::CompressionEncoding;

/// The service as the hub opens it to the world.
pub type IngestDoor = Threshold<IngestServer<IngestService>>;

/// The service as a tonic server behind its threshold: with its limit on messages, taking gzip and zstd.
#[must_use]
pub fn server(service: IngestService) -> IngestDoor {
    let message_bytes_max = service.limits().message_bytes_max;
    let calls = service.clone();
    let server = IngestServer::new(service)
        .max_decoding_message_size(message_bytes_max)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Zstd);
    Threshold::new(server, calls)
}
