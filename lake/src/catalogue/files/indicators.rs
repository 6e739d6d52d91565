//! `indicators.csv`: one indicator a line.

use super::sheet::{Cells, Layout, Row, Sheet};
use super::{Fault, SourceFile};
use crate::feed::Feed;
use crate::indicator::{
    Behaviour, Direction, Indicator, Rules, StateRule, Tier, TimeAggregation, UnitAggregation,
    ValueKind,
};
use crate::observation::Stage;
use crate::unit::UnitVersion;

/// The file's name.
pub(super) const FILE: &str = "indicators.csv";

const LAYOUT: Layout = Layout {
    file: FILE,
    columns: &[
        "indicator",
        "name_vi",
        "name_en",
        "kind",
        "unit_of_measure",
        "pillar",
        "behaviour",
        "aggregation",
        "aggregation_time",
        "numerator",
        "denominator",
        "factor",
        "direction",
        "levels",
        "stages",
        "default_stage",
        "min",
        "max",
        "integer",
        "tier",
        "rebase_weight",
        "ranks",
        "precedence",
        "rules",
    ],
    may_lack: &["rules"],
    optional: false,
};

/// What a figure may be split by across a reform.
const REBASE_WEIGHTS: &[&str] = &["population", "households", "area", "villages", "units", "none"];

/// Reads the file.
pub(super) fn read(files: &[SourceFile], faults: &mut Vec<Fault>) -> Sheet<Indicator> {
    Sheet::read(&LAYOUT, files, faults, indicator)
}

fn indicator(cells: &mut Cells<'_>) -> Option<Indicator> {
    let indicator = cells.word("indicator");
    let name_vi = cells.required("name_vi");
    let kind = cells.one_of("kind", ValueKind::ALL, ValueKind::code);
    let unit_of_measure = cells.required("unit_of_measure");
    let behaviour = cells.one_of("behaviour", Behaviour::ALL, Behaviour::code);
    let aggregation = cells.one_of("aggregation", UnitAggregation::ALL, UnitAggregation::code);
    let aggregation_time =
        cells.one_of("aggregation_time", TimeAggregation::ALL, TimeAggregation::code);
    let factor = cells.whole("factor", Some(1));
    let direction = cells.one_of("direction", Direction::ALL, Direction::code);
    let levels = cells.required("levels").map(|_| cells.list("levels"));
    let stages = cells.several_of("stages", Stage::ALL, Stage::code);
    let default_stage = cells.one_of("default_stage", Stage::ALL, Stage::code);
    let (min, max) = (cells.optional_decimal("min"), cells.optional_decimal("max"));
    let integer = cells.truth("integer");
    let tier = cells.one_of("tier", Tier::ALL, Tier::code);
    let rebase_weight = cells.one_of("rebase_weight", REBASE_WEIGHTS, |text| text);
    let rules = rules(cells);
    Some(Indicator {
        indicator: indicator?,
        name_vi: name_vi?,
        name_en: cells.optional("name_en"),
        kind: kind?,
        unit_of_measure: unit_of_measure?,
        pillar: cells.optional("pillar"),
        behaviour: behaviour?,
        aggregation: aggregation?,
        aggregation_time: aggregation_time?,
        numerator: cells.optional("numerator"),
        denominator: cells.optional("denominator"),
        factor: factor?,
        direction: direction?,
        levels: levels?.into_iter().collect(),
        stages: stages?.into_iter().collect(),
        default_stage: default_stage?,
        min: min?,
        max: max?,
        integer: integer?,
        tier: tier?,
        rebase_weight: rebase_weight?.to_owned(),
        ranks: cells.optional("ranks"),
        precedence: cells.list("precedence"),
        rules: rules?,
    })
}

/// The cell `rules`: `added=<indicator>` and `off=<rule>`, between `;`.
fn rules(cells: &mut Cells<'_>) -> Option<Rules> {
    const COLUMN: &str = "rules";
    let mut rules = Some(Rules::default());
    for part in cells.list(COLUMN) {
        let known = match part.split_once('=').map(|(name, what)| (name.trim(), what.trim())) {
            Some(("added", indicator)) if !indicator.is_empty() => {
                let twice = rules.as_mut().and_then(|rules| rules.added.replace(indicator.into()));
                twice.is_none()
            }
            Some(("off", rule)) => StateRule::from_code(rule)
                .is_some_and(|rule| rules.as_mut().is_none_or(|rules| rules.off.insert(rule))),
            _ => false,
        };
        if !known {
            let off = StateRule::ALL.iter().map(|rule| format!("`off={rule}`"));
            let off = off.collect::<Vec<_>>().join(", ");
            let en = format!(
                "`{part}` is no rule, or stands twice; the rules are `added=<indicator>`, {off}"
            );
            let vi = format!(
                "`{part}` không phải quy tắc, hoặc bị lặp lại; các quy tắc là `added=<chỉ tiêu>`, {off}"
            );
            rules = cells.fault(COLUMN, &en, &vi);
        }
    }
    rules
}

/// Checks the indicators, each by itself and against each other, the units and the feeds.
pub(super) fn check(
    indicators: &Sheet<Indicator>,
    units: &Sheet<UnitVersion>,
    feeds: &Sheet<Feed>,
    faults: &mut Vec<Fault>,
) {
    indicators.unique(faults, |indicator| indicator.indicator.clone());
    for row in &indicators.rows {
        check_figures(indicators, row, faults);
        check_parts(indicators, row, faults);
        for level in &row.value.levels {
            if units.all_sound() && !units.values().any(|version| version.level == *level) {
                let en = format!("no unit in `units.csv` has the level `{level}`");
                let vi = format!("không đơn vị nào trong `units.csv` có cấp `{level}`");
                indicators.fault(faults, row.line, Some("levels"), &en, &vi);
            }
        }
        check_rules(indicators, row, faults);
        for feed in &row.value.precedence {
            indicators.refers(faults, row.line, "precedence", feed, feeds);
        }
    }
}

/// What one line says of stages and values fits together.
fn check_figures(sheet: &Sheet<Indicator>, row: &Row<Indicator>, faults: &mut Vec<Fault>) {
    let Indicator { stages, default_stage, min, max, factor, .. } = &row.value;
    if !stages.contains(default_stage) {
        let en = format!("`{default_stage}` is not among the stages of this line");
        let vi = format!("`{default_stage}` không có trong cột `stages` của dòng này");
        sheet.fault(faults, row.line, Some("default_stage"), &en, &vi);
    }
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        let en = format!("`{min}` is over the `max` `{max}`");
        sheet.fault(faults, row.line, Some("min"), &en, &format!("`{min}` lớn hơn `max` `{max}`"));
    }
    if *factor < 1 {
        let en = format!("`{factor}` is not positive; write 100 for a percentage");
        let vi = format!("`{factor}` không phải số dương; tỷ lệ phần trăm thì ghi 100");
        sheet.fault(faults, row.line, Some("factor"), &en, &vi);
    }
}

/// The indicators that one line names are there.
fn check_parts(sheet: &Sheet<Indicator>, row: &Row<Indicator>, faults: &mut Vec<Fault>) {
    let Indicator { indicator, numerator, denominator, ranks, .. } = &row.value;
    for (column, part) in [("numerator", numerator), ("denominator", denominator), ("ranks", ranks)]
    {
        let Some(part) = part else { continue };
        if part == indicator {
            let en = "an indicator cannot be a part of itself";
            sheet.fault(
                faults,
                row.line,
                Some(column),
                en,
                "chỉ tiêu không thể là một phần của chính nó",
            );
        }
        sheet.refers(faults, row.line, column, part, sheet);
    }
    for (column, part, other) in
        [("numerator", numerator, denominator), ("denominator", denominator, numerator)]
    {
        if part.is_none() && other.is_some() {
            let en =
                "must not be empty: a ratio has both a numerator and a denominator, or neither";
            let vi = "không được để trống: tỷ lệ phải có cả tử số và mẫu số, hoặc không có cả hai";
            sheet.fault(faults, row.line, Some(column), en, vi);
        }
    }
}

/// What one line says of rules can be held against figures.
fn check_rules(sheet: &Sheet<Indicator>, row: &Row<Indicator>, faults: &mut Vec<Fault>) {
    let Indicator { indicator, behaviour, rules, .. } = &row.value;
    let Some(added) = &rules.added else { return };
    sheet.refers(faults, row.line, "rules", added, sheet);
    let flow = sheet.values().find(|other| other.indicator == *added);
    if *behaviour != Behaviour::Stock
        || flow.is_some_and(|other| other.behaviour != Behaviour::Flow)
    {
        let en = format!(
            "`added={added}` needs a stock and a flow: `{indicator}` must be a stock and `{added}` a flow"
        );
        let vi = format!(
            "`added={added}` cần số tồn và số phát sinh: `{indicator}` phải là `stock` và `{added}` phải là `flow`"
        );
        sheet.fault(faults, row.line, Some("rules"), &en, &vi);
    }
}
