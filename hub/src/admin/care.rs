//! Care of the lake, on demand.

use std::sync::Arc;

use dinh_lake::{Lake, LakeError};
use dinh_proto::v1::{CheckResponse, Finding, MaintainResponse};
use tonic::Status;

pub(super) async fn maintain(lake: &Arc<Lake>) -> Result<MaintainResponse, Status> {
    let (mut files_merged, mut files_written) = (0, 0);
    let (mut log_entries_removed, mut files_deleted, mut elsewhere) = (0, 0, false);
    let mut checkpoint = None;
    loop {
        let done = lake.maintain().await.map_err(|error| super::failed(&error))?;
        files_merged += done.merged_files as u64;
        files_written += done.written_files as u64;
        log_entries_removed += done.deleted_entries;
        files_deleted += done.deleted_files;
        elsewhere |= done.elsewhere;
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
    let mut summary = format!(
        "position {position}: {files_merged} files merged into {files_written}, {live} live; checkpoint {written}; \
         {log_entries_removed} old log entries and {files_deleted} unneeded files deleted"
    );
    if elsewhere {
        summary.push_str("; another hub cares for the lake at present");
    }
    Ok(MaintainResponse {
        summary,
        position,
        files_merged,
        files_written,
        checkpoint,
        log_entries_removed,
        files_deleted,
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
