//! What the lines of `succession.csv` must be together: all that left a unit on one day went somewhere, and no unit ends
//! without a word.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::super::Fault;
use super::super::sheet::{Row, Sheet};
use super::edge::{WEIGHTS, Weight, implied};
use crate::decimal::Decimal;
use crate::succession::{Event, Extent, Succession};
use crate::unit::{UnitId, UnitVersion, Units};

/// The edges out of one unit on one day.
struct Leaving<'a> {
    successions: &'a Sheet<Succession>,
    from: &'a UnitId,
    rows: Vec<&'a Row<Succession>>,
    /// Whether the unit is still there on that day.
    goes_on: bool,
}

/// Checks the edges out of each unit together, and every unit that ends.
pub(super) fn check(
    successions: &Sheet<Succession>,
    units: &Sheet<UnitVersion>,
    known: &Units,
    faults: &mut Vec<Fault>,
) {
    let mut leaving: BTreeMap<(&UnitId, NaiveDate), Vec<&Row<Succession>>> = BTreeMap::new();
    for row in successions.rows.iter().filter(|row| row.value.event.moves()) {
        leaving.entry((&row.value.from, row.value.effective)).or_default().push(row);
    }
    for ((from, effective), rows) in leaving {
        // What is missing may stand in a line that did not parse.
        if !successions.sound(&from.0) {
            continue;
        }
        let goes_on = known.version_at(from, effective).is_some();
        let leaving = Leaving { successions, from, rows, goes_on };
        leaving.check_extents(faults);
        for (column, weight, of_people) in WEIGHTS {
            leaving.check_sum((column, weight, of_people), faults);
        }
    }
    check_ends(successions, units, faults);
}

impl Leaving<'_> {
    fn count(&self, extent: Extent) -> usize {
        self.rows.iter().filter(|row| row.value.extent == extent).count()
    }

    fn fault(&self, faults: &mut Vec<Fault>, column: &str, en: &str, vi: &str) {
        self.successions.fault(faults, self.rows[0].line, Some(column), en, vi);
    }

    /// The extents leave nothing over and give nothing twice.
    fn check_extents(&self, faults: &mut Vec<Fault>) {
        let from = self.from;
        let [whole, part, all_people] =
            [Extent::Whole, Extent::Part, Extent::PartAreaAllPopulation].map(|e| self.count(e));
        if whole > 0 && self.rows.len() > 1 {
            let en = format!("all of `{from}` went to one unit, so nothing is left for another");
            let vi = format!("toàn bộ `{from}` đã về một đơn vị nên không còn gì cho đơn vị khác");
            return self.fault(faults, "extent", &en, &vi);
        }
        if all_people > 1 || all_people == 1 && part > 0 {
            let en =
                format!("all people of `{from}` went to one unit, so none are left for another");
            let vi =
                format!("toàn bộ dân của `{from}` đã về một đơn vị nên không còn cho đơn vị khác");
            return self.fault(faults, "extent", &en, &vi);
        }
        if whole + all_people + part == 0 && !self.goes_on {
            let en = format!("only land of `{from}` went over: no line says where its people went");
            let vi = format!("chỉ có đất của `{from}` chuyển đi: không dòng nào nói dân về đâu");
            return self.fault(faults, "extent", &en, &vi);
        }
        if part == 1 {
            let en =
                format!("a part of `{from}` went over: no line says where the other people went");
            let vi = format!(
                "một phần của `{from}` chuyển đi: không dòng nào nói phần dân còn lại về đâu"
            );
            self.fault(faults, "extent", &en, &vi);
        }
    }

    /// Where one edge has a weight all have one, and they are all of it; of a unit that goes on they may be less.
    fn check_sum(
        &self,
        (column, weight, of_people): (&str, Weight, bool),
        faults: &mut Vec<Fault>,
    ) {
        let from = self.from;
        let said = |row: &&Row<Succession>| weight(&row.value.weights);
        if self.rows.iter().filter_map(said).next().is_none() {
            return;
        }
        let known = |row: &&Row<Succession>| said(row).or(implied(row.value.extent, of_people));
        if let Some(row) = self.rows.iter().find(|row| known(row).is_none()) {
            let en = format!("another line out of `{from}` has this weight: write it here too");
            let vi = format!("dòng khác từ `{from}` có trọng số này: hãy ghi cả ở đây");
            return self.successions.fault(faults, row.line, Some(column), &en, &vi);
        }
        let sum = self.rows.iter().filter_map(known);
        let sum = sum.fold(Decimal::ZERO, |sum, weight| sum.checked_add(weight).unwrap_or(sum));
        let one = Decimal::from_integer(1).unwrap_or_default();
        if sum == one || self.goes_on && sum < one {
            return;
        }
        let en = format!("the weights out of `{from}` sum to `{sum}`, not to `1`");
        let vi = format!("tổng trọng số từ `{from}` là `{sum}`, phải là `1`");
        self.fault(faults, column, &en, &vi);
    }
}

/// A unit that ends has successors from the day after, or its end is told.
fn check_ends(
    successions: &Sheet<Succession>,
    units: &Sheet<UnitVersion>,
    faults: &mut Vec<Fault>,
) {
    let mut last: BTreeMap<&UnitId, &Row<UnitVersion>> = BTreeMap::new();
    for row in units.rows.iter().filter(|row| units.sound(&row.value.unit.0)) {
        let newest = last.entry(&row.value.unit).or_insert(row);
        if newest.value.last_day() < row.value.last_day() {
            *newest = row;
        }
    }
    let ends = successions.values().filter(|edge| edge.event.moves() || edge.event == Event::Close);
    let told: BTreeSet<_> = ends.map(|edge| (&edge.from, edge.effective)).collect();
    for (unit, row) in last {
        let Some(day) = row.value.valid_to.and_then(|day| day.succ_opt()) else { continue };
        if !successions.sound(&unit.0) || told.contains(&(unit, day)) {
            continue;
        }
        let file = successions.file;
        let en = format!(
            "`{unit}` ends, and no line of `{file}` says on {day} what became of it: write its \
             successors, or the event `close`"
        );
        let vi = format!(
            "`{unit}` kết thúc mà không dòng nào của `{file}` vào ngày {day} nói đơn vị này về đâu: \
             hãy ghi đơn vị kế thừa, hoặc sự kiện `close`"
        );
        units.fault(faults, row.line, Some("valid_to"), &en, &vi);
    }
}
