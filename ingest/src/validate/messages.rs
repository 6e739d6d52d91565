//! What is said of a row: one function for each rule, with the text in Vietnamese and English.
//!
//! Every text names the value and says what to do. Values are quoted, and cut if they are long: the whole row stands
//! beside them in the verdict.

mod against;
mod figures;

use chrono::NaiveDate;
use dinh_lake::feed::Feed;
use dinh_lake::indicator::Indicator;
use dinh_lake::observation::{Qualifier, Stage, Status};
use dinh_lake::unit::{UnitError, UnitVersion};

use super::finding::{Finding, listed};

pub(super) use against::{
    children_over_parent, decimal_separator_lost, is_unit_code, not_previous_plus_added,
    nothing_to_withdraw, same_as_other_unit, separator_before, tenfold, thousandfold,
    thousands_separator,
};
pub(super) use figures::{
    DENOMINATOR, FigureWords, NUMERATOR, VALUE, coverage_negative, coverage_not_an_integer,
    denominator_zero, negative, not_a_number, not_integer, not_the_quotient, out_of_bounds,
    over_denominator, over_expected, part_not_integer, separator_of_thousands, value_missing,
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
