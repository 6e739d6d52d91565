//! What is said of a row that was held against the present state. All of it warns; the position is added to each text.

use dinh_lake::decimal::Decimal;
use dinh_lake::observation::Stage;
use dinh_lake::unit::UnitVersion;

use super::super::finding::Finding;

fn warned(rule: &'static str, en: String, vi: String) -> Finding {
    Finding::refused("value", rule, en, vi).warned()
}

/// A withdrawal of a cell without a figure.
pub(in super::super) fn nothing_to_withdraw(
    indicator: &str,
    unit: &UnitVersion,
    period: &str,
    stage: Stage,
) -> Finding {
    let name = &unit.name;
    Finding::refused(
        "status",
        "status.nothing_to_withdraw",
        format!(
            "nothing to withdraw: `{indicator}` of {name} has no figure for `{period}` at stage `{stage}` in this feed: was another unit, period or stage meant?"
        ),
        format!(
            "không có gì để rút: `{indicator}` của {name} chưa có số liệu kỳ `{period}` ở giai đoạn `{stage}` trong nguồn này: có nhầm đơn vị, kỳ hoặc giai đoạn không?"
        ),
    )
    .warned()
}

/// A figure that fits the one before once its point is taken as a separator of thousands.
pub(in super::super) fn thousands_separator(
    value: Decimal,
    sent: Option<&str>,
    before: Decimal,
) -> Finding {
    let shown = sent.map_or_else(|| value.to_string(), str::to_owned);
    let meant = Decimal::from_unscaled(1_000 * value.unscaled()).map(|meant| meant.to_string());
    warned(
        "value.thousands_separator",
        format!("`value` `{shown}` is read as `{value}`, a thousandth of the `{before}` before: is the point a separator of thousands"),
        format!("giá trị `{shown}` được đọc là `{value}`, bằng một phần nghìn của số kỳ trước `{before}`: dấu chấm có phải để ngăn cách hàng nghìn"),
    )
    .suggesting(meant.into_iter().collect())
}

/// A figure that fits the one before if that one's point was meant as a separator of thousands.
pub(in super::super) fn separator_before(value: Decimal, before: Decimal) -> Finding {
    warned(
        "value.thousands_separator",
        format!(
            "`value` `{value}` is a thousand times the `{before}` before: if that was sent with a separator of thousands, revise it"
        ),
        format!(
            "giá trị `{value}` gấp một nghìn lần số kỳ trước `{before}`: nếu số đó đã gửi kèm dấu ngăn cách hàng nghìn thì hãy đính chính"
        ),
    )
}

/// A whole number that fits the one before if it lost its decimal point.
pub(in super::super) fn decimal_separator_lost(value: Decimal, before: Decimal) -> Finding {
    warned(
        "value.decimal_separator",
        format!(
            "`value` `{value}` is whole and many times the `{before}` before: did it lose its decimal point or comma?"
        ),
        format!(
            "giá trị `{value}` là số nguyên và gấp nhiều lần số kỳ trước `{before}`: có bị mất dấu thập phân không?"
        ),
    )
}

/// A figure that is about a thousand times the one before, or a thousandth.
pub(in super::super) fn thousandfold(value: Decimal, before: Decimal) -> Finding {
    warned(
        "value.thousandfold",
        format!(
            "`value` `{value}` and the `{before}` before are a thousand times apart: was it sent in another unit of measure?"
        ),
        format!(
            "giá trị `{value}` và số kỳ trước `{before}` chênh nhau một nghìn lần: có gửi nhầm đơn vị tính không?"
        ),
    )
}

/// A figure that is ten times the one before or more, or a tenth or less.
pub(in super::super) fn tenfold(value: Decimal, before: Decimal) -> Finding {
    warned(
        "value.tenfold",
        format!(
            "`value` `{value}` and the `{before}` before are about ten times apart or more: is there a digit too many or too few?"
        ),
        format!(
            "giá trị `{value}` và số kỳ trước `{before}` chênh nhau khoảng mười lần trở lên: có thừa hoặc thiếu chữ số không?"
        ),
    )
}

/// A stock that is not what it was plus what was added.
pub(in super::super) fn not_previous_plus_added(
    value: Decimal,
    before: Decimal,
    added: Decimal,
    code: &str,
) -> Finding {
    warned(
        "value.not_previous_plus_added",
        format!(
            "`value` is `{value}`, but the `{before}` before and `{added}` of `{code}` do not add up to it: check all three"
        ),
        format!(
            "giá trị là `{value}`, nhưng số kỳ trước `{before}` cộng với `{added}` của `{code}` không bằng số này: hãy kiểm tra lại cả ba"
        ),
    )
}

/// Units that together have more than the unit above them.
pub(in super::super) fn children_over_parent(
    parent: &UnitVersion,
    whole: Decimal,
    count: usize,
    sum: Decimal,
) -> Finding {
    let name = &parent.name;
    warned(
        "value.children_over_parent",
        format!(
            "{count} units below {name} have `{sum}` together, more than its own `{whole}`: check both"
        ),
        format!(
            "{count} đơn vị trực thuộc {name} cộng lại được `{sum}`, nhiều hơn `{whole}` của chính đơn vị này: hãy kiểm tra lại"
        ),
    )
}

/// A count that is the code of a unit.
pub(in super::super) fn is_unit_code(
    value: Decimal,
    unit: &UnitVersion,
    holder: &UnitVersion,
) -> Finding {
    let (code, name) = (&holder.code, &holder.name);
    let (own_en, own_vi) = if unit.unit == holder.unit {
        ("its own official code".to_owned(), "mã của chính đơn vị".to_owned())
    } else {
        (format!("the official code of {name}"), format!("mã của {name}"))
    };
    warned(
        "value.unit_code",
        format!("`value` `{value}` is `{code}`, {own_en}: was a column taken for another?"),
        format!("giá trị `{value}` trùng `{code}`, {own_vi}: có nhầm cột không?"),
    )
}

/// A count that a unit beside has too.
pub(in super::super) fn same_as_other_unit(
    value: Decimal,
    unit: &UnitVersion,
    other: &UnitVersion,
) -> Finding {
    let (name, other, code) = (&unit.name, &other.name, &other.code);
    warned(
        "value.same_as_other_unit",
        format!(
            "`value` `{value}` of {name} is also that of {other} (`{code}`): was a row taken for another?"
        ),
        format!("giá trị `{value}` của {name} trùng với {other} (`{code}`): có nhầm dòng không?"),
    )
}
