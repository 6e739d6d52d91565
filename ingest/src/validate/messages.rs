//! What is said of a row: one function for each rule, with the text in Vietnamese and English.
//!
//! Every text names the value and says what to do. Values are quoted, and cut if they are long: the whole row stands
//! beside them in the verdict.

use chrono::NaiveDate;
use dinh_lake::decimal::{Decimal, DecimalError};
use dinh_lake::feed::Feed;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::unit::{UnitError, UnitVersion};

use super::finding::{Finding, listed};

/// What a column of figures is called, and its rules.
#[derive(Debug)]
pub(super) struct FigureWords {
    field: &'static str,
    not_a_number: &'static str,
    too_many_digits: &'static str,
}

pub(super) const VALUE: FigureWords = FigureWords {
    field: "value",
    not_a_number: "value.not_a_number",
    too_many_digits: "value.too_many_digits",
};
pub(super) const NUMERATOR: FigureWords = FigureWords {
    field: "numerator",
    not_a_number: "numerator.not_a_number",
    too_many_digits: "numerator.too_many_digits",
};
pub(super) const DENOMINATOR: FigureWords = FigureWords {
    field: "denominator",
    not_a_number: "denominator.not_a_number",
    too_many_digits: "denominator.too_many_digits",
};

pub(super) fn missing(field: &'static str, rule: &'static str) -> Finding {
    let en = format!("`{field}` is empty: it is required");
    Finding::refused(field, rule, en, format!("`{field}` để trống: cột này là bắt buộc"))
}

pub(super) fn indicator(code: &str, nearest: Vec<String>) -> Finding {
    let code = quoted(code);
    let en = format!("indicator {code} is not in the catalogue");
    Finding::refused(
        "indicator",
        "indicator.unknown",
        en,
        format!("chỉ tiêu {code} không có trong danh mục"),
    )
    .suggesting(nearest)
}

pub(super) fn not_in_feed(code: &str, feed: &Feed) -> Finding {
    let (code, feed) = (quoted(code), &feed.feed);
    Finding::refused(
        "indicator",
        "indicator.not_in_feed",
        format!(
            "indicator {code} is not carried by feed `{feed}`: push it to a feed that carries it"
        ),
        format!("nguồn `{feed}` không nhận chỉ tiêu {code}: hãy gửi vào nguồn có chỉ tiêu này"),
    )
}

pub(super) fn unit(rule: &'static str, error: &UnitError) -> Finding {
    Finding::refused("unit", rule, error.message_en(), error.message_vi())
        .with_suggestions(error.suggestions())
}

pub(super) fn unit_not_looked_up(text: &str) -> Finding {
    let text = quoted(text);
    Finding::refused(
        "unit",
        "unit.unknown",
        format!(
            "unit {text} is no code of a unit; too many units before it were unknown to look further"
        ),
        format!(
            "{text} không phải mã đơn vị; phía trước đã có quá nhiều đơn vị không xác định nên không tra tiếp"
        ),
    )
}

pub(super) fn outside_grant(text: &str, unit: &UnitVersion, granted: &str) -> Finding {
    let (text, name) = (quoted(text), &unit.name);
    Finding::refused(
        "unit",
        "unit.outside_grant",
        format!(
            "unit {text} ({name}) is not within {granted}, which is all that the token may write"
        ),
        format!(
            "đơn vị {text} ({name}) không thuộc {granted}, phạm vi mà mã truy cập được phép ghi"
        ),
    )
}

pub(super) fn outside_feed(text: &str, unit: &UnitVersion, feed: &Feed, within: &str) -> Finding {
    let (text, name, feed) = (quoted(text), &unit.name, &feed.feed);
    Finding::refused(
        "unit",
        "unit.outside_feed",
        format!(
            "unit {text} ({name}) is not within {within}, which is what feed `{feed}` reports on"
        ),
        format!("đơn vị {text} ({name}) không thuộc {within}, phạm vi báo cáo của nguồn `{feed}`"),
    )
}

pub(super) fn level(indicator: &Indicator, unit: &UnitVersion) -> Finding {
    let (code, level, name) = (&indicator.indicator, &unit.level, &unit.name);
    let levels = listed(indicator.levels.iter().map(String::as_str));
    Finding::refused(
        "unit",
        "level.not_allowed",
        format!("{name} is of level `{level}`, but `{code}` is reported at {levels}"),
        format!("{name} thuộc cấp `{level}`, còn `{code}` chỉ báo cáo ở cấp {levels}"),
    )
}

pub(super) fn period(label: &str) -> Finding {
    let label = quoted(label);
    let forms = "`2023`, `2024-03`, `2024-03-14`, `2023-12-10/2024-07-30`, `2024-Q4`";
    Finding::refused(
        "period",
        "period.unparsable",
        format!("{label} is not a period: write it like {forms}"),
        format!("{label} không phải kỳ số liệu: hãy ghi theo dạng {forms}"),
    )
}

pub(super) fn future(label: &str, end: NaiveDate, today: NaiveDate) -> Finding {
    let label = quoted(label);
    Finding::refused(
        "period",
        "period.future",
        format!(
            "period {label} ends on {end}, after today, {today}: is it a target, or another year?"
        ),
        format!(
            "kỳ {label} kết thúc ngày {end}, sau hôm nay, {today}: đây là mục tiêu, hay nhầm năm?"
        ),
    )
    .warned()
}

pub(super) fn stage(code: &str, indicator: Option<&Indicator>) -> Finding {
    let code = quoted(code);
    let stages = indicator.map(|indicator| indicator.stages.iter().copied().collect::<Vec<_>>());
    let codes = stages.as_deref().unwrap_or(Stage::ALL).iter().map(|stage| stage.code());
    let suggestions = codes.map(str::to_owned).collect();
    let en = format!("{code} is not a stage");
    Finding::refused("stage", "stage.unknown", en, format!("{code} không phải giai đoạn số liệu"))
        .suggesting(suggestions)
}

pub(super) fn stage_not_allowed(stage: Stage, indicator: &Indicator) -> Finding {
    let (code, stages) = (&indicator.indicator, indicator.stages.iter().map(|stage| stage.code()));
    Finding::refused(
        "stage",
        "stage.not_allowed",
        format!("`{code}` is not reported at stage `{stage}`"),
        format!("`{code}` không có số liệu ở giai đoạn `{stage}`"),
    )
    .suggesting(stages.map(str::to_owned).collect())
}

pub(super) fn qualifier(code: &str) -> Finding {
    let code = quoted(code);
    let en = format!("{code} is not a qualifier");
    Finding::refused(
        "qualifier",
        "qualifier.unknown",
        en,
        format!("{code} không phải mức độ chính xác"),
    )
    .suggesting(Qualifier::ALL.iter().map(|code| code.to_string()).collect())
}

pub(super) fn status(code: &str) -> Finding {
    let code = quoted(code);
    let en = format!("{code} is not a status");
    Finding::refused(
        "status",
        "status.unknown",
        en,
        format!("{code} không phải trạng thái số liệu"),
    )
    .suggesting(Status::ALL.iter().map(|code| code.to_string()).collect())
}

pub(super) fn value_missing(indicator: &Indicator) -> Finding {
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

pub(super) fn not_a_number(words: &FigureWords, text: &str, error: DecimalError) -> Finding {
    let (text, field) = (quoted(text), words.field);
    match error {
        DecimalError::Syntax => Finding::refused(
            field,
            words.not_a_number,
            format!("`{field}` {text} is not a decimal number: write it like `1015` or `93.86`"),
            format!("`{field}` {text} không phải số thập phân: hãy ghi như `1015` hoặc `93.86`"),
        ),
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

pub(super) fn negative(field: &'static str, rule: &'static str, number: Decimal) -> Finding {
    Finding::refused(
        field,
        rule,
        format!("`{field}` `{number}` is below zero: it counts something"),
        format!("`{field}` `{number}` nhỏ hơn 0: đây là số đếm được"),
    )
}

pub(super) fn denominator_zero() -> Finding {
    Finding::refused(
        "denominator",
        "denominator.zero",
        "`denominator` is 0: leave both parts empty if there was nothing to count",
        "`denominator` bằng 0: hãy để trống cả tử số và mẫu số nếu không có gì để đếm",
    )
}

pub(super) fn over_denominator(numerator: Decimal, denominator: Decimal) -> Finding {
    Finding::refused(
        "numerator",
        "numerator.over_denominator",
        format!("`numerator` `{numerator}` is more than `denominator` `{denominator}`: check both"),
        format!("tử số `{numerator}` lớn hơn mẫu số `{denominator}`: hãy kiểm tra lại cả hai"),
    )
}

pub(super) fn not_the_quotient(value: Decimal, computed: Decimal) -> Finding {
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

pub(super) fn out_of_bounds(value: Decimal, indicator: &Indicator) -> Finding {
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

pub(super) fn not_integer(value: Decimal, indicator: &Indicator) -> Finding {
    let code = &indicator.indicator;
    Finding::refused(
        "value",
        "value.not_integer",
        format!("`value` `{value}` is not whole: `{code}` counts whole things"),
        format!("giá trị `{value}` không phải số nguyên: `{code}` đếm theo đơn vị nguyên"),
    )
}

pub(super) fn coverage_not_an_integer(field: &'static str, text: &str) -> Finding {
    let text = quoted(text);
    Finding::refused(
        field,
        "coverage.not_an_integer",
        format!("`{field}` {text} is not a whole number"),
        format!("`{field}` {text} không phải số nguyên"),
    )
}

pub(super) fn coverage_negative(field: &'static str, count: i64) -> Finding {
    Finding::refused(
        field,
        "coverage.negative",
        format!("`{field}` `{count}` is below zero"),
        format!("`{field}` `{count}` nhỏ hơn 0"),
    )
}

pub(super) fn over_expected(reported: i64, expected: i64) -> Finding {
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

pub(super) fn note(characters_max: usize) -> Finding {
    Finding::refused(
        "note",
        "note.too_long",
        format!("`note` is longer than {characters_max} characters: shorten it"),
        format!("`note` dài hơn {characters_max} ký tự: hãy rút ngắn"),
    )
}

pub(super) fn duplicate(first: usize) -> Finding {
    let first = first + 1;
    Finding::refused(
        "indicator",
        "key.duplicate",
        format!(
            "row {first} has the same indicator, unit, period and stage: send each once in a submission"
        ),
        format!(
            "trùng chỉ tiêu, đơn vị, kỳ và giai đoạn với dòng {first}: mỗi ô chỉ gửi một lần trong một lần gửi"
        ),
    )
}

/// Why a good row of an atomic submission does not land; `refused` are the rows at fault, from 0, at least one.
pub(super) fn atomic(refused: &[usize]) -> Finding {
    let (count, first) = (refused.len(), refused.first().map_or(0, |row| row + 1));
    Finding::refused(
        "mode",
        "atomic.refused",
        format!(
            "nothing is wrong with this row, but {count} rows of this atomic submission are refused, row {first} first"
        ),
        format!(
            "dòng này không có lỗi, nhưng lần gửi trọn gói này có {count} dòng bị từ chối, trước hết là dòng {first}"
        ),
    )
}

/// A value between backticks, cut if it is long.
fn quoted(text: &str) -> String {
    const CHARACTERS_MAX: usize = 80;
    match text.char_indices().nth(CHARACTERS_MAX) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
