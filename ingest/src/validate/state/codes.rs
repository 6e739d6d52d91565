//! A count that is the official code of a unit: a column was taken for another.
//!
//! Among the ten thousand codes of communes almost any number is some unit's. So of others' codes only those of the unit
//! above and of the units beside count, or a code that was sent as codes are written, with zeroes before it.

use dinh_lake::indicator::StateRule;
use dinh_lake::unit::UnitVersion;

use super::super::messages;
use super::family::Kin;
use super::{Row, State};

const ONE: i128 = 1_000_000;
/// Smaller numbers are often the code of something.
const CODE_MIN: i128 = 1_000;

impl<'a> State<'a> {
    /// Judges whether a figure is a code.
    pub(super) fn code(&mut self, row: &Row<'a>, kin: Kin<'a>) {
        if !row.holds(StateRule::Code) || !row.value.is_integer() {
            return;
        }
        let value = row.value.unscaled() / ONE;
        let sent = self.judged.columns.value.sent(row.row as usize).unwrap_or_default();
        let holder = self.written_as_code(row, sent).or_else(|| self.near(kin, value));
        if let Some(holder) = holder {
            self.warn(row.row, messages::is_unit_code(row.value, row.unit, holder));
        }
    }

    fn written_as_code(&self, row: &Row<'a>, sent: &str) -> Option<&'a UnitVersion> {
        // The shortest codes, of provinces, look like any small number that someone padded.
        if !sent.starts_with('0') || sent.len() < 3 {
            return None;
        }
        self.judged.context.catalogue.units.by_code(sent, row.span.end)
    }

    /// The unit itself, or one above or beside it, whose code is a number.
    fn near(&self, kin: Kin<'a>, value: i128) -> Option<&'a UnitVersion> {
        if value < CODE_MIN {
            return None;
        }
        self.codes[kin.codes].get(&value).copied()
    }
}
