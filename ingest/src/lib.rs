//! The way in: from a gRPC call to durable rows.
//!
//! ```text
//! service ──> access ──> wire ──> validate ──> committer ──> dinh_lake::ledger
//!   calls      tokens    decode    judge       group commit
//! ```
//!
//! Reading order: [`service`], `wire`, `validate`, [`committer`]. The contract is `proto/dinh/v1/ingest.proto`; only `wire`
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
//! - `PushStream` is driven by the stream of its answers and spawns nothing, so there is nothing to leak when a client
//!   vanishes.
//! - Arrow streams are measured before they are decoded, and must end with their end mark (`wire/ipc/scan.rs` says why).

pub mod committer;
pub mod error;
pub mod limits;
pub mod metrics;
pub mod service;
pub mod status;

mod access;
mod columns;
mod validate;
mod wire;

pub use committer::{Committer, CommitterHandle};
pub use limits::Limits;
pub use metrics::IngestMetrics;
pub use service::IngestService;

use dinh_proto::v1::ingest_server::IngestServer;
use tonic::codec::CompressionEncoding;

/// The service as a tonic server: with its limit on messages, taking gzip and zstd.
#[must_use]
pub fn server(service: IngestService) -> IngestServer<IngestService> {
    let message_bytes_max = service.limits().message_bytes_max;
    IngestServer::new(service)
        .max_decoding_message_size(message_bytes_max)
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd)
        .send_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Zstd)
}
