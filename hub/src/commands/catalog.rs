//! `dinh catalog plan|apply`: what the files of a folder would change in the catalogue, and the change itself.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use dinh_proto::v1::{ApplyCatalogueRequest, CatalogueFault, CatalogueFile, PlanCatalogueRequest};

use crate::config::Global;
use crate::operator::Operator;

/// What to do with a catalogue folder.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Show what applying the folder would change.
    Plan(Folder),
    /// Make the catalogue what the folder says, whole or not at all.
    Apply(Folder),
}

/// A catalogue folder.
#[derive(Debug, clap::Args)]
pub struct Folder {
    /// The folder with units.csv, indicators.csv, feeds.csv and the files that may stand beside them.
    folder: PathBuf,
}

/// The catalogue files of a folder, by name.
///
/// # Errors
/// When one cannot be read.
pub fn read(folder: &Path) -> anyhow::Result<Vec<CatalogueFile>> {
    let unreadable = || format!("the folder `{}` cannot be read", folder.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.extension().is_some_and(|extension| extension == "csv") {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("`{}` cannot be read", path.display()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            files.push(CatalogueFile { name, text });
        }
    }
    if files.is_empty() {
        bail!(
            "`{}` has no CSV file: a catalogue has units.csv, indicators.csv and feeds.csv",
            folder.display()
        );
    }
    Ok(files)
}

/// Shows or makes the change.
///
/// # Errors
/// When the files have faults, or the hub cannot be reached.
#[expect(clippy::print_stdout, reason = "the plan is the product")]
pub async fn run(global: &Global, action: Action) -> anyhow::Result<()> {
    let mut operator = Operator::connect(global).await?;
    let (plan, version, faults, done) = match action {
        Action::Plan(Folder { folder }) => {
            let request = PlanCatalogueRequest { files: read(&folder)? };
            let answer = operator.admin.plan_catalogue(request).await?.into_inner();
            (answer.plan, answer.version, answer.faults, "would start from")
        }
        Action::Apply(Folder { folder }) => {
            let request = ApplyCatalogueRequest { files: read(&folder)?, planned_version: None };
            let answer = operator.admin.apply_catalogue(request).await?.into_inner();
            (answer.plan, answer.version, answer.faults, "is now at")
        }
    };
    refuse(&faults)?;
    println!("{}\nthe catalogue {done} version {version}", plan.trim_end());
    Ok(())
}

/// An error that names every fault, if there is one.
///
/// # Errors
/// When there is a fault.
pub fn refuse(faults: &[CatalogueFault]) -> anyhow::Result<()> {
    if faults.is_empty() {
        return Ok(());
    }
    let lines =
        faults.iter().map(|fault| format!("{}:{}: {}", fault.file, fault.line, fault.message));
    bail!(
        "the catalogue files have {} faults; nothing was changed\n{}",
        faults.len(),
        lines.collect::<Vec<_>>().join("\n")
    )
}
