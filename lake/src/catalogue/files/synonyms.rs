//! `synonyms.csv`, which a catalogue may lack: one more name of one unit a line.

use super::sheet::{Cells, Layout, Sheet};
use super::{Fault, SourceFile};
use crate::unit::{Language, Synonym, UnitId, UnitVersion};

const LAYOUT: Layout = Layout {
    file: "synonyms.csv",
    columns: &["unit", "name", "lang"],
    may_lack: &[],
    optional: true,
};

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<Synonym> {
    Sheet::read(&LAYOUT, files, faults, synonym)
}

fn synonym(cells: &mut Cells<'_>) -> Option<Synonym> {
    let (unit, name) = (cells.required("unit"), cells.required("name"));
    let lang = cells.one_of("lang", Language::ALL, Language::code);
    Some(Synonym { unit: UnitId(unit?), name: name?, lang: lang? })
}

/// Checks the names against each other and the units.
pub(super) fn check(
    synonyms: &Sheet<Synonym>,
    units: &Sheet<UnitVersion>,
    faults: &mut Vec<Fault>,
) {
    synonyms.unique(faults, Synonym::key);
    for row in &synonyms.rows {
        synonyms.refers(faults, row.line, "unit", &row.value.unit.0, units);
    }
}
