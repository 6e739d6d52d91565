//! Changes of the catalogue from a folder's files.

use std::sync::Arc;

use dinh_lake::catalogue::files::{self, Fault, SourceFile};
use dinh_lake::catalogue::plan::{self, Plan};
use dinh_lake::{Lake, LakeError};
use dinh_proto::v1::{
    ApplyCatalogueRequest, ApplyCatalogueResponse, CatalogueChanges, CatalogueFault, CatalogueFile,
    PlanCatalogueRequest, PlanCatalogueResponse,
};
use tonic::Status;

pub(super) fn plan(
    lake: &Arc<Lake>,
    request: PlanCatalogueRequest,
) -> Result<PlanCatalogueResponse, Status> {
    let current = lake.catalogue();
    Ok(match files::read(&sources(request.files)) {
        Err(faults) => PlanCatalogueResponse {
            faults: told(faults),
            version: current.version,
            ..Default::default()
        },
        Ok(wanted) => {
            let plan = plan::plan(&current, wanted);
            let (changes, text) = (Some(counts(&plan)), plan.text_en());
            PlanCatalogueResponse {
                plan: text,
                changes,
                version: current.version,
                faults: Vec::new(),
            }
        }
    })
}

pub(super) async fn apply(
    lake: &Arc<Lake>,
    request: ApplyCatalogueRequest,
) -> Result<ApplyCatalogueResponse, Status> {
    let current = lake.catalogue();
    let changed = |planned: &u64| *planned != current.version;
    if let Some(planned) = request.planned_version.filter(changed) {
        let now = current.version;
        return Err(Status::aborted(format!(
            "the plan was made from version {planned}, the catalogue is at {now}: plan again"
        )));
    }
    let wanted = match files::read(&sources(request.files)) {
        Err(faults) => {
            let version = current.version;
            return Ok(ApplyCatalogueResponse {
                faults: told(faults),
                version,
                ..Default::default()
            });
        }
        Ok(wanted) => wanted,
    };
    let plan = plan::plan(&current, wanted);
    let version = lake.apply(plan.records()).await.map_err(|error| refused(&error))?;
    Ok(ApplyCatalogueResponse {
        plan: plan.text_en(),
        changes: Some(counts(&plan)),
        version,
        faults: Vec::new(),
    })
}

/// A change that lost a race or is not sound is the caller's to mend; the rest is the store's.
pub(super) fn refused(error: &LakeError) -> Status {
    use dinh_lake::catalogue::CatalogueTableError::{Raced, Unsound};
    match error {
        LakeError::Catalogue(Raced) => Status::aborted(error.to_string()),
        LakeError::Catalogue(Unsound(_)) => Status::invalid_argument(error.to_string()),
        error => super::failed(error),
    }
}

fn sources(files: Vec<CatalogueFile>) -> Vec<SourceFile> {
    files.into_iter().map(|file| SourceFile { name: file.name, text: file.text }).collect()
}

fn told(faults: Vec<Fault>) -> Vec<CatalogueFault> {
    let told = |fault: Fault| {
        let message = match &fault.column {
            Some(column) => format!("column `{column}`: {}", fault.message),
            None => fault.message.clone(),
        };
        CatalogueFault { file: fault.file, line: fault.line, message }
    };
    faults.into_iter().map(told).collect()
}

fn counts(plan: &Plan) -> CatalogueChanges {
    let count = |changes: &[plan::Change]| changes.len() as u64;
    CatalogueChanges {
        added: count(&plan.added),
        changed: count(&plan.changed),
        removed: count(&plan.removed),
    }
}
