//! `succession.csv`, which a catalogue may lack: one edge from an old unit to a new one a line, or one event of one unit.

mod edge;
mod leaving;

use super::sheet::{Cells, Layout, Sheet};
use super::{Fault, SourceFile};
use crate::succession::{Confidence, Event, Extent, Succession, Weights};
use crate::unit::{UnitId, UnitVersion, Units};

const LAYOUT: Layout = Layout {
    file: "succession.csv",
    columns: &[
        "from",
        "to",
        "effective",
        "event",
        "extent",
        "population",
        "area",
        "households",
        "villages",
        "source",
        "confidence",
    ],
    may_lack: &[],
    optional: true,
};

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<Succession> {
    Sheet::read(&LAYOUT, files, faults, succession)
}

fn succession(cells: &mut Cells<'_>) -> Option<Succession> {
    let (from, to) = (cells.required("from"), cells.required("to"));
    let effective = cells.date("effective");
    let event = cells.one_of("event", Event::ALL, Event::code);
    let extent = cells.one_of("extent", Extent::ALL, Extent::code);
    let population = cells.optional_decimal("population");
    let area = cells.optional_decimal("area");
    let households = cells.optional_decimal("households");
    let villages = cells.optional_decimal("villages");
    let confidence = cells.one_of("confidence", Confidence::ALL, Confidence::code);
    Some(Succession {
        event: event?,
        from: UnitId(from?),
        to: UnitId(to?),
        effective: effective?,
        extent: extent?,
        weights: Weights {
            population: population?,
            area: area?,
            households: households?,
            villages: villages?,
        },
        source: cells.optional("source"),
        confidence: confidence?,
    })
}

/// Checks the edges one by one, those out of a unit together, and that units do not end without a word.
pub(super) fn check(
    successions: &Sheet<Succession>,
    units: &Sheet<UnitVersion>,
    faults: &mut Vec<Fault>,
) {
    successions.unique(faults, Succession::key);
    for row in &successions.rows {
        for (column, unit) in [("from", &row.value.from), ("to", &row.value.to)] {
            successions.refers(faults, row.line, column, &unit.0, units);
        }
    }
    let known = Units::new(units.values().cloned().collect());
    edge::check(successions, units, &known, faults);
    leaving::check(successions, units, &known, faults);
}
