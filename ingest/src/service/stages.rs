//! How long each stage between a message and its judged rows takes: what `cargo bench -p dinh-ingest` measures.
//!
//! The stages are those of a push, called as a push calls them; nothing is committed.

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use dinh_lake::catalogue::Catalogue;
use dinh_lake::present::Present;
use dinh_proto::v1 as proto;
use prost::Message as _;

use crate::limits::Limits;
use crate::validate::{Context, validate};
use crate::wire;

/// The time that each stage took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// From protobuf bytes to a message.
    pub message: Duration,
    /// From the message to columns.
    pub decode: Duration,
    /// From the columns to accepted rows and verdicts.
    pub judge: Duration,
    /// The digest over the columns.
    pub digest: Duration,
    /// How many rows there were.
    pub rows: usize,
    /// How many of them land.
    pub accepted: usize,
}

/// Takes one submission, encoded, through all stages, held against a present state if there is one; none if it cannot be decoded or its feed is unknown.
#[must_use]
pub fn time(
    message: &[u8],
    catalogue: &Catalogue,
    today: NaiveDate,
    present: Option<&Present>,
) -> Option<Stages> {
    let (limits, began) = (Limits::default(), Instant::now());
    let message = proto::Submission::decode(message).ok()?;
    let message_took = began.elapsed();
    let began = Instant::now();
    let mut request = wire::request(Some(message), wire::Id::Optional, &limits).ok()?;
    let columns = request.decode(&limits).ok()?;
    let decode = began.elapsed();
    let began = Instant::now();
    let feed = catalogue.feeds.get(&request.feed)?;
    let context = Context { catalogue, feed, within: None, today, present };
    let judged = validate(&columns, context, request.mode);
    let judge = began.elapsed();
    let began = Instant::now();
    let _ = std::hint::black_box(columns.digest(request.mode));
    let digest = began.elapsed();
    let (rows, accepted) = (columns.rows, judged.accepted.num_rows());
    Some(Stages { message: message_took, decode, judge, digest, rows, accepted })
}
