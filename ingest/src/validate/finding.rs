//! What is found in a row, before it is a verdict.

use dinh_lake::submission::{Severity, Verdict};

/// One thing that was found in a row.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    field: &'static str,
    rule: &'static str,
    vi: String,
    en: String,
    suggestions: Vec<String>,
}

impl Finding {
    /// A rule that was broken, told in English and Vietnamese.
    pub(super) fn refused(
        field: &'static str,
        rule: &'static str,
        en: impl Into<String>,
        vi: impl Into<String>,
    ) -> Self {
        let (en, vi) = (en.into(), vi.into());
        Self { severity: Severity::Refused, field, rule, vi, en, suggestions: Vec::new() }
    }

    /// The same, but the row lands.
    pub(super) fn warned(self) -> Self {
        Self { severity: Severity::Warned, ..self }
    }

    /// Says which state of the lake the row was held against.
    pub(super) fn against(self, position: u64) -> Self {
        let en = format!("{} (against position {position})", self.en);
        let vi = format!("{} (so với vị trí {position})", self.vi);
        Self { en, vi, ..self }
    }

    /// Names the nearest valid values, in the texts too.
    pub(super) fn suggesting(mut self, suggestions: Vec<String>) -> Self {
        if !suggestions.is_empty() {
            let listed = listed(suggestions.iter().map(String::as_str));
            self.en = format!("{}; did you mean {listed}?", self.en);
            self.vi = format!("{}; có phải là {listed}?", self.vi);
        }
        Self { suggestions, ..self }
    }

    /// The nearest valid values, where the texts name them already.
    pub(super) fn with_suggestions(self, suggestions: Vec<String>) -> Self {
        Self { suggestions, ..self }
    }

    /// The verdict of a row, counted from 0 here and from 1 there.
    pub(super) fn verdict(self, row: usize, content: String) -> Verdict {
        Verdict {
            row: row as u64 + 1,
            severity: self.severity,
            field: self.field.to_owned(),
            rule: self.rule.to_owned(),
            message_vi: self.vi,
            message_en: self.en,
            suggestions: self.suggestions,
            content,
        }
    }
}

/// Texts between backticks, with commas.
pub(super) fn listed<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("`{text}`")).collect::<Vec<_>>().join(", ")
}
