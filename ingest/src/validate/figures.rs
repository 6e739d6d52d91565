//! Judges the numbers of a row: value, numerator, denominator and declared coverage.

use dinh_lake::decimal::Decimal;
use dinh_lake::indicator::{Behaviour, Indicator, ValueKind};

use super::finding::Finding;
use super::known::Ruled;
use super::messages;
use crate::columns::{Cell, Columns, Numbers};

/// Numerator and denominator of a row.
#[derive(Clone, Copy, Debug)]
struct Parts {
    numerator: Option<Decimal>,
    denominator: Option<Decimal>,
}

/// Judges the figures of a row and gives its value. Without an indicator only what holds for any number is judged.
pub(super) fn judge(
    columns: &Columns,
    row: usize,
    ruled: Option<&Ruled<'_>>,
    withdrawn: bool,
    findings: &mut Vec<Finding>,
) -> Option<Decimal> {
    let mut value = number(&columns.value, row, &messages::VALUE, findings);
    if columns.numerator.is_missing() && columns.denominator.is_missing() {
        if let Some(ruled) = ruled.filter(|_| !withdrawn)
            && matches!(columns.value.cell(row), Cell::Missing)
        {
            findings.push(messages::value_missing(ruled.indicator));
        }
    } else {
        let numerator = number(&columns.numerator, row, &messages::NUMERATOR, findings);
        let denominator = number(&columns.denominator, row, &messages::DENOMINATOR, findings);
        let parts = Parts { numerator, denominator };
        value = with_parts(columns, row, ruled?, parts, withdrawn, findings);
    }
    if let Some(value) = value {
        let indicator = ruled?.indicator;
        bounds(value, indicator, findings);
        if indicator.integer
            && let Some(sent) = columns.value.sent(row).filter(|sent| is_grouped(sent))
        {
            findings.push(messages::separator_of_thousands(sent, value, indicator));
        }
    }
    value
}

/// Whether a whole number was sent as thousands are grouped in Vietnamese: `12.000`.
fn is_grouped(sent: &str) -> bool {
    let grouped = |whole: &str| (1..=3).contains(&whole.trim_start_matches('-').len());
    sent.strip_suffix(".000")
        .is_some_and(|whole| grouped(whole) && !whole.trim_matches(['-', '0']).is_empty())
}

/// Judges the value of a row beside its parts, and computes it from them where it was left to them.
fn with_parts(
    columns: &Columns,
    row: usize,
    ruled: &Ruled<'_>,
    parts: Parts,
    withdrawn: bool,
    findings: &mut Vec<Finding>,
) -> Option<Decimal> {
    let sound = sound(parts, ruled, findings);
    let from_parts = sound.and_then(|(numerator, denominator)| {
        Decimal::ratio(ruled.indicator.factor, numerator, denominator)
    });
    match (columns.value.cell(row), from_parts.filter(|_| ruled.is_quotient)) {
        (Cell::Missing, Some(computed)) => return Some(computed),
        // What is wrong with the parts has been told; the value was left to them.
        (Cell::Missing, None) if sound.is_none() && left_to_parts(columns, row, ruled) => {}
        (Cell::Missing, None) if !withdrawn => {
            findings.push(messages::value_missing(ruled.indicator));
        }
        (Cell::Number(value), Some(computed)) if apart(value, computed) => {
            findings.push(messages::not_the_quotient(value, computed));
        }
        _ => {}
    }
    columns.value.cell(row).number()
}

/// Judges the declared coverage of a row.
pub(super) fn coverage(columns: &Columns, row: usize, findings: &mut Vec<Finding>) {
    if columns.coverage_reported.is_missing() && columns.coverage_expected.is_missing() {
        return;
    }
    let reported = count(&columns.coverage_reported, row, "coverage_reported", findings);
    let expected = count(&columns.coverage_expected, row, "coverage_expected", findings);
    if let (Some(reported), Some(expected)) = (reported, expected)
        && reported > expected
    {
        findings.push(messages::over_expected(reported, expected));
    }
}

fn number(
    column: &Numbers<Decimal>,
    row: usize,
    words: &messages::FigureWords,
    findings: &mut Vec<Finding>,
) -> Option<Decimal> {
    if let Cell::Faulty(error) = column.cell(row) {
        findings.push(messages::not_a_number(words, &column.text(row), error));
    }
    column.cell(row).number()
}

fn count(
    column: &Numbers<i64>,
    row: usize,
    field: &'static str,
    findings: &mut Vec<Finding>,
) -> Option<i64> {
    let finding = match column.cell(row) {
        Cell::Missing => return None,
        Cell::Number(count) if count >= 0 => return Some(count),
        Cell::Number(count) => messages::coverage_negative(field, count),
        Cell::Faulty(_) => messages::coverage_not_an_integer(field, &column.text(row)),
    };
    findings.push(finding);
    None
}

/// Judges the parts of a ratio; gives them if both are there and sound.
fn sound(
    parts: Parts,
    ruled: &Ruled<'_>,
    findings: &mut Vec<Finding>,
) -> Option<(Decimal, Decimal)> {
    let before = findings.len();
    let Parts { numerator, denominator } = parts;
    let named = [
        (
            numerator,
            ruled.counted_parts.0,
            "numerator",
            "numerator.negative",
            "numerator.not_integer",
        ),
        (
            denominator,
            ruled.counted_parts.1,
            "denominator",
            "denominator.negative",
            "denominator.not_integer",
        ),
    ];
    for (part, counted, field, negative, not_integer) in named {
        if let Some(part) = part.filter(|part| *part < Decimal::ZERO) {
            findings.push(messages::negative(field, negative, part));
        }
        if let (Some(part), Some(counted)) = (part.filter(|part| !part.is_integer()), counted) {
            findings.push(messages::part_not_integer(field, not_integer, part, counted));
        }
    }
    if denominator == Some(Decimal::ZERO) {
        findings.push(messages::denominator_zero());
    }
    let both = numerator.zip(denominator);
    if let Some((numerator, denominator)) = both
        && ruled.is_share
        && denominator > Decimal::ZERO
        && numerator > denominator
    {
        findings.push(messages::over_denominator(numerator, denominator));
    }
    both.filter(|_| findings.len() == before)
}

/// Whether the value was left to be computed from numerator and denominator, sound or not.
fn left_to_parts(columns: &Columns, row: usize, ruled: &Ruled<'_>) -> bool {
    let given = |part: &Numbers<Decimal>| !matches!(part.cell(row), Cell::Missing);
    ruled.is_quotient && given(&columns.numerator) && given(&columns.denominator)
}

/// Whether its value is factor * numerator / denominator.
pub(super) fn is_quotient(indicator: &Indicator) -> bool {
    let of_two = indicator.numerator.is_some() && indicator.denominator.is_some();
    indicator.kind == ValueKind::Ratio || indicator.behaviour == Behaviour::Ratio || of_two
}

/// Whether its numerator is a part of its denominator: its bounds say so, or it is a percentage without bounds.
pub(super) fn is_share(indicator: &Indicator) -> bool {
    match indicator.max {
        Some(max) => Decimal::from_integer(indicator.factor).is_some_and(|whole| max <= whole),
        None => indicator.factor == 100,
    }
}

fn bounds(value: Decimal, indicator: &Indicator, findings: &mut Vec<Finding>) {
    let below = indicator.min.is_some_and(|min| value < min);
    let above = indicator.max.is_some_and(|max| value > max);
    if below || above {
        findings.push(messages::out_of_bounds(value, indicator));
    }
    if indicator.integer && !value.is_integer() {
        findings.push(messages::not_integer(value, indicator));
    }
}

/// Whether a value differs from the quotient by more than its own last digit explains.
fn apart(value: Decimal, computed: Decimal) -> bool {
    // A value that ends with zeroes before the point is taken as exact to its units.
    let mut last_digit = 1;
    while last_digit < 1_000_000 && value.unscaled() % (10 * last_digit) == 0 {
        last_digit *= 10;
    }
    2 * (value.unscaled() - computed.unscaled()).abs() > last_digit.max(2)
}
