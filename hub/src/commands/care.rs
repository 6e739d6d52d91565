//! `dinh maintain` and `dinh check`: care of the lake.

use anyhow::bail;
use dinh_proto::v1::{CheckRequest, MaintainRequest};

use crate::config::Global;
use crate::operator::Operator;

/// Merges what is due, writes a checkpoint, and deletes what nobody needs any more.
///
/// # Errors
/// When the store fails or the hub cannot be reached.
#[expect(clippy::print_stdout, reason = "the summary is the product")]
pub async fn maintain(global: &Global) -> anyhow::Result<()> {
    let mut operator = Operator::connect(global).await?;
    println!("{}", operator.admin.maintain(MaintainRequest {}).await?.into_inner().summary);
    Ok(())
}

/// Checks the lake's invariants.
///
/// # Errors
/// When one does not hold, or the lake cannot be read.
#[expect(clippy::print_stdout, reason = "the result is the product")]
pub async fn check(global: &Global) -> anyhow::Result<()> {
    let mut operator = Operator::connect(global).await?;
    let checked = operator.admin.check(CheckRequest {}).await?.into_inner();
    let (position, submissions, observations) =
        (checked.position, checked.submissions, checked.observations);
    println!("position {position}: {submissions} submissions, {observations} observations");
    for finding in &checked.findings {
        println!("{}: {}", finding.invariant, finding.message);
    }
    if !checked.findings.is_empty() {
        bail!("{} invariants do not hold", checked.findings.len());
    }
    println!("order, once, whole, present, sorted, floor: all hold");
    Ok(())
}
