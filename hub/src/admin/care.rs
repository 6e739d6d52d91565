//! Care of the lake, on demand.

use std::sync::Arc;

use dinh_lake::{Lake, LakeError};
use dinh_proto::v1::{CheckResponse, Finding, MaintainResponse};
use tonic::Status;

pub(super) async fn maintain(lake: &Arc<Lake>) -> Result<MaintainResponse, Status> {
    let (mut files_merged, mut files_written) = (0, 0);
    let mut checkpoint = None;
    loop {
        let done = lake
            .ledger()
            .maintain()
            .await
            .map_err(|error| super::failed(&LakeError::Ledger(error)))?;
        files_merged += done.merged_files as u64;
        files_written += done.written_files as u64;
        if done.checkpointed {
            checkpoint = Some(lake.ledger().snapshot().position);
        }
        if !done.more {
            break;
        }
    }
    let snapshot = lake.ledger().snapshot();
    let (position, live) = (snapshot.position, snapshot.files.len());
    let written =
        checkpoint.map_or("none due".to_owned(), |position| format!("written at {position}"));
    let summary = format!(
        "position {position}: {files_merged} files merged into {files_written}, {live} live; checkpoint {written}"
    );
    Ok(MaintainResponse {
        summary,
        position,
        files_merged,
        files_written,
        checkpoint,
        ..MaintainResponse::default()
    })
}

pub(super) async fn check(lake: &Arc<Lake>) -> Result<CheckResponse, Status> {
    let checked =
        lake.ledger().check().await.map_err(|error| super::failed(&LakeError::Ledger(error)))?;
    let findings = checked.findings.into_iter();
    let findings = findings
        .map(|found| Finding { invariant: found.invariant.to_owned(), message: found.message });
    Ok(CheckResponse {
        position: checked.position,
        submissions: checked.submissions,
        observations: checked.observations,
        findings: findings.collect(),
    })
}
