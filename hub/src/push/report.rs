//! What a push is told: the hub's verdicts by the lines of the file, and what was noticed before sending.
//!
//! A verdict names a row of the submission; a person looks for a line of the file. Where the hub refused a figure that
//! did not read here, the reason of here is told beside: the hub saw only a text that is no number.

use std::collections::BTreeMap;

use dinh_lake::submission::Severity;
use serde::Serialize;

use super::rejects::Reason;
use super::rows::Reading;
use crate::config::Lang;
use crate::wording::Wording;

/// A verdict of the hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowVerdict {
    /// The row's number in the submission, from 1.
    pub row: u64,
    /// Whether it landed.
    pub severity: Severity,
    /// The column at fault.
    pub field: String,
    /// The rule.
    pub rule: String,
    /// What is wrong and what to do.
    pub wording: Wording,
}

/// One thing that was found in one row of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The line of the file.
    pub line: u64,
    /// The row's number in the submission, from 1.
    pub row: u64,
    /// `refused`, `warned`, or `noticed` before it was sent.
    pub severity: &'static str,
    /// The column at fault.
    pub field: String,
    /// The rule.
    pub rule: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Findings of one rule and column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// As in [`Finding`].
    pub severity: &'static str,
    /// The rule.
    pub rule: String,
    /// The column at fault.
    pub field: String,
    /// How many rows.
    pub rows: usize,
    /// Their lines in the file.
    pub lines: Vec<u64>,
    /// The message of the first.
    pub message: String,
}

/// Findings in order of lines: the hub's, told with what was known here, then what was only noticed here.
#[must_use]
pub fn findings(reading: &Reading, verdicts: &[RowVerdict], lang: Lang) -> Vec<Finding> {
    let remark_of: BTreeMap<(u64, &str), _> = reading
        .remarks
        .iter()
        .filter(|remark| remark.severity == Severity::Refused)
        .map(|remark| ((remark.row, remark.column.name()), remark))
        .collect();
    let line_of = |row: u64| {
        let index = usize::try_from(row).ok().and_then(|row| row.checked_sub(1));
        index.and_then(|index| reading.rows.get(index)).map_or(0, |row| row.line)
    };
    let from_hub = verdicts.iter().map(|verdict| {
        let remark = remark_of
            .get(&(verdict.row, verdict.field.as_str()))
            .filter(|_| verdict.severity == Severity::Refused);
        let message = match remark {
            Some(remark) => remark.problem.wording(&remark.raw).text(lang).to_owned(),
            None => verdict.wording.text(lang).to_owned(),
        };
        let rule = match remark {
            Some(remark) => format!("{} ({})", verdict.rule, remark.problem.rule()),
            None => verdict.rule.clone(),
        };
        Finding {
            line: line_of(verdict.row),
            row: verdict.row,
            severity: verdict.severity.code(),
            field: verdict.field.clone(),
            rule,
            message,
        }
    });
    let noticed = reading.remarks.iter().filter(|remark| remark.severity == Severity::Warned);
    let noticed = noticed.map(|remark| Finding {
        line: remark.line,
        row: remark.row,
        severity: "noticed",
        field: remark.column.name().to_owned(),
        rule: remark.problem.rule().to_owned(),
        message: remark.problem.wording(&remark.raw).text(lang).to_owned(),
    });
    let mut findings: Vec<Finding> = from_hub.chain(noticed).collect();
    findings.sort_by_key(|finding| finding.line);
    findings
}

/// Findings by severity, rule and column; refused ones first, then in order of the first line.
#[must_use]
pub fn groups(findings: &[Finding]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut index_of: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
    for finding in findings {
        let key = (finding.severity, finding.rule.as_str(), finding.field.as_str());
        let index = *index_of.entry(key).or_insert_with(|| {
            groups.push(Group {
                severity: finding.severity,
                rule: finding.rule.clone(),
                field: finding.field.clone(),
                rows: 0,
                lines: Vec::new(),
                message: finding.message.clone(),
            });
            groups.len() - 1
        });
        groups[index].rows += 1;
        groups[index].lines.push(finding.line);
    }
    let rank = |severity| match severity {
        "refused" => 0,
        "warned" => 1,
        _ => 2,
    };
    groups.sort_by_key(|group| rank(group.severity));
    groups
}

/// The reasons of refused records, by their index in the table.
#[must_use]
pub fn reasons(reading: &Reading, findings: &[Finding]) -> BTreeMap<usize, Reason> {
    let mut reasons: BTreeMap<usize, Reason> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.severity == Severity::Refused.code()) {
        let index = usize::try_from(finding.row).ok().and_then(|row| row.checked_sub(1));
        if let Some(row) = index.and_then(|index| reading.rows.get(index)) {
            let reason = reasons.entry(row.record).or_default();
            reason.rules.push(finding.rule.clone());
            reason.messages.push(finding.message.clone());
        }
    }
    reasons
}

/// Lines as people write them: `2, 5-9, 12`; at most `spans_max` of them, then how many are left.
#[must_use]
pub fn lines_text(lines: &[u64], spans_max: usize) -> String {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for &line in lines {
        match spans.last_mut() {
            Some((_, last)) if line == *last || line == *last + 1 => *last = line,
            _ => spans.push((line, line)),
        }
    }
    let text = |(first, last): &(u64, u64)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    let shown: Vec<String> = spans.iter().take(spans_max).map(text).collect();
    let more = spans.len().saturating_sub(spans_max);
    if more == 0 { shown.join(", ") } else { format!("{}, … (+{more})", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::super::number::{Expected, Locale};
    use super::super::{rows, table};
    use super::*;

    fn reading(lines: &[&str]) -> Reading {
        let text = "indicator;unit;period;value\n\n".to_owned() + &lines.join("\n");
        rows::read(&table::read(&text).unwrap(), Locale::Vi, |_| Expected::Unknown)
    }

    fn refused(row: u64, field: &str, rule: &str) -> RowVerdict {
        let wording = Wording::new(format!("{rule} vi"), format!("{rule} en"));
        RowVerdict {
            row,
            severity: Severity::Refused,
            field: field.into(),
            rule: rule.into(),
            wording,
        }
    }

    #[test]
    fn verdicts_are_told_by_lines_and_with_the_reason_of_here() {
        let reading = reading(&["a;1;2023;5", "b;1;2023;", "c;9;2023;12.34", "d;9;2023;１"]);
        let verdicts = [
            refused(2, "unit", "unit.unknown"),
            refused(2, "value", "value.not_a_number"),
            refused(3, "unit", "unit.unknown"),
        ];
        let findings = findings(&reading, &verdicts, Lang::En);
        let told: Vec<_> = findings
            .iter()
            .map(|f| format!("{} {} {} {}", f.line, f.severity, f.field, f.rule))
            .collect();
        assert_eq!(
            told,
            [
                "5 refused unit unit.unknown",
                "5 refused value value.not_a_number (number.other_locale)",
                "6 refused unit unit.unknown",
                "6 noticed value number.full_width",
            ]
        );
        assert!(
            findings[1].message.starts_with("`12.34` has separators"),
            "{}",
            findings[1].message
        );

        let groups = groups(&findings);
        let told: Vec<_> = groups.iter().map(|g| (g.rule.as_str(), g.lines.as_slice())).collect();
        assert_eq!(told[0], ("unit.unknown", [5, 6].as_slice()));
        assert_eq!(groups.len(), 3);

        let reasons = reasons(&reading, &findings);
        assert_eq!(reasons.keys().copied().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(reasons[&2].rules.len(), 2);
    }

    #[test]
    fn lines_join_into_spans() {
        assert_eq!(lines_text(&[2, 5, 6, 7, 12], 9), "2, 5-7, 12");
        assert_eq!(lines_text(&[2, 4, 6, 8], 2), "2, 4, … (+2)");
        assert_eq!(lines_text(&[], 2), "");
    }
}
