//! A figure against the one before of the same unit: jumps of ten and a thousand times, and separators that were misread.

use dinh_lake::decimal::Decimal;
use dinh_lake::indicator::StateRule;
use dinh_lake::present::Figure;

use super::super::finding::Finding;
use super::super::messages;
use super::Row;

const ONE: i128 = 1_000_000;
/// Where the larger of two figures is below this, many times the other is nothing unusual.
const LARGE: i128 = 100 * ONE;
/// Where the smaller of two figures is below this, ten times of it is nothing unusual.
const SEVERAL: i128 = 10 * ONE;

/// Judges a figure by the one before.
pub(super) fn judge(row: &Row<'_>, before: &Figure, sent: Option<&str>) -> Option<Finding> {
    let (value, old) = (row.value.unscaled(), before.value.unscaled());
    if value.signum() != old.signum() || value == 0 {
        return None;
    }
    let (value, old) = (value.abs(), old.abs());
    let (large, small) = (value.max(old), value.min(old));
    if large < LARGE || large < 8 * small {
        return None;
    }
    let is_thousandfold = (500 * small..=2_000 * small).contains(&large);
    if row.holds(StateRule::Separator) {
        if is_thousandfold && value < old && has_three_decimals(row.value, sent) {
            return Some(messages::thousands_separator(row.value, sent, before.value));
        }
        if is_thousandfold && old < value && has_three_decimals(before.value, None) {
            return Some(messages::separator_before(row.value, before.value));
        }
        // Seven times to thirteen, seventy times to a hundred and thirty: one or two digits that were after a point.
        let shifted = |times: i128| (7 * times * small..=13 * times * small).contains(&large);
        let lost = old < value && row.value.is_integer() && !before.value.is_integer();
        if lost && (shifted(1) || shifted(10)) {
            return Some(messages::decimal_separator_lost(row.value, before.value));
        }
    }
    if !row.holds(StateRule::Jump) {
        return None;
    }
    if is_thousandfold {
        return Some(messages::thousandfold(row.value, before.value));
    }
    (small >= SEVERAL).then(|| messages::tenfold(row.value, before.value))
}

/// Whether a figure goes on as before: within a tenth of the one before.
pub(super) fn goes_on(value: Decimal, before: Decimal) -> bool {
    10 * (value.unscaled() - before.unscaled()).abs() <= before.unscaled().abs()
}

/// Whether a number was sent with exactly three digits after the point; where its text is not known, whether it needs them.
fn has_three_decimals(number: Decimal, sent: Option<&str>) -> bool {
    match sent {
        Some(text) => text.split_once('.').is_some_and(|(_, decimals)| decimals.len() == 3),
        None => number.unscaled() % 1_000 == 0 && number.unscaled() % 10_000 != 0,
    }
}
