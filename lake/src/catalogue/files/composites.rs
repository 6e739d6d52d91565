//! `composites.csv`, `component_groups.csv` and `components.csv`, which a catalogue may lack: the definitions of composite
//! indices, a line for each version, each of its groups and each of its components.
//!
//! What the three say of one version is put together and held against [`check`]; a fault is told at the line that it is of.
//! Where a line of a version does not parse, the rest of the version is not checked: sums would be wrong for that alone.

use std::collections::BTreeMap;

use super::sheet::{Cells, Layout, Row, Sheet};
use super::{Fault, SourceFile};
use crate::catalogue::record::Record;
use crate::composite::{
    Component, Composite, Group, Mean, MissingRule, Normalisation, Place, check as faults_of,
};
use crate::decimal::Decimal;
use crate::indicator::{Direction, Indicator};
use crate::observation::Stage;
use crate::unit::UnitVersion;

/// The files' names, in the order in which their faults are told.
pub(super) const FILES: [&str; 3] = [VERSIONS.file, GROUPS.file, COMPONENTS.file];

const VERSIONS: Layout = Layout {
    file: "composites.csv",
    columns: &[
        "composite",
        "version",
        "name_vi",
        "name_en",
        "valid_from",
        "valid_to",
        "legal_basis",
        "level",
        "normalisation",
        "within_groups",
        "over_groups",
        "missing",
        "threshold",
        "weights_total",
        "full_score",
        "floor",
        "weight_spread",
        "draws",
        "seed",
        "example",
        "note",
    ],
    may_lack: &[],
    optional: true,
};

const GROUPS: Layout = Layout {
    file: "component_groups.csv",
    columns: &["composite", "version", "group", "name_vi", "name_en", "weight"],
    may_lack: &[],
    optional: true,
};

const COMPONENTS: Layout = Layout {
    file: "components.csv",
    columns: &[
        "composite",
        "version",
        "group",
        "component",
        "name_vi",
        "name_en",
        "indicator",
        "stage",
        "weight",
        "max_points",
        "direction",
        "normalisation",
        "lower",
        "upper",
        "evidence",
    ],
    may_lack: &[],
    optional: true,
};

/// The three files.
pub(super) struct Composites {
    versions: Sheet<Composite>,
    groups: Sheet<Of<Group>>,
    components: Sheet<Of<InGroup>>,
}

/// Something of one version.
struct Of<T> {
    composite: String,
    version: String,
    thing: T,
}

struct InGroup {
    group: String,
    component: Component,
}

/// A definition that was put together, with the lines of its parts.
struct Assembled {
    line: u64,
    groups: Vec<u64>,
    components: Vec<u64>,
    definition: Composite,
}

/// Reads the files.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Composites {
    Composites {
        versions: Sheet::read(&VERSIONS, files, faults, version),
        groups: Sheet::read(&GROUPS, files, faults, group),
        components: Sheet::read(&COMPONENTS, files, faults, component),
    }
}

fn version(cells: &mut Cells<'_>) -> Option<Composite> {
    let (composite, version) = (cells.word("composite"), cells.word("version"));
    let name_vi = cells.required("name_vi");
    let valid_from = cells.date("valid_from");
    let valid_to = cells.optional_date("valid_to");
    let normalisation = cells.one_of("normalisation", Normalisation::ALL, Normalisation::code);
    let within_groups = cells.one_of("within_groups", Mean::ALL, Mean::code);
    let over_groups = cells.one_of("over_groups", Mean::ALL, Mean::code);
    let missing = cells.one_of("missing", MissingRule::ALL, MissingRule::code);
    let threshold = decimal_or(cells, "threshold", "0.66");
    let weights_total = decimal(cells, "weights_total");
    let full_score = cells.optional_decimal("full_score");
    let floor = decimal_or(cells, "floor", "0");
    let weight_spread = decimal_or(cells, "weight_spread", "0.25");
    let draws = small(cells, "draws", 1_000);
    let seed = small(cells, "seed", 1);
    let example = cells.truth("example");
    Some(Composite {
        composite: composite?,
        version: version?,
        name_vi: name_vi?,
        name_en: cells.optional("name_en"),
        valid_from: valid_from?,
        valid_to: valid_to?,
        legal_basis: cells.optional("legal_basis"),
        level: cells.optional("level"),
        normalisation: normalisation?,
        within_groups: within_groups?,
        over_groups: over_groups?,
        missing: missing?,
        threshold: threshold?,
        weights_total: weights_total?,
        full_score: full_score?.or(weights_total)?,
        floor: floor?,
        weight_spread: weight_spread?,
        draws: draws?,
        seed: seed?,
        example: example?,
        note: cells.optional("note"),
        groups: Vec::new(),
    })
}

fn group(cells: &mut Cells<'_>) -> Option<Of<Group>> {
    let (composite, version) = (cells.word("composite"), cells.word("version"));
    let (group, name_vi) = (cells.word("group"), cells.required("name_vi"));
    let weight = decimal(cells, "weight");
    let thing = Group {
        group: group?,
        name_vi: name_vi?,
        name_en: cells.optional("name_en"),
        weight: weight?,
        components: Vec::new(),
    };
    Some(Of { composite: composite?, version: version?, thing })
}

fn component(cells: &mut Cells<'_>) -> Option<Of<InGroup>> {
    let (composite, version) = (cells.word("composite"), cells.word("version"));
    let (group, component) = (cells.word("group"), cells.word("component"));
    let indicator = cells.required("indicator");
    let stage = optional_of(cells, "stage", Stage::ALL, Stage::code);
    let weight = decimal(cells, "weight");
    let max_points = cells.optional_decimal("max_points");
    let direction = optional_of(cells, "direction", Direction::ALL, Direction::code);
    let normalisation =
        optional_of(cells, "normalisation", Normalisation::ALL, Normalisation::code);
    let (lower, upper) = (cells.optional_decimal("lower"), cells.optional_decimal("upper"));
    let component = Component {
        component: component?,
        name_vi: cells.optional("name_vi"),
        name_en: cells.optional("name_en"),
        indicator: indicator?,
        stage: stage?,
        weight: weight?,
        max_points: max_points?,
        direction: direction?,
        normalisation: normalisation?,
        lower: lower?,
        upper: upper?,
        evidence: cells.optional("evidence"),
    };
    Some(Of {
        composite: composite?,
        version: version?,
        thing: InGroup { group: group?, component },
    })
}

fn decimal(cells: &mut Cells<'_>, column: &str) -> Option<Decimal> {
    cells.required(column)?;
    cells.optional_decimal(column)?
}

fn decimal_or(cells: &mut Cells<'_>, column: &str, default: &str) -> Option<Decimal> {
    let given = cells.optional_decimal(column)?;
    given.or_else(|| default.parse().ok())
}

fn small(cells: &mut Cells<'_>, column: &str, default: u32) -> Option<u32> {
    let number = cells.whole(column, Some(i64::from(default)))?;
    let Ok(small) = u32::try_from(number) else {
        let en = format!("`{number}` does not lie from 0 to {}", u32::MAX);
        let vi = format!("`{number}` không nằm trong khoảng từ 0 đến {}", u32::MAX);
        return cells.fault(column, &en, &vi);
    };
    Some(small)
}

/// A cell that must be one of a few texts or empty; none is a fault.
fn optional_of<T: Copy>(
    cells: &mut Cells<'_>,
    column: &str,
    all: &[T],
    code: impl Fn(T) -> &'static str,
) -> Option<Option<T>> {
    match cells.optional(column) {
        None => Some(None),
        Some(_) => cells.one_of(column, all, code).map(Some),
    }
}

/// Checks the definitions against each other, the units and the indicators.
pub(super) fn check(
    composites: &Composites,
    units: &Sheet<UnitVersion>,
    indicators: &Sheet<Indicator>,
    faults: &mut Vec<Fault>,
) {
    composites.versions.unique(faults, Composite::key);
    composites.check_references(indicators, faults);
    composites.check_days(faults);
    let known: BTreeMap<&str, &Indicator> =
        indicators.values().map(|known| (known.indicator.as_str(), known)).collect();
    for assembled in composites.assembled() {
        let Assembled { line, groups, components, definition } = assembled;
        if let Some(level) = &definition.level
            && units.all_sound()
            && !units.values().any(|version| version.level == *level)
        {
            let en = format!("no unit in `units.csv` has the level `{level}`");
            let vi = format!("không đơn vị nào trong `units.csv` có cấp `{level}`");
            composites.versions.fault(faults, line, Some("level"), &en, &vi);
        }
        if !composites.all_sound(&definition.composite) {
            continue;
        }
        for fault in faults_of(&definition, |code| known.get(code).copied()) {
            let (file, line) = match fault.place {
                Place::Version => (VERSIONS.file, line),
                Place::Group(index) => (GROUPS.file, groups[index]),
                Place::Component(index) => (COMPONENTS.file, components[index]),
            };
            faults.push(Fault {
                file: file.to_owned(),
                line,
                column: Some(fault.field.to_owned()),
                message: fault.message,
                message_vi: fault.message_vi,
            });
        }
    }
}

impl Composites {
    /// The records of definitions that were checked.
    pub(super) fn records(&self) -> Vec<Record> {
        self.assembled().iter().map(|assembled| Record::from(&assembled.definition)).collect()
    }

    fn all_sound(&self, composite: &str) -> bool {
        self.versions.sound(composite)
            && self.groups.sound(composite)
            && self.components.sound(composite)
    }

    /// Groups are of versions, components of groups and of indicators.
    fn check_references(&self, indicators: &Sheet<Indicator>, faults: &mut Vec<Fault>) {
        for row in &self.groups.rows {
            self.refers_to_version(&self.groups, row, faults);
        }
        for row in &self.components.rows {
            if !self.refers_to_version(&self.components, row, faults) {
                continue;
            }
            let Of { composite, version, thing } = &row.value;
            let same = |of: &&Of<Group>| of.composite == *composite && of.version == *version;
            let known: Vec<_> = self.groups.values().filter(same).collect();
            if self.groups.sound(composite) && !known.iter().any(|of| of.thing.group == thing.group)
            {
                let known = known.iter().map(|of| format!("`{}`", of.thing.group));
                let known = known.collect::<Vec<_>>().join(", ");
                let (group, file) = (&thing.group, GROUPS.file);
                let of = format!("{composite}/{version}");
                let en = format!("`{of}` has no group `{group}` in `{file}`; it has {known}");
                let vi = format!("`{of}` không có nhóm `{group}` trong `{file}`; chỉ có {known}");
                self.components.fault(faults, row.line, Some("group"), &en, &vi);
            }
            let code = &thing.component.indicator;
            self.components.refers(faults, row.line, "indicator", code, indicators);
        }
    }

    /// Tells that there is no such version; gives whether there is.
    fn refers_to_version<T>(
        &self,
        sheet: &Sheet<Of<T>>,
        row: &Row<Of<T>>,
        faults: &mut Vec<Fault>,
    ) -> bool {
        let Of { composite, version, .. } = &row.value;
        let told = faults.len();
        sheet.refers(faults, row.line, "composite", composite, &self.versions);
        if faults.len() > told || !self.versions.sound(composite) {
            return false;
        }
        let versions = self.versions.values().filter(|known| known.composite == *composite);
        let known: Vec<_> = versions.map(|known| known.version.as_str()).collect();
        if !known.contains(&version.as_str()) {
            let (known, file) = (known.join("`, `"), VERSIONS.file);
            let en =
                format!("`{composite}` has no version `{version}` in `{file}`; it has `{known}`");
            let vi = format!(
                "`{composite}` không có phiên bản `{version}` trong `{file}`; chỉ có `{known}`"
            );
            sheet.fault(faults, row.line, Some("version"), &en, &vi);
        }
        faults.len() == told
    }

    /// On one day one version of an index holds.
    fn check_days(&self, faults: &mut Vec<Fault>) {
        let mut rows: Vec<_> = self.versions.rows.iter().collect();
        rows.sort_by_key(|row| (&row.value.composite, row.value.valid_from));
        for pair in rows.windows(2) {
            let [earlier, later] = pair else { continue };
            let same = earlier.value.composite == later.value.composite;
            let first = later.value.valid_from;
            if same && earlier.value.valid_to.is_none_or(|last| first <= last) {
                let (other, line) = (&earlier.value.version, earlier.line);
                let en = format!("the version `{other}` in line {line} holds on {first} too");
                let vi = format!("phiên bản `{other}` ở dòng {line} cũng có hiệu lực ngày {first}");
                self.versions.fault(faults, later.line, Some("valid_from"), &en, &vi);
            }
        }
    }

    /// The definitions with their groups and components.
    fn assembled(&self) -> Vec<Assembled> {
        let assemble = |row: &Row<Composite>| {
            let mut definition = row.value.clone();
            let (mut groups, mut components) = (Vec::new(), Vec::new());
            let of_groups = self.groups.rows.iter();
            let (composite, version) = (&row.value.composite, &row.value.version);
            for row in of_groups
                .filter(|row| row.value.composite == *composite && row.value.version == *version)
            {
                groups.push(row.line);
                let mut group = row.value.thing.clone();
                for row in &self.components.rows {
                    let Of { composite: of, version: at, thing } = &row.value;
                    if (of, at, &thing.group) == (composite, version, &group.group) {
                        components.push(row.line);
                        group.components.push(thing.component.clone());
                    }
                }
                definition.groups.push(group);
            }
            Assembled { line: row.line, groups, components, definition }
        };
        self.versions.rows.iter().map(assemble).collect()
    }
}

#[cfg(test)]
mod tests;
