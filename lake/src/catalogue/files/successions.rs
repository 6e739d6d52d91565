//! `succession.csv`, which a catalogue may lack: one edge from an old unit to a new one a line.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::sheet::{Cells, Layout, Row, Sheet};
use super::{Fault, SourceFile};
use crate::decimal::Decimal;
use crate::succession::{Confidence, Event, Extent, Succession, Weights};
use crate::unit::{UnitId, UnitVersion};

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

/// A weight of an edge.
type Weight = fn(&Weights) -> Option<Decimal>;

const WEIGHTS: &[(&str, Weight)] = &[
    ("population", |weights| weights.population),
    ("area", |weights| weights.area),
    ("households", |weights| weights.households),
    ("villages", |weights| weights.villages),
];

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

/// Checks the edges against each other and the units.
pub(super) fn check(
    successions: &Sheet<Succession>,
    units: &Sheet<UnitVersion>,
    faults: &mut Vec<Fault>,
) {
    successions.unique(faults, Succession::key);
    for row in &successions.rows {
        let Succession { from, to, effective, weights, .. } = &row.value;
        for (column, unit, day) in
            [("from", from, effective.pred_opt()), ("to", to, Some(*effective))]
        {
            successions.refers(faults, row.line, column, &unit.0, units);
            check_valid(successions, row, (column, unit, day.unwrap_or(*effective)), units, faults);
        }
        for (column, weight) in WEIGHTS {
            let one = Decimal::from_integer(1).unwrap_or_default();
            if weight(weights).is_some_and(|weight| weight < Decimal::ZERO || weight > one) {
                let en = "a weight lies from 0 to 1";
                successions.fault(faults, row.line, Some(column), en, "trọng số phải từ 0 đến 1");
            }
        }
    }
    check_sums(successions, faults);
}

fn check_valid(
    successions: &Sheet<Succession>,
    row: &Row<Succession>,
    (column, unit, day): (&str, &UnitId, NaiveDate),
    units: &Sheet<UnitVersion>,
    faults: &mut Vec<Fault>,
) {
    let mut versions = units.values().filter(|version| version.unit == *unit);
    if units.knows(&unit.0)
        && units.sound(&unit.0)
        && !versions.any(|version| version.valid_on(day))
    {
        let en = format!("`{unit}` is not valid on {day}");
        let vi = format!("`{unit}` không có hiệu lực vào ngày {day}");
        successions.fault(faults, row.line, Some(column), &en, &vi);
    }
}

/// Where every edge out of a unit has a weight, the weights are all of it.
fn check_sums(successions: &Sheet<Succession>, faults: &mut Vec<Fault>) {
    let mut edges: BTreeMap<(&UnitId, NaiveDate), Vec<&Row<Succession>>> = BTreeMap::new();
    for row in &successions.rows {
        edges.entry((&row.value.from, row.value.effective)).or_default().push(row);
    }
    for ((from, _), rows) in edges {
        for (column, weight) in WEIGHTS {
            let weights: Option<Vec<Decimal>> =
                rows.iter().map(|row| weight(&row.value.weights)).collect();
            let Some(weights) = weights else { continue };
            let sum =
                weights.iter().try_fold(Decimal::ZERO, |sum, weight| sum.checked_add(*weight));
            if sum == Decimal::from_integer(1) {
                continue;
            }
            let sum = sum.unwrap_or_default();
            let en = format!("the weights out of `{from}` sum to `{sum}`, not to `1`");
            let vi = format!("tổng trọng số từ `{from}` là `{sum}`, phải là `1`");
            successions.fault(faults, rows[0].line, Some(column), &en, &vi);
        }
    }
}
