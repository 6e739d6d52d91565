//! Judges the numbers of a row: value, numerator, denominator and declared coverage.

use dinh_lake::decimal::Decimal;
use dinh_lake::indicator::{Behaviour, Indicator, ValueKind};

use super::finding::Finding;
use super::messages;
use crate::columns::{Cell, Columns, Numbers};

/// The figures of a row that can land.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    pub(super) value: Option<Decimal>,
    pub(super) numerator: Option<Decimal>,
    pub(super) denominator: Option<Decimal>,
}

/// Judges the figures of a row. Without an indicator only what holds for any number is judged.
pub(super) fn judge(
    columns: &Columns,
    row: usize,
    indicator: Option<&Indicator>,
    withdrawn: bool,
    findings: &mut Vec<Finding>,
) -> Figures {
    let value = number(&columns.value, row, &messages::VALUE, findings);
    let numerator = number(&columns.numerator, row, &messages::NUMERATOR, findings);
    let denominator = number(&columns.denominator, row, &messages::DENOMINATOR, findings);
    let mut figures = Figures { value, numerator, denominator };
    let Some(indicator) = indicator else { return figures };
    let sound = parts(&figures, indicator, findings);
    let from_parts = sound.and_then(|(numerator, denominator)| {
        Decimal::ratio(indicator.factor, numerator, denominator)
    });
    match (columns.value.cell(row), from_parts.filter(|_| is_quotient(indicator))) {
        (Cell::Missing, Some(computed)) => figures.value = Some(computed),
        // What is wrong with the parts has been told; the value was left to them.
        (Cell::Missing, None) if sound.is_none() && left_to_parts(columns, row, indicator) => {}
        (Cell::Missing, None) if !withdrawn => findings.push(messages::value_missing(indicator)),
        (Cell::Number(value), Some(computed)) if apart(value, computed) => {
            findings.push(messages::not_the_quotient(value, computed));
        }
        _ => {}
    }
    if let Some(value) = figures.value {
        bounds(value, indicator, findings);
    }
    figures
}

/// Judges the declared coverage of a row.
pub(super) fn coverage(columns: &Columns, row: usize, findings: &mut Vec<Finding>) {
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
fn parts(
    figures: &Figures,
    indicator: &Indicator,
    findings: &mut Vec<Finding>,
) -> Option<(Decimal, Decimal)> {
    let before = findings.len();
    let (numerator, denominator) = (figures.numerator, figures.denominator);
    let named = [
        (numerator, "numerator", "numerator.negative"),
        (denominator, "denominator", "denominator.negative"),
    ];
    for (part, field, rule) in named {
        if let Some(part) = part.filter(|part| *part < Decimal::ZERO) {
            findings.push(messages::negative(field, rule, part));
        }
    }
    if denominator == Some(Decimal::ZERO) {
        findings.push(messages::denominator_zero());
    }
    let both = numerator.zip(denominator);
    if let Some((numerator, denominator)) = both
        && is_share(indicator)
        && denominator > Decimal::ZERO
        && numerator > denominator
    {
        findings.push(messages::over_denominator(numerator, denominator));
    }
    both.filter(|_| findings.len() == before)
}

/// Whether the value was left to be computed from numerator and denominator, sound or not.
fn left_to_parts(columns: &Columns, row: usize, indicator: &Indicator) -> bool {
    let given = |part: &Numbers<Decimal>| !matches!(part.cell(row), Cell::Missing);
    is_quotient(indicator) && given(&columns.numerator) && given(&columns.denominator)
}

/// Whether its value is factor * numerator / denominator.
fn is_quotient(indicator: &Indicator) -> bool {
    let of_two = indicator.numerator.is_some() && indicator.denominator.is_some();
    indicator.kind == ValueKind::Ratio || indicator.behaviour == Behaviour::Ratio || of_two
}

/// Whether its numerator is a part of its denominator: its bounds say so, or it is a percentage without bounds.
fn is_share(indicator: &Indicator) -> bool {
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
