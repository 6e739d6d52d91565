//! What one line of `succession.csv` must be by itself: its event, its extent, its weights, and the units on the two sides of
//! its day.
//!
//! A unit that people or whole units came to or went from is another unit (DESIGN, Units), so such an edge ends the old unit
//! and begins the new one; where only land went over, both may go on.

use chrono::NaiveDate;

use super::super::Fault;
use super::super::sheet::{Row, Sheet};
use crate::decimal::Decimal;
use crate::succession::{Event, Extent, Succession, Weights};
use crate::unit::{UnitId, UnitVersion, Units};

/// A weight of an edge.
pub(super) type Weight = fn(&Weights) -> Option<Decimal>;

/// The weights by column, each with whether it follows the people.
pub(super) const WEIGHTS: [(&str, Weight, bool); 4] = [
    ("population", |weights| weights.population, true),
    ("area", |weights| weights.area, false),
    ("households", |weights| weights.households, true),
    ("villages", |weights| weights.villages, true),
];

/// The weight that an extent says by itself.
pub(super) fn implied(extent: Extent, of_people: bool) -> Option<Decimal> {
    match extent {
        Extent::Whole => Decimal::from_integer(1),
        Extent::PartAreaOnly if of_people => Some(Decimal::ZERO),
        Extent::PartAreaAllPopulation if of_people => Decimal::from_integer(1),
        Extent::Part | Extent::PartAreaOnly | Extent::PartAreaAllPopulation => None,
    }
}

/// One line under check.
struct Line<'a> {
    successions: &'a Sheet<Succession>,
    row: &'a Row<Succession>,
    units: &'a Units,
    faults: &'a mut Vec<Fault>,
}

/// Checks every line by itself.
pub(super) fn check(
    successions: &Sheet<Succession>,
    units: &Sheet<UnitVersion>,
    known: &Units,
    faults: &mut Vec<Fault>,
) {
    for row in &successions.rows {
        let sound = |unit: &UnitId| units.knows(&unit.0) && units.sound(&unit.0);
        let both = sound(&row.value.from) && sound(&row.value.to);
        let mut line = Line { successions, row, units: known, faults };
        line.check_form();
        line.check_weights();
        if both {
            line.check_days();
        }
    }
}

impl Line<'_> {
    fn fault(&mut self, column: &str, en: &str, vi: &str) {
        self.successions.fault(self.faults, self.row.line, Some(column), en, vi);
    }

    /// The event against the two units and the extent.
    fn check_form(&mut self) {
        let Succession { event, from, to, extent, weights, .. } = &self.row.value;
        if event.moves() && from == to {
            let en = format!("`{event}` is between two units");
            self.fault("to", &en, &format!("`{event}` là giữa hai đơn vị khác nhau"));
        }
        if !event.moves() && from != to {
            let en = format!("`{event}` is of one unit: write `{from}` in both columns");
            let vi = format!("`{event}` chỉ nói về một đơn vị: ghi `{from}` ở cả hai cột");
            self.fault("to", &en, &vi);
        }
        let fits = match event {
            Event::Merge => matches!(extent, Extent::Whole | Extent::PartAreaAllPopulation),
            Event::Split | Event::Transfer => *extent != Extent::Whole,
            _ => *extent == Extent::Whole,
        };
        if !fits {
            let en = format!("`{extent}` does not go with the event `{event}`");
            self.fault("extent", &en, &format!("`{extent}` không đi với sự kiện `{event}`"));
        }
        if !event.moves() {
            for (column, weight, _) in WEIGHTS {
                if weight(weights).is_some() {
                    let en = format!("`{event}` moves nothing, so it has no weights");
                    let vi = format!("`{event}` không chuyển gì nên không có trọng số");
                    self.fault(column, &en, &vi);
                }
            }
        }
    }

    fn check_weights(&mut self) {
        let Succession { extent, weights, .. } = &self.row.value;
        let one = Decimal::from_integer(1).unwrap_or_default();
        for (column, weight, of_people) in WEIGHTS {
            let Some(weight) = weight(weights) else { continue };
            if weight < Decimal::ZERO || weight > one {
                let en = "a weight lies from 0 to 1";
                self.fault(column, en, "trọng số phải từ 0 đến 1");
            } else if implied(*extent, of_people).is_some_and(|implied| implied != weight) {
                let en = format!("`{weight}` contradicts the extent `{extent}`");
                self.fault(column, &en, &format!("`{weight}` trái với phạm vi `{extent}`"));
            }
        }
    }

    /// The units on the day before and on the day itself.
    fn check_days(&mut self) {
        let Succession { event, from, to, effective, extent, .. } = &self.row.value;
        let (day, eve) = (*effective, effective.pred_opt().unwrap_or(*effective));
        if *event != Event::Create {
            self.must_be_valid("from", from, eve);
        }
        if *event != Event::Close {
            self.must_be_valid("to", to, day);
        }
        let land_alone = event.moves() && *extent == Extent::PartAreaOnly;
        if *event == Event::Close || event.moves() && !land_alone {
            self.must_end("from", from, day);
        }
        if *event == Event::Create || event.moves() && !land_alone {
            self.must_begin("to", to, eve);
        }
        self.check_change(eve);
    }

    fn must_be_valid(&mut self, column: &str, unit: &UnitId, day: NaiveDate) {
        if self.units.version_at(unit, day).is_none() {
            let en = format!("`{unit}` is not valid on {day}");
            self.fault(column, &en, &format!("`{unit}` không có hiệu lực vào ngày {day}"));
        }
    }

    fn must_end(&mut self, column: &str, unit: &UnitId, day: NaiveDate) {
        if self.units.version_at(unit, day).is_some() {
            let en = format!(
                "`{unit}` goes on after people left it: end it, and let what goes on have the next ordinal"
            );
            let vi = format!(
                "`{unit}` vẫn còn sau khi dân đã chuyển đi: hãy kết thúc, phần còn lại nhận số thứ tự kế tiếp"
            );
            self.fault(column, &en, &vi);
        }
    }

    fn must_begin(&mut self, column: &str, unit: &UnitId, eve: NaiveDate) {
        if self.units.version_at(unit, eve).is_some() {
            let en = format!(
                "`{unit}` was there before people came to it: from that day it is the next ordinal"
            );
            let vi = format!(
                "`{unit}` đã có trước khi dân chuyển đến: từ ngày đó phải là số thứ tự kế tiếp"
            );
            self.fault(column, &en, &vi);
        }
    }

    /// A new name, kind, code or parent is a new version of the unit that says so.
    fn check_change(&mut self, eve: NaiveDate) {
        let Succession { event, from, to, effective, .. } = &self.row.value;
        let (old, new) = (self.units.version_at(from, eve), self.units.version_at(to, *effective));
        let (Some(old), Some(new)) = (old, new) else { return };
        let same = match event {
            Event::Rename => old.name == new.name,
            Event::Retype => old.kind == new.kind,
            Event::Recode => old.code == new.code,
            Event::Reparent => old.parent == new.parent,
            Event::Create | Event::Merge | Event::Split | Event::Transfer | Event::Close => false,
        };
        if same {
            let en = format!("`{from}` is the same before and after {effective} in `units.csv`");
            let vi =
                format!("`{from}` trước và sau ngày {effective} vẫn như nhau trong `units.csv`");
            self.fault("event", &en, &vi);
        }
    }
}
