//! What is said of the numbers of a row.

use dinh_lake::decimal::{Decimal, DecimalError};
use dinh_lake::indicator::Indicator;

use super::super::finding::Finding;
use super::quoted;

/// What a column of figures is called, and its rules.
#[derive(Debug)]
pub(in super::super) struct FigureWords {
    field: &'static str,
    not_a_number: &'static str,
    too_many_digits: &'static str,
}

pub(in super::super) const VALUE: FigureWords = FigureWords {
    field: "value",
    not_a_number: "value.not_a_number",
    too_many_digits: "value.too_many_digits",
};
pub(in super::super) const NUMERATOR: FigureWords = FigureWords {
    field: "numerator",
    not_a_number: "numerator.not_a_number",
    too_many_digits: "numerator.too_many_digits",
};
pub(in super::super) const DENOMINATOR: FigureWords = FigureWords {
    field: "denominator",
    not_a_number: "denominator.not_a_number",
    too_many_digits: "denominator.too_many_digits",
};

pub(in super::super) fn value_missing(indicator: &Indicator) -> Finding {
    let code = &indicator.indicator;
    Finding::refused(
        "value",
        "value.missing",
        format!(
            "`{code}` has no value: leave the row out if there is none, or withdraw it with status `withdrawn`"
        ),
        format!(
            "`{code}` chưa có giá trị: hãy bỏ dòng này nếu không có số liệu, hoặc rút bằng trạng thái `withdrawn`"
        ),
    )
}

pub(in super::super) fn not_a_number(
    words: &FigureWords,
    text: &str,
    error: DecimalError,
) -> Finding {
    let (sent, text, field) = (text, quoted(text), words.field);
    match error {
        DecimalError::Syntax => Finding::refused(
            field,
            words.not_a_number,
            format!("`{field}` {text} is not a decimal number: write it like `1015` or `93.86`"),
            format!("`{field}` {text} không phải số thập phân: hãy ghi như `1015` hoặc `93.86`"),
        )
        .suggesting(readings(sent)),
        DecimalError::TooManyDigits => Finding::refused(
            field,
            words.too_many_digits,
            format!(
                "`{field}` {text} has too many digits: at most 12 before the point and 6 after it"
            ),
            format!(
                "`{field}` {text} có quá nhiều chữ số: tối đa 12 chữ số trước và 6 chữ số sau dấu thập phân"
            ),
        ),
    }
}

pub(in super::super) fn negative(
    field: &'static str,
    rule: &'static str,
    number: Decimal,
) -> Finding {
    Finding::refused(
        field,
        rule,
        format!("`{field}` `{number}` is below zero: it counts something"),
        format!("`{field}` `{number}` nhỏ hơn 0: đây là số đếm được"),
    )
}

pub(in super::super) fn part_not_integer(
    field: &'static str,
    rule: &'static str,
    part: Decimal,
    counted: &str,
) -> Finding {
    Finding::refused(
        field,
        rule,
        format!("`{field}` `{part}` is not whole: it is `{counted}`, which counts whole things"),
        format!(
            "`{field}` `{part}` không phải số nguyên: đây là `{counted}`, đếm theo đơn vị nguyên"
        ),
    )
}

pub(in super::super) fn denominator_zero() -> Finding {
    Finding::refused(
        "denominator",
        "denominator.zero",
        "`denominator` is 0: leave both parts empty if there was nothing to count",
        "`denominator` bằng 0: hãy để trống cả tử số và mẫu số nếu không có gì để đếm",
    )
}

pub(in super::super) fn over_denominator(numerator: Decimal, denominator: Decimal) -> Finding {
    Finding::refused(
        "numerator",
        "numerator.over_denominator",
        format!("`numerator` `{numerator}` is more than `denominator` `{denominator}`: check both"),
        format!("tử số `{numerator}` lớn hơn mẫu số `{denominator}`: hãy kiểm tra lại cả hai"),
    )
}

pub(in super::super) fn not_the_quotient(value: Decimal, computed: Decimal) -> Finding {
    Finding::refused(
        "value",
        "value.not_numerator_over_denominator",
        format!(
            "`value` is `{value}`, but numerator and denominator give `{computed}`: check all three"
        ),
        format!(
            "giá trị là `{value}`, nhưng tử số và mẫu số cho `{computed}`: hãy kiểm tra lại cả ba"
        ),
    )
    .warned()
}

pub(in super::super) fn out_of_bounds(value: Decimal, indicator: &Indicator) -> Finding {
    let code = &indicator.indicator;
    let (en, vi) = match (indicator.min, indicator.max) {
        (Some(min), Some(max)) => (format!("from {min} to {max}"), format!("từ {min} đến {max}")),
        (Some(min), None) => (format!("at least {min}"), format!("ít nhất {min}")),
        (None, Some(max)) => (format!("at most {max}"), format!("tối đa {max}")),
        (None, None) => ("any number".to_owned(), "số bất kỳ".to_owned()),
    };
    Finding::refused(
        "value",
        "value.out_of_bounds",
        format!("`value` `{value}` cannot be true: `{code}` is {en}"),
        format!("giá trị `{value}` không hợp lý: `{code}` phải {vi}"),
    )
}

/// What a number with a comma may have meant: a comma before three digits may be either separator.
fn readings(text: &str) -> Vec<String> {
    let mut readings = Vec::new();
    if let Some((whole, rest)) = text.split_once(',') {
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        // In Vietnamese a point groups thousands and a comma begins the decimals.
        let whole: String = whole.split('.').collect();
        if digits(&whole) && digits(rest) && rest.len() <= 6 {
            readings.push(format!("{whole}.{rest}"));
            if rest.len() == 3 {
                readings.push(format!("{whole}{rest}"));
            }
        }
    }
    readings
}

/// A whole number that was sent with three zeroes after a point.
pub(in super::super) fn separator_of_thousands(
    sent: &str,
    value: Decimal,
    indicator: &Indicator,
) -> Finding {
    let (text, code) = (quoted(sent), &indicator.indicator);
    let meant: String = sent.split('.').collect();
    Finding::refused(
        "value",
        "value.thousands_separator",
        format!("`value` {text} is read as `{value}`: `{code}` counts whole things, so is the point a separator of thousands"),
        format!("giá trị {text} được đọc là `{value}`: `{code}` đếm theo đơn vị nguyên, vậy dấu chấm có phải để ngăn cách hàng nghìn"),
    )
    .warned()
    .suggesting(vec![meant])
}

pub(in super::super) fn not_integer(value: Decimal, indicator: &Indicator) -> Finding {
    let code = &indicator.indicator;
    // Three decimals where none can be are most likely thousands.
    let shown = value.to_string();
    let meant = shown.split_once('.').filter(|(_, decimals)| decimals.len() == 3);
    let meant = meant.map(|(whole, decimals)| format!("{whole}{decimals}"));
    Finding::refused(
        "value",
        "value.not_integer",
        format!("`value` `{value}` is not whole: `{code}` counts whole things"),
        format!("giá trị `{value}` không phải số nguyên: `{code}` đếm theo đơn vị nguyên"),
    )
    .suggesting(meant.into_iter().collect())
}

pub(in super::super) fn coverage_not_an_integer(field: &'static str, text: &str) -> Finding {
    let text = quoted(text);
    Finding::refused(
        field,
        "coverage.not_an_integer",
        format!("`{field}` {text} is not a whole number"),
        format!("`{field}` {text} không phải số nguyên"),
    )
}

pub(in super::super) fn coverage_negative(field: &'static str, count: i64) -> Finding {
    Finding::refused(
        field,
        "coverage.negative",
        format!("`{field}` `{count}` is below zero"),
        format!("`{field}` `{count}` nhỏ hơn 0"),
    )
}

pub(in super::super) fn over_expected(reported: i64, expected: i64) -> Finding {
    Finding::refused(
        "coverage_reported",
        "coverage.over_expected",
        format!(
            "`coverage_reported` `{reported}` is more than `coverage_expected` `{expected}`: check both"
        ),
        format!(
            "`coverage_reported` `{reported}` lớn hơn `coverage_expected` `{expected}`: hãy kiểm tra lại cả hai"
        ),
    )
}
